"""An export: everything that a log holds at a moment, written as a store of MLflow."""

import asyncio
from pathlib import Path

from event_log.port import EventLogReader
from schemas.moments import Moment, positions_text
from tracklog.moving.export_report import ExportReport
from tracklog.moving.folded import folded, reading
from tracklog.moving.importing import Show
from tracklog.moving.read_model_records import ReadModelRecords
from tracklog.moving.records import PointsRecord, Records
from tracklog.moving.report import Report
from tracklog.moving.written_store import WrittenStore

_SHOWN_EVERY = 100


async def export(
    log: EventLogReader, log_file: Path | None, moment: Moment | None, target: WrittenStore, shown: str, show: Show
) -> ExportReport:
    """Write what `log` holds at a moment, None for now, as `target`. `shown` is what the report calls the log.

    Raises BeyondTheLog, LogUnavailable, TargetTaken and TargetUnfit; then nothing is written.
    """
    async with folded(log, log_file, moment, show) as (path, positions):
        report = ExportReport(f"{shown} as of {positions_text(positions)}", str(target), dry_run=False)
        await asyncio.to_thread(_write, path, target, report, show)
    return report


def _write(path: Path, target: WrittenStore, report: ExportReport, show: Show) -> None:
    with reading(path) as connection:
        target.write(_counted(ReadModelRecords(connection).records(), report, show), report)


def _counted(records: Records, report: Report, show: Show) -> Records:
    """The records, as `show` is told of them."""
    for number, record in enumerate(records):
        yield record
        if number % _SHOWN_EVERY == 0 or isinstance(record, PointsRecord):
            tallies = report.tallies.values()
            show(sum(one.imported + one.left for one in tallies), sum(one.source for one in tallies))
