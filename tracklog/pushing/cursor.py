"""How far a push came, in a file beside the log. It saves work, and nothing is wrong without it."""

from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import msgspec


class Cursor(msgspec.Struct, frozen=True):
    """`events` and `artifacts` are offsets of the next event to look at, `last` that of the last one that was sent.

    `log` is the id of the log that is pushed, `to` the server.
    """

    log: str
    to: str
    events: int = 0
    last: int | None = None
    artifacts: int = 0


class CursorFile:
    """The cursor of one log and one server. `path` is that of the log."""

    def __init__(self, path: Path, log: str, to: str) -> None:
        name = blake2b(to.encode(), digest_size=6).hexdigest()
        self.path = path.with_name(f"{path.name}.pushed-{name}.json")
        self._new = Cursor(log, to)

    def read(self) -> Cursor:
        """What was written last; the beginning, where that is of another log or cannot be read."""
        try:
            cursor = msgspec.json.decode(self.path.read_bytes(), type=Cursor)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return self._new
        return cursor if (cursor.log, cursor.to) == (self._new.log, self._new.to) else self._new

    def begin(self) -> Cursor:
        """The beginning."""
        return self._new

    def write(self, cursor: Cursor) -> None:
        """Keep it, if the folder can be written."""
        new = self.path.with_name(self.path.name + ".new")
        with suppress(OSError):
            new.write_bytes(msgspec.json.encode(cursor))
            new.replace(self.path)
