"""Whether an auditor's archive is what was signed: nothing but the archive and a key that is trusted is needed."""

import base64
import binascii
import hashlib
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile, ZipFile

import msgspec
import orjson
from msgspec.structs import replace

from event_log.proof.checkpoint import SignedSize
from event_log.proof.leaf import leaf_of
from event_log.proof.note import BadNote, NotSigned, PublicKey, verified
from event_log.proof.tree import verifies_inclusion
from event_log.sealing.stream_key import CannotOpen, StreamKey
from query_api.frames.arrow import arrow
from schemas.envelope import RecordedEvent
from schemas.errors import NotImplementedYet
from schemas.event_json import EventJson
from schemas.forgotten import is_forgotten
from tracklog.exporting.audit_archive import (
    ARCHIVE,
    ARTIFACTS,
    EVENTS,
    FORMAT,
    KEYS,
    METRICS,
    PROOFS,
    SEALED,
    STREAM_KEYS,
    checkpoint_name,
)
from tracklog.exporting.audited_events import ArtifactsThen, event_or_none, points_of, points_schema

MOST_FINDINGS: Final = 1000


class NoArchive(Exception):
    """The file is no archive that this code can read."""


class _Proof(msgspec.Struct):
    """A line of PROOFS."""

    partition: int
    offset: int
    hashes: list[str]

    def decoded(self) -> list[bytes]:
        return [base64.b64decode(one, validate=True) for one in self.hashes]


class _Sealed(msgspec.Struct):
    """A line of SEALED: what the log holds of an event, in Base64."""

    partition: int
    offset: int
    sealed: str


_sealed: Final = msgspec.json.Decoder(_Sealed)
_lines: Final = msgspec.json.Decoder(EventJson)
_proofs: Final = msgspec.json.Decoder(_Proof)


class ArchiveReport(msgspec.Struct):
    """What is not as it was signed, a sentence each; and how many events are."""

    subject: str
    findings: list[str]
    proven: int = 0
    forgotten: int = 0


def keys_in(file: Path) -> str:
    """The public key that an archive brings, with the notes of those after it. Raises NoArchive."""
    with _opened(file) as archive:
        return _text(archive, KEYS)


def verify_archive(file: Path, trusted: frozenset[PublicKey]) -> ArchiveReport:
    """Check everything that an archive holds. Raises NoArchive."""
    with _opened(file) as archive:
        about = _about(archive)
        report = ArchiveReport(str(about["subject"]), [])
        _check_files(archive, about["files"], report)
        try:
            _check_events(archive, about, trusted, report)
        except KeyError as error:
            report.findings.append(f"{error.args[0]}: missing")
        del report.findings[MOST_FINDINGS:]
        return report


def _opened(file: Path) -> ZipFile:
    try:
        return ZipFile(file)
    except (BadZipFile, OSError) as error:
        raise NoArchive(f"{file} is no archive: {error}.") from error


def _about(archive: ZipFile) -> Any:
    try:
        about = orjson.loads(archive.read(ARCHIVE))
        if about["format"] == FORMAT and isinstance(about["files"], dict):
            return about
    except (KeyError, TypeError, ValueError, BadZipFile) as error:
        raise NoArchive(f"it has no readable {ARCHIVE}: {error}.") from error
    raise NoArchive(f"its format is {about.get('format')!r}, and this version of Tracklog reads {FORMAT}.")


def _check_files(archive: ZipFile, digests: Mapping[str, str], report: ArchiveReport) -> None:
    names = set(archive.namelist()) - {ARCHIVE}
    for name in sorted(names | set(digests)):
        if name not in names:
            report.findings.append(f"{name}: missing")
        elif name not in digests:
            report.findings.append(f"{name}: added")
        elif _digest(archive, name) != digests[name]:
            report.findings.append(f"{name}: changed")


def _digest(archive: ZipFile, name: str) -> str:
    digest = hashlib.sha256()
    try:
        with archive.open(name) as entry:
            while piece := entry.read(1 << 20):
                digest.update(piece)
    except BadZipFile:
        return "its own checksum differs"
    return digest.hexdigest()


def _check_events(archive: ZipFile, about: Any, trusted: frozenset[PublicKey], report: ArchiveReport) -> None:
    signed: dict[int, SignedSize | None] = {}
    artifacts, points = ArtifactsThen(), _ComparedMetrics(archive, report)
    proofs = _read(archive, PROOFS, _proofs, report)
    proof = next(proofs, None)
    sealed = _SealedLines(archive, about["files"], report)
    for line in _read(archive, EVENTS, _lines, report):
        place = line.partition, line.offset
        while proof is not None and (proof.partition, proof.offset) < place:
            report.findings.append(f"partition {proof.partition}, offset {proof.offset}: dropped")
            proof = next(proofs, None)
        if proof is None or (proof.partition, proof.offset) != place:
            report.findings.append(f"partition {line.partition}, offset {line.offset}: inserted, nothing proves it")
            continue
        if line.partition not in signed:
            signed[line.partition] = _checkpoint(archive, line.partition, about["log"], trusted, report)
        checkpoint = signed[line.partition]
        if checkpoint is not None:
            event = _proven(line, proof, checkpoint, sealed, report)
            if event is not None:
                decoded = event_or_none(event)
                artifacts.add(event, decoded)
                points.add(event, decoded)
        proof = next(proofs, None)
    while proof is not None:
        report.findings.append(f"partition {proof.partition}, offset {proof.offset}: dropped")
        proof = next(proofs, None)
    if report.proven != about["events"] and not report.findings:
        report.findings.append(f"{EVENTS}: {report.proven} events are there, and {about['events']} were written")
    if report.findings:
        return  # what follows from the events is another for that alone
    if orjson.loads(archive.read(ARTIFACTS)) != artifacts.listed():
        report.findings.append(f"{ARTIFACTS}: not what the events say")
    points.end()


