"""An auditor's archive of one run or version of a model: its events, what proves them, and what follows from them.

The same checkpoint gives the same bytes.
"""

import base64
import hashlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Protocol
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import orjson

from event_log.port import EventLogReader
from event_log.streams import StreamReader
from query_api.frames.parquet import ParquetFile
from schemas.event_json import event_json
from tracklog.exporting.audit_readme import readme
from tracklog.exporting.audited_events import ArtifactsThen, event_or_none, points_of, points_schema
from tracklog.exporting.lineage import Lineage, lineage_of

FORMAT: Final = 1
ARCHIVE: Final = "archive.json"
EVENTS: Final = "events.jsonl"
PROOFS: Final = "proofs.jsonl"
METRICS: Final = "metrics.parquet"
ARTIFACTS: Final = "artifacts.json"
LINEAGE: Final = "lineage.json"
SEALED: Final = "sealed.jsonl"
STREAM_KEYS: Final = "stream-keys.json"
KEYS: Final = "keys.txt"
README: Final = "README.md"

_READ_AT_ONCE: Final = 200
_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)
"""The first date that a ZIP file knows; the time of writing would make other bytes."""


def checkpoint_name(partition: int) -> str:
    """The file of a partition's signed checkpoint."""
    return f"checkpoints/{partition}.txt"


class Proven(Protocol):
    """The proofs of a log, as far as an archive needs them."""

    async def inclusion(self, partition: int, offset: int, size: int) -> Sequence[bytes]:
        """The hashes that lead from the event to the root of the tree of `size` events."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed checkpoint, and how many events it is over."""

    size: int
    note: str


KeysOf = Callable[[Set[str]], Awaitable[Mapping[str, bytes]]]
"""The secrets by which what is sealed of streams is opened."""


@dataclass(slots=True)
class AuditArchive:
    """Writes the archive of `subject` to `file`, by the checkpoints of the partitions that were signed.

    Of a log of sealed payloads, `keys_of` which is given, it also has what the tree is over: these, and their keys.
    """

    log: EventLogReader
    streams: StreamReader
    signed: Mapping[int, Signed]
    keys: str
    proven: Proven
    keys_of: KeysOf | None = None
    _digests: dict[str, str] = field(default_factory=dict)

    async def write(self, subject: str, file: Path) -> Lineage:
        """Raises NoSubject, LogUnavailable, TemporarilyUnavailable, OSError."""
        until = {partition: one.size for partition, one in self.signed.items()}
        lineage = await lineage_of(self.streams, subject, until)
        places: defaultdict[int, list[int]] = defaultdict(list)
        for stream in lineage.streams:
            async for events in self.streams.events_of(stream, until):
                places[events[0].partition] += [event.offset for event in events]
        for offsets in places.values():
            offsets.sort()
        with ZipFile(file, "w", ZIP_STORED) as archive:
            self._write(archive, README, readme(subject, await self.log.identity()).encode())
            self._write(archive, KEYS, self.keys.encode())
            for partition in sorted(places):
                self._write(archive, checkpoint_name(partition), self.signed[partition].note.encode())
            artifacts = await self._write_events(archive, places)
            await self._write_proofs(archive, places)
            if self.keys_of is not None:
                await self._write_sealed(archive, places, self.keys_of)
            await self._write_metrics(archive, places)
            self._write(archive, ARTIFACTS, _json(artifacts.listed()))
            self._write(archive, LINEAGE, _json(lineage.document()))
            about = {
                "format": FORMAT,
                "log": await self.log.identity(),
                "subject": subject,
                "events": sum(map(len, places.values())),
                "files": dict(sorted(self._digests.items())),
            }
            self._write(archive, ARCHIVE, _json(about))
        return lineage

    async def _write_events(self, archive: ZipFile, places: Mapping[int, list[int]]) -> ArtifactsThen:
        artifacts = ArtifactsThen()
        with self._entry(archive, EVENTS) as write:
            async for recorded in self._events(places):
                write(event_json(recorded) + b"\n")
                artifacts.add(recorded, event_or_none(recorded))
        return artifacts

    async def _write_proofs(self, archive: ZipFile, places: Mapping[int, list[int]]) -> None:
        with self._entry(archive, PROOFS) as write:
            for partition in sorted(places):
                for offset in places[partition]:
                    hashes = await self.proven.inclusion(partition, offset, self.signed[partition].size)
                    encoded = [base64.b64encode(one).decode() for one in hashes]
                    write(orjson.dumps({"partition": partition, "offset": offset, "hashes": encoded}) + b"\n")

    async def _write_sealed(self, archive: ZipFile, places: Mapping[int, list[int]], keys_of: KeysOf) -> None:
        streams: set[str] = set()
        with self._entry(archive, SEALED) as write:
            async for recorded in self._events(places):
                if recorded.sealed:
                    streams.add(recorded.stream)
                    sealed = base64.b64encode(recorded.sealed).decode()
                    place = {"partition": recorded.partition, "offset": recorded.offset}
                    write(orjson.dumps({**place, "sealed": sealed}) + b"\n")
        keys = {stream: base64.b64encode(secret).decode() for stream, secret in (await keys_of(streams)).items()}
        self._write(archive, STREAM_KEYS, _json(dict(sorted(keys.items()))))

    async def _write_metrics(self, archive: ZipFile, places: Mapping[int, list[int]]) -> None:
        parquet = ParquetFile(points_schema())
        with self._entry(archive, METRICS) as write:
            async for recorded in self._events(places):
                batch = points_of(recorded, event_or_none(recorded))
                if batch is not None:
                    write(parquet.add(batch))
            write(parquet.end())

    async def _events(self, places: Mapping[int, list[int]]) -> Any:
        for partition in sorted(places):
            offsets = places[partition]
            for start in range(0, len(offsets), _READ_AT_ONCE):
                for event in await self.log.read_at(partition, offsets[start : start + _READ_AT_ONCE]):
                    yield event

    def _write(self, archive: ZipFile, name: str, content: bytes) -> None:
        with self._entry(archive, name) as write:
            write(content)

    @contextmanager
    def _entry(self, archive: ZipFile, name: str) -> "Iterator[Any]":
        info = ZipInfo(name, _LONG_AGO)
        info.create_system, info.external_attr = 3, 0o644 << 16
        digest = hashlib.sha256()
        with archive.open(info, "w", force_zip64=True) as entry:
            yield _both(entry, digest)
        self._digests[name] = digest.hexdigest()


def _both(entry: IO[bytes], digest: Any) -> Any:
    def write(piece: bytes) -> None:
        entry.write(piece)
        digest.update(piece)

    return write


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n"
