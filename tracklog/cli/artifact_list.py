"""The list of artifacts beside a copy of a log: what has to be there too once the log is restored."""

import os
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from event_log.port import EventFilter, EventLogReader
from schemas.codec import UndecodableEvent, decode
from schemas.durable_rename import rename_durably
from schemas.envelope import PARTITION
from schemas.events import AnyEvent, ArtifactDeleted, ArtifactUploaded
from schemas.forgotten import is_forgotten

_READ_EVENTS: Final = 1000

_SCHEMA: Final = """
CREATE TABLE artifacts (
  root TEXT, path TEXT, at INTEGER, size INTEGER, sha256 TEXT, PRIMARY KEY (root, path)
) WITHOUT ROWID
"""
_UPLOADED: Final = "INSERT OR REPLACE INTO artifacts VALUES (?, ?, ?, ?, ?)"
_DELETED: Final = """
DELETE FROM artifacts WHERE root = ?1 AND (path = ?2 OR (path >= ?2 || '/' AND path < ?2 || '0')) AND at < ?3
"""
"""What was below a folder goes with it: '0' is the character after '/'."""


class Listed(NamedTuple):
    """How many artifacts there are, and how many bytes they have together."""

    artifacts: int
    size: int

    def __str__(self) -> str:
        return f"{self.artifacts} artifacts of {self.size} bytes together"


def artifact_list_of(copy: Path) -> Path:
    """Where the list lies of the artifacts that a copy names."""
    return copy.with_name(copy.name + ".artifacts")


async def write_artifact_list(log: EventLogReader, path: Path) -> Listed:
    """Write a line of JSON for each artifact that the log of one partition says is there.

    Raises LogUnavailable, OSError.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=path.name) as folder:
        with closing(sqlite3.connect(Path(folder) / "artifacts")) as found:
            found.execute(_SCHEMA)
            async for offset, event in _events(log, ArtifactUploaded.event_type):
                if isinstance(event, ArtifactUploaded):
                    found.execute(_UPLOADED, (event.root, event.path, offset, event.size, event.sha256))
            async for offset, event in _events(log, ArtifactDeleted.event_type):
                if isinstance(event, ArtifactDeleted):
                    found.execute(_DELETED, (event.root, event.path, offset))
            with (Path(folder) / "list").open("wb") as file:
                listed = _write(found, file.write)
                file.flush()
                os.fsync(file.fileno())
        rename_durably(Path(folder) / "list", path)
    return listed


def read_artifact_list(path: Path) -> Listed | None:
    """What a list says, None where there is none. Raises ValueError where it is something else."""
    artifacts = size = 0
    try:
        with path.open("rb") as file:
            for line in file:
                artifacts += 1
                size += int(orjson.loads(line)["size"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no list of artifacts.") from error
    return Listed(artifacts, size)


async def _events(log: EventLogReader, event_type: str) -> AsyncIterator[tuple[int, AnyEvent]]:
    """The events of a type that can be read, and their offsets."""
    begin, of_type = 0, EventFilter(event_type=event_type)
    while events := await log.read(PARTITION, begin, limit=_READ_EVENTS, matching=of_type):
        for recorded in events:
            if not is_forgotten(recorded.payload):
                with suppress(UndecodableEvent):  # a damaged one is named by the copy itself
                    yield recorded.offset, decode(recorded)
        begin = events[-1].offset + 1


def _write(found: sqlite3.Connection, write: Callable[[bytes], object]) -> Listed:
    artifacts = size = 0
    for root, path, of_this, sha256 in found.execute("SELECT root, path, size, sha256 FROM artifacts ORDER BY 1, 2"):
        said = {"root": root, "path": path, "size": of_this, "sha256": sha256}
        write(orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE))
        artifacts, size = artifacts + 1, size + of_this
    return Listed(artifacts, size)
