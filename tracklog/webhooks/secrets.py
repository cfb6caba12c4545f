"""The secrets of webhooks, sealed: the store has what no key of its own opens, and the keys are elsewhere.

A key is one of Fernet's, of the library `cryptography`; MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY holds one in MLflow too.
Here it may hold several, separated by commas: the first seals and all open, so that a key can be replaced by another.
"""

import asyncio
import base64
import binascii
import contextlib
import os
import secrets as random_bytes
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from ingest.webhooks.port import WebhookSecrets
from schemas.errors import InvalidParameterValue
from tracklog.secret_store.port import Secrets
from tracklog.settings.store_uris import SettingRefused
from tracklog.settings.webhooks import KEY_VARIABLE, WebhookSettings

PREFIX: Final = "webhook/"
"""By which the ids of these are told from those of passwords and tokens, which are in the same store."""

LONG_S: Final = 24 * 3600
"""A secret is kept just before the event that names it is appended; a day is for clocks that differ."""

_KEY_BYTES: Final = 32

NO_KEY: Final = (
    "This server has no key to seal the secret of a webhook with: set MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY, or name a "
    "file by --webhook-key-file."
)


class SecretUnreadable(Exception):
    """The secret of a webhook is gone, or sealed with a key that is not there; the message says so to people."""


class Keys(ABC):
    """Keys, the one that seals first."""

    @abstractmethod
    def known(self) -> list[bytes]:
        """The keys there are, perhaps none."""

    def to_seal(self) -> bytes:
        """The key that seals. Raises InvalidParameterValue when there is none."""
        if known := self.known():
            return known[0]
        raise InvalidParameterValue(NO_KEY)


class GivenKeys(Keys):
    """Those that the operator named."""

    def __init__(self, keys: list[bytes]) -> None:
        self._keys = keys

    def known(self) -> list[bytes]:
        return self._keys


class OwnKey(Keys):
    """A key in a file that its owner alone may read, made when it is first needed to seal."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def known(self) -> list[bytes]:
        try:
            return parsed_keys(self._file.read_text(), str(self._file))
        except FileNotFoundError:
            return []

    def to_seal(self) -> bytes:
        if not self.known():
            self._make()
        return super().to_seal()

    def _make(self) -> None:
        """Whole and durable or not at all: what it seals could never be opened without it."""
        key = base64.urlsafe_b64encode(random_bytes.token_bytes(_KEY_BYTES))
        new = self._file.with_name(f"{self._file.name}.{random_bytes.token_hex(4)}.new")
        descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with open(descriptor, "wb") as file:
                file.write(key + b"\n")
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):  # another process made one meanwhile, which counts
                os.link(new, self._file)
        finally:
            os.unlink(new)
        folder = os.open(self._file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def keys_of(settings: WebhookSettings, own_file: Path | None = None) -> Keys:
    """The keys of a process: of the file that is named, else of the variable, else its own in `own_file`.

    Raises SettingRefused for what holds no keys.
    """
    if settings.key_file is not None:
        try:
            text = settings.key_file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingRefused(f"--webhook-key-file {settings.key_file} cannot be read: {error}.") from error
        return GivenKeys(parsed_keys(text, f"--webhook-key-file {settings.key_file}"))
    if settings.keys is not None:
        return GivenKeys(parsed_keys(settings.keys, KEY_VARIABLE))
    return GivenKeys([]) if own_file is None else OwnKey(own_file)


def parsed_keys(text: str, source: str) -> list[bytes]:
    """Keys separated by commas or lines, at least one. Raises SettingRefused, which does not show them."""
    keys = [part.strip().encode() for line in text.splitlines() for part in line.split(",") if part.strip()]
    if not keys or not all(_is_key(key) for key in keys):
        raise SettingRefused(
            f"{source} must hold keys of 32 bytes in the Base64 of URLs, separated by commas or lines; "
            "`openssl rand -base64 32 | tr +/ -_` prints one."
        )
    return keys


def _is_key(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, altchars=b"-_", validate=True)) == _KEY_BYTES
    except binascii.Error:
        return False


class SealedSecrets(WebhookSecrets):
    """Seals secrets into the store that `store` returns, and opens them for those who sign.

    All raise TemporarilyUnavailable, too.
    """

    def __init__(
        self,
        store: Callable[[], Awaitable[Secrets]],
        keys: Keys,
        now_s: Callable[[], int] = lambda: int(time.time()),
    ) -> None:
        self._store = store
        self._keys = keys
        self._now_s = now_s

    async def keep(self, secret: str) -> str:
        secret_id = f"{PREFIX}{self._now_s():x}-{random_bytes.token_hex(16)}"
        await (await self._store()).put(secret_id, await asyncio.to_thread(self._sealed, secret.encode()))
        return secret_id

    async def open(self, secret_id: str) -> str:
        """Raises SecretUnreadable."""
        sealed = await (await self._store()).get(secret_id)
        if sealed is None:
            raise SecretUnreadable("The secret of the webhook is gone: set it anew.")
        opened = await asyncio.to_thread(self._opened, sealed)
        if opened is None:
            raise SecretUnreadable("No key opens the secret of the webhook: bring the key back, or set it anew.")
        return opened.decode()

    async def forget(self, secret_id: str) -> None:
        await (await self._store()).delete(secret_id)

    async def kept_long(self) -> set[str]:
        before_s = self._now_s() - LONG_S
        return {secret_id for secret_id in await self._ids() if _kept_s(secret_id) < before_s}

    async def unreadable(self) -> int:
        """How many secrets are there that no key opens."""
        sealed = [await (await self._store()).get(secret_id) for secret_id in await self._ids()]
        return sum(one is not None and self._opened(one) is None for one in sealed)

    async def reseal(self) -> tuple[int, int]:
        """Seal every secret anew with the first key: how many were, and how many no key opens, which stay as they are.

        Raises InvalidParameterValue without a key.
        """
        resealed = unreadable = 0
        for secret_id in await self._ids():
            sealed = await (await self._store()).get(secret_id)
            if sealed is None:  # it was deleted meanwhile
                continue
            secret = self._opened(sealed)
            if secret is None:
                unreadable += 1
            else:
                await (await self._store()).put(secret_id, self._sealed(secret))
                resealed += 1
        return resealed, unreadable

    async def _ids(self) -> list[str]:
        return sorted(secret_id for secret_id in await (await self._store()).ids() if secret_id.startswith(PREFIX))

    def _sealed(self, secret: bytes) -> bytes:
        from cryptography.fernet import Fernet

        return Fernet(self._keys.to_seal()).encrypt(secret)

    def _opened(self, sealed: bytes) -> bytes | None:
        from cryptography.fernet import Fernet, InvalidToken

        for key in self._keys.known():
            with contextlib.suppress(InvalidToken):
                return Fernet(key).decrypt(sealed)
        return None


def _kept_s(secret_id: str) -> float:
    """When it was kept, in seconds since the Unix epoch, as its id says."""
    return int(secret_id.removeprefix(PREFIX).partition("-")[0], 16)
