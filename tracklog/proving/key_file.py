"""The key that signs checkpoints: in a file that its owner alone may read, or given as text.

It is in no event, no store, no answer and no error.
"""

import contextlib
import os
import secrets as random_bytes
import stat
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Final

from schemas.durable_rename import rename_durably
from tracklog.settings.proof import KEY_VARIABLE, ProofSettings

if TYPE_CHECKING:
    from event_log.proof.note import PrivateKey

DEFAULT_NAME: Final = "tracklog"


class KeyRefused(Exception):
    """There is no key where one was named, or what is there is none; the message says so to people."""


class KeySource(ABC):
    """Where the key is had."""

    @abstractmethod
    def key(self) -> "PrivateKey":
        """The key of the moment. Raises KeyRefused."""


class GivenKey(KeySource):
    """As text."""

    def __init__(self, text: str, source: str = KEY_VARIABLE) -> None:
        self._text = text
        self._source = source

    def key(self) -> "PrivateKey":
        return _parsed(self._text, self._source)


class KeyFile(KeySource):
    """In a file, which is read again when it is another than it was."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: tuple[tuple[int, int], PrivateKey] | None = None

    def key(self) -> "PrivateKey":
        try:
            status = os.stat(self.path)
            version = status.st_ino, status.st_mtime_ns
            if self._read is None or self._read[0] != version:
                if stat.S_IMODE(status.st_mode) & 0o077:
                    raise KeyRefused(f"{self.path} may be read by others: `chmod 600 {self.path}`.")
                self._read = version, _parsed(self.path.read_text(), str(self.path))
        except FileNotFoundError as error:
            raise KeyRefused(f"There is no key at {self.path}; `tracklog keys create` makes one.") from error
        except (OSError, UnicodeDecodeError) as error:
            raise KeyRefused(f"The key {self.path} cannot be read: {error}.") from error
        return self._read[1]

    def create(self, name: str = DEFAULT_NAME) -> "PrivateKey":
        """Make a key where there is none. Raises KeyRefused where there is one, FileExistsError in a race."""
        from event_log.proof.note import PrivateKey

        if self.path.exists():
            raise KeyRefused(f"There is a key at {self.path} already; it was left untouched.")
        key = PrivateKey.generate(name)
        new = self._written(key)
        try:
            os.link(new, self.path)  # not over a key that another process made meanwhile
        finally:
            os.unlink(new)
        _flush_folder(self.path.parent)
        return key

    def replace(self, key: "PrivateKey") -> None:
        """Put another key in its place, whole and durable or not at all."""
        rename_durably(self._written(key), self.path)

    def _written(self, key: "PrivateKey") -> Path:
        new = self.path.with_name(f"{self.path.name}.{random_bytes.token_hex(4)}.new")
        descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with open(descriptor, "w") as file:
            file.write(key.text() + "\n")
            file.flush()
            os.fsync(file.fileno())
        return new


class OwnKey(KeyFile):
    """In a file that is made where there is none."""

    def key(self) -> "PrivateKey":
        if not self.path.exists():
            with contextlib.suppress(KeyRefused, FileExistsError):  # another process made one meanwhile, which counts
                self.create()
        return super().key()


def keys_of(settings: ProofSettings, own_file: Path | None = None) -> KeySource | None:
    """The key of a process: of the file that is named, else of the variable, else its own in `own_file`.

    None where nothing is to be signed.
    """
    if not settings.is_on:
        return None
    if settings.key_file is not None:
        return KeyFile(Path(settings.key_file))
    if text := os.environ.get(KEY_VARIABLE):
        return GivenKey(text)
    return None if own_file is None else OwnKey(own_file)


def _parsed(text: str, source: str) -> "PrivateKey":
    from event_log.proof.note import BadKey, PrivateKey

    try:
        return PrivateKey.parse(text)
    except BadKey as error:
        raise KeyRefused(f"{source} holds no key: {error}.") from None  # its text is in no traceback


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
