"""`tracklog export parquet`: runs and their data as Parquet files, as of a position."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracklog.cli.bad_usage import BadUsage, reporting_bad_settings
from tracklog.cli.progress_bar import Show, progress_bar
from tracklog.cli.remote import OURS, Remote, RemoteAway
from tracklog.cli.remote_pages import experiments
from tracklog.cli.store_options import with_event_log
from tracklog.cli.times import now_us
from tracklog.settings.past import MOMENT_HELP, moment_setting
from tracklog.settings.store_uris import EventLogPlace, Stores

if TYPE_CHECKING:
    from event_log.port import EventLogReader
    from schemas.envelope import Positions
    from schemas.moments import Moment
    from tracklog.exporting.parquet_export import Exported
    from tracklog.exporting.served_export import ServedExport


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
@click.option(
    "--url",
    metavar="URL",
    help="Of a running server, what it shows of experiments and runs, in the place of a log.",
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
    url: str | None,
    progress: bool,
) -> None:
    """Write runs, params, tags, metrics, models and events into a new folder of DEST, a folder or s3://bucket/prefix.

    The folder is named for the position in the log, and an export of one position is the same bytes every time. The
    file manifest.json is written last: what has none was broken off, and the same command, with --as-of POSITION,
    writes it again. A server may have the log open.

    With --url a server is asked, as the user that the environment names: experiments and runs, as far as they may be
    read. What changes meanwhile is as it was when its turn came; `tracklog server --as-of` stands still.
    """
    if url is not None:
        if as_of is not None or as_of_folder is not None:
            raise BadUsage("--url has what the server shows now; for a moment ask one that runs with --as-of.")
        _export_served(url, destination, since)
        return
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


def _export_served(url: str, destination: str, since: str | None) -> None:
    from artifact_proxy.stores.uri import UnusableStore
    from schemas.errors import TracklogError
    from tracklog.exporting.served_export import Lagging, ServedExport

    export = ServedExport(_Server(Remote(url)), since)
    try:
        position, rows = asyncio.run(_write_served(export, destination, since))
    except (UnusableStore, AlreadyThere) as error:
        raise BadUsage(str(error)) from error
    except Lagging as error:
        raise click.ClickException(str(error)) from error
    except TracklogError as error:
        raise click.ClickException(error.message) from error
    counts = ", ".join(f"{number} {table}" for table, number in rows.items() if number)
    click.echo(f"{destination} has what {url} shows at {position}: {counts or 'nothing'}.", err=True)


async def _write_served(export: "ServedExport", destination: str, since: str | None) -> "tuple[str, dict[str, int]]":
    from query_api.frames.arrow import arrow
    from schemas.moments import positions_of
    from tracklog.exporting.destination import destination_at
    from tracklog.exporting.parquet_export import folder_name

    arrow()
    position = export.position()
    try:
        begin = None if since is None else positions_of(since)
    except ValueError as error:
        raise BadUsage(f"--since {since!r} is no position: write it as in 0:1234, as an export has it.") from error
    async with destination_at(destination, folder_name(positions_of(position), begin)) as to:
        if await to.is_whole():
            raise AlreadyThere(f"{destination} has an export of these positions already.")
        return position, await export.write(to, position)


class _Server:
    """A remote server as an export asks it."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def experiments(self) -> Iterator[Any]:
        return experiments(self._remote, "all", None)

    @contextmanager
    def frame(self, table: str, wanted: dict[str, Any]) -> Iterator[Any]:
        from pyarrow import ArrowException

        with self._remote.body(f"{OURS}/frames/{table}", wanted) as body:
            try:
                yield body
            except ArrowException as error:
                raise RemoteAway(f"The answer of the server broke off: {error}.") from error


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
