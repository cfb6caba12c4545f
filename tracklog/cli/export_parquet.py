"""`tracklog export parquet`: runs and their data as Parquet files, as of a position."""

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracklog.cli.bad_usage import BadUsage, reporting_bad_settings
from tracklog.cli.progress_bar import Show, progress_bar
from tracklog.cli.store_options import with_event_log
from tracklog.cli.times import now_us
from tracklog.settings.past import MOMENT_HELP, moment_setting
from tracklog.settings.store_uris import EventLogPlace, Stores

if TYPE_CHECKING:
    from event_log.port import EventLogReader
    from schemas.envelope import Positions
    from schemas.moments import Moment
    from tracklog.exporting.parquet_export import Exported


@click.command("parquet", short_help="Runs, params, tags, metrics, models and events as Parquet files.")
@click.argument("destination", metavar="DEST")
@with_event_log
@click.option("--as-of", metavar="MOMENT", help=f"As it was then, which is {MOMENT_HELP}.  [default: now]")
@click.option("--since", metavar="POSITION", help="Only what changed since the position of an earlier export.")
@click.option("--no-events", is_flag=True, help="Leave the events of the log out.")
@click.option(
    "--as-of-folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where the log is folded, and what is folded kept for the next time.  [default: a temporary folder]",
)
@click.option("--progress/--no-progress", default=True, help="Show a progress bar on a terminal.")
def parquet(
    destination: str,
    event_log: EventLogPlace,
    stores: Stores | None,
    as_of: str | None,
    since: str | None,
    no_events: bool,
    as_of_folder: Path | None,
    progress: bool,
) -> None:
    """Write runs, params, tags, metrics, models and events into a new folder of DEST, a folder or s3://bucket/prefix.

    The folder is named for the position in the log, and an export of one position is the same bytes every time. The
    file manifest.json is written last: what has none was broken off, and the same command, with --as-of POSITION,
    writes it again. A server may have the log open.
    """
    from artifact_proxy.stores.uri import UnusableStore
    from event_log.log_until import BeyondTheLog
    from event_log.port import ForeignLog
    from projector.sqlite_past import PastUnderWay
    from schemas.errors import TracklogError
    from tracklog.cli.log_reading import NoLog

    with reporting_bad_settings():
        moment = None if as_of is None else moment_setting("--as-of", as_of, now_us())
        begin = None if since is None else moment_setting("--since", since, now_us())
    if isinstance(begin, int):
        raise BadUsage(f"--since {since!r} is no position: write it as in 0:1234, as an export has it.")
    bar, show = progress_bar(shown=progress, label="folded, then experiments")
    try:
        with bar:
            exported = asyncio.run(
                _export(event_log, destination, moment, begin, as_of_folder, show, with_events=not no_events)
            )
    except (NoLog, ForeignLog, BeyondTheLog, UnusableStore, PastUnderWay, AlreadyThere) as error:
        raise BadUsage(str(error)) from error
    except TracklogError as error:
        raise click.ClickException(error.message) from error
    from schemas.moments import positions_text

    counts = ", ".join(f"{rows} {table}" for table, rows in exported.rows.items() if rows)
    click.echo(f"{destination} has the state of {positions_text(exported.positions)}: {counts or 'nothing'}.", err=True)


class AlreadyThere(Exception):
    """There is a whole export of the same positions."""


async def _export(
    place: EventLogPlace,
    destination: str,
    moment: "Moment | None",
    since: "Positions | None",
    folder: Path | None,
    show: Show,
    **options: Any,
) -> "Exported":
    from event_log.log_until import LogUntil, checked_positions
    from projector.sqlite_past import past_read_model
    from query_api.frames.arrow import arrow
    from query_api.frames.touched import touched_between
    from query_api.sqlite.read_model import SqliteReadModel
    from tracklog.cli.log_reading import reading_log
    from tracklog.exporting.destination import destination_at
    from tracklog.exporting.parquet_export import ParquetExport, folder_name

    arrow()
    async with reading_log(place) as log:
        end = await _positions(log, moment)
        begin = None if since is None else await checked_positions(log, since)
        async with destination_at(destination, folder_name(end, begin)) as to:
            if await to.is_whole():
                raise AlreadyThere(f"{destination} has an export of these positions already.")
            until = LogUntil(log, end)
            touched = None if begin is None else await touched_between(until, begin, end)
            with tempfile.TemporaryDirectory(prefix="tracklog-export-") as temporary:
                async with past_read_model(folder or Path(temporary), until, _shown(show)) as file:
                    read_model = SqliteReadModel(file)
                    try:
                        return await ParquetExport(until, read_model, to).write(begin, touched, show, **options)
                    finally:
                        await read_model.close()


def _shown(show: Show) -> Any:
    async def report(reached: int, whole: int) -> None:
        show(reached, whole)

    return report


async def _positions(log: "EventLogReader", moment: "Moment | None") -> "Positions":
    from event_log.log_until import checked_positions, positions_at

    if moment is None:
        return await log.end()
    return await positions_at(log, moment) if isinstance(moment, int) else await checked_positions(log, moment)