def _read(archive: ZipFile, name: str, decoder: Any, report: ArchiveReport) -> Iterator[Any]:
    """The lines of a file. One that cannot be read is a finding."""
    try:
        with archive.open(name) as entry:
            for number, line in enumerate(entry, 1):
                try:
                    yield decoder.decode(line)
                except (msgspec.DecodeError, ValueError) as error:
                    report.findings.append(f"{name}, line {number}: cannot be read: {error}")
    except BadZipFile as error:
        report.findings.append(f"{name}: cannot be read: {error}")


def _checkpoint(
    archive: ZipFile, partition: int, log_id: str, trusted: frozenset[PublicKey], report: ArchiveReport
) -> SignedSize | None:
    """What a checkpoint says where it is to be believed; else why not, as a finding."""
    name = checkpoint_name(partition)
    try:
        found = SignedSize.parse(verified(_text(archive, name), trusted))
    except NoArchive as error:
        report.findings.append(f"{name}: {error}")
    except NotSigned as error:
        report.findings.append(f"{name}: key replaced: {error}")
    except BadNote as error:
        report.findings.append(f"{name}: checkpoint forged: {error}")
    else:
        if (found.log_id, found.partition) == (log_id, partition):
            return found
        report.findings.append(f"{name}: checkpoint of another log")
    return None


class _SealedLines:
    """What the log holds of events that are sealed, and whether it is what their lines say."""

    def __init__(self, archive: ZipFile, files: Mapping[str, str], report: ArchiveReport) -> None:
        self._lines: Iterator[_Sealed] = _read(archive, SEALED, _sealed, report) if SEALED in files else iter(())
        self._next = next(self._lines, None)
        self._keys: dict[str, StreamKey] = {}
        if SEALED in files:
            try:
                keys = msgspec.json.decode(archive.read(STREAM_KEYS), type=dict[str, str])
                self._keys = {stream: StreamKey(base64.b64decode(key, validate=True)) for stream, key in keys.items()}
            except (msgspec.DecodeError, ValueError, BadZipFile) as error:
                report.findings.append(f"{STREAM_KEYS}: cannot be read: {error}")

    def with_sealed(self, event: RecordedEvent) -> RecordedEvent:
        """The event with what is sealed of it. Raises ValueError where that is not what its line says."""
        while self._next is not None and (self._next.partition, self._next.offset) < (event.partition, event.offset):
            self._next = next(self._lines, None)
        if self._next is None or (self._next.partition, self._next.offset) != (event.partition, event.offset):
            return event
        sealed = base64.b64decode(self._next.sealed, validate=True)
        try:
            if (
                event.stream in self._keys
                and self._keys[event.stream].open(event.id, event.stream, sealed) == event.payload
            ):
                return replace(event, sealed=sealed)
        except CannotOpen as error:
            raise ValueError(str(error)) from error
        raise ValueError("its payload is not what is sealed")


def _proven(
    line: EventJson, proof: _Proof, checkpoint: SignedSize, sealed: _SealedLines, report: ArchiveReport
) -> RecordedEvent | None:
    """The event where it is under the checkpoint."""
    try:
        event = sealed.with_sealed(line.event())
        leaf = leaf_of(event).hash
        if verifies_inclusion(leaf, line.offset, checkpoint.size, proof.decoded(), checkpoint.root):
            report.proven += 1
            report.forgotten += is_forgotten(event.payload)
            return event
    except (ValueError, binascii.Error, OverflowError):
        pass
    report.findings.append(f"partition {line.partition}, offset {line.offset}: changed, or its proof is")
    return None


class _ComparedMetrics:
    """Compares METRICS with the points of the events, row by row, where pyarrow is there to read it."""

    def __init__(self, archive: ZipFile, report: ArchiveReport) -> None:
        self._report = report
        self._rows: Iterator[Any] | None = None
        self._is_same = True
        try:
            arrow()
        except NotImplementedYet:
            return
        self._rows = self._of_file(archive)

    def add(self, recorded: RecordedEvent, event: Any) -> None:
        if self._rows is None or not self._is_same:
            return
        batch = points_of(recorded, event)
        for row in [] if batch is None else _rows_of(batch):
            if next(self._rows, None) != row:
                self._is_same = False
                return

    def end(self) -> None:
        if self._rows is not None and (not self._is_same or next(self._rows, None) is not None):
            self._report.findings.append(f"{METRICS}: not what the events say")

    def _of_file(self, archive: ZipFile) -> Iterator[Any]:
        from pyarrow import ArrowException, parquet

        try:
            with archive.open(METRICS) as entry:
                file = parquet.ParquetFile(io.BytesIO(entry.read()))
            if not file.schema_arrow.equals(points_schema()):
                return
            for batch in file.iter_batches():
                yield from _rows_of(batch)
        except (ArrowException, BadZipFile, KeyError):
            return


def _rows_of(batch: Any) -> Iterator[tuple[str, ...]]:
    """Rows that can be compared, NaN too."""
    for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
        yield tuple(map(repr, row))


def _text(archive: ZipFile, name: str) -> str:
    try:
        return archive.read(name).decode()
    except (KeyError, UnicodeDecodeError, BadZipFile) as error:
        raise NoArchive(f"its {name} cannot be read: {error}.") from error
