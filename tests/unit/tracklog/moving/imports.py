"""Importing stores that tests make, into a log in memory."""

import sqlite3
from pathlib import Path
from typing import Final

from event_log.port import EventLog
from schemas import codec
from schemas.envelope import PARTITION
from schemas.events import AnyEvent
from tracklog.moving.artifact_sources import opened_sources
from tracklog.moving.importing import Import
from tracklog.moving.records import Record, Records
from tracklog.moving.report import Report
from tracklog.moving.roots import Roots
from tracklog.moving.stores import Consume, Store
from tracklog.moving.target import look_at

STORES: Final = Path(__file__).resolve().parents[3] / "stores"


class RecordsStore(Store):
    """A store of given records."""

    def __init__(self, *records: Record) -> None:
        self.records = records

    def __str__(self) -> str:
        return "records"

    def read(self, consume: Consume) -> None:
        consume(iter(self.records))


def database_2025(path: Path) -> Path:
    """The store of the file of statements, made at `path`."""
    connection = sqlite3.connect(path)
    connection.executescript((STORES / "db-2025-loggedmodels.sql").read_text())
    connection.close()
    return path


async def imported(store: Store, log: EventLog, beside: Path | None = None) -> Report:
    """Import a store, and say what came of it. Files are read below `beside`."""
    report = Report(str(store), "memory", dry_run=False)
    target = await look_at(log)
    roots = Roots((), beside)
    async with opened_sources((), beside, None, here=True) as sources:
        await Import(
            store=store,
            target=target,
            roots=roots,
            report=report,
            show=lambda *_: None,
            log=log,
            places=sources.places,
        ).run()
    return report


async def events_in(log: EventLog) -> list[AnyEvent]:
    """The events of a log, without their envelopes."""
    return [codec.decode(event) for event in await log.read(PARTITION, 0, limit=100_000)]


def counts(report: Report) -> dict[str, tuple[int, int, int]]:
    """Of each kind of which there is something: in the source, in the log, left."""
    return {
        kind: (tally.source, tally.imported, tally.left)
        for kind, tally in report.tallies.items()
        if tally.source or tally.imported or tally.left
    }


def records_of(store: Store) -> list[Record]:
    """Everything that a store holds."""
    found: list[Record] = []

    def consume(records: Records) -> None:
        found.extend(records)

    store.read(consume)
    return found


def state_of(folder: Path) -> list[tuple[str, int, int, bytes]]:
    """Every file below a folder, with its size, its time and its bytes."""
    return sorted(
        (str(path), path.stat().st_size, path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    )
