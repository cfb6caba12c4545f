"""`tracklog export`: what a log holds, for others to read."""

import asyncio
import json
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracklog.cli.bad_usage import BadUsage, reporting_bad_settings
from tracklog.cli.export_audit import audit
from tracklog.cli.export_parquet import parquet
from tracklog.cli.mapped_roots import with_mapped_roots
from tracklog.cli.progress_bar import Show, progress_bar
from tracklog.cli.store_options import with_event_log
from tracklog.cli.times import now_us
from tracklog.settings.past import MOMENT_HELP, moment_setting
from tracklog.settings.store_uris import EventLogPlace, SqliteFile, Stores

if TYPE_CHECKING:
    from schemas.moments import Moment
    from tracklog.moving.export_report import ExportReport
    from tracklog.moving.written_store import WrittenStore

Command = Callable[..., Any]
TargetOf = Callable[[str, Sequence[tuple[str, str]]], "WrittenStore"]


class _ByTo(click.Group):
    """`export --to KIND TARGET` is `export KIND TARGET`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args[:1] == ["--to"]:
            args = args[1:]
        elif args[:1] and args[0].startswith("--to="):
            args = [args[0].removeprefix("--to="), *args[1:]]
        return super().parse_args(ctx, args)


@click.group("export", cls=_ByTo, short_help="Write what the log holds for others to read.")
def command() -> None:
    """Write what the log holds as something that others read: `tracklog export KIND TARGET`, or `--to KIND TARGET`.

    The log is only read, and a server may run on it.
    """


command.add_command(parquet)
command.add_command(audit)


def _with_options(function: Command) -> Command:
    """Give a command `event_log`, `moment`, `map_root`, `report` and `progress`."""

    @with_event_log
    @click.option("--as-of", metavar="MOMENT", help=f"What there was then: {MOMENT_HELP}.  [default: now]")
    @with_mapped_roots
    @click.option(
        "--report",
        type=click.Path(dir_okay=False, writable=True, path_type=Path),
        metavar="FILE",
        help="Where to write the report as JSON, with everything that could not be said.",
    )
    @click.option("--progress/--no-progress", default=True, help="Show a progress bar on a terminal.")
    @wraps(function)
    def with_options(*, as_of: str | None, stores: Stores | None, **given: Any) -> Any:
        with reporting_bad_settings():
            moment = None if as_of is None else moment_setting("--as-of", as_of, now_us())
        return function(moment=moment, **given)

    return with_options


@command.command("mlflow-db", short_help="A database of MLflow 3.17.")
@click.argument("target", metavar="TARGET")
@_with_options
def mlflow_db(target: str, **given: Any) -> None:
    """Write a database that MLflow 3.17 opens: TARGET is sqlite:///FILE, the path of a file that is not there, or
    postgresql://… of a database that has none of MLflow's tables.

    Nothing is under that name before all of it is.
    """
    from tracklog.moving.targets import database_target_of

    _run(target, database_target_of, **given)


@command.command("mlruns", short_help="A file store of MLflow 3.17.")
@click.argument("target", metavar="FOLDER")
@_with_options
def mlruns(target: str, **given: Any) -> None:
    """Write a file store that MLflow 3.17 opens, with MLFLOW_ALLOW_FILE_STORE=true: FOLDER is not there yet.

    Nothing is under that name before all of it is.
    """
    from tracklog.moving.targets import folder_target_of

    _run(target, folder_target_of, **given)


def _run(
    target: str,
    target_of: TargetOf,
    *,
    event_log: EventLogPlace,
    moment: "Moment | None",
    map_root: tuple[tuple[str, str], ...],
    report: Path | None,
    progress: bool,
) -> None:
    from event_log.log_until import BeyondTheLog
    from event_log.port import ForeignLog
    from schemas.errors import Retryable
    from tracklog.cli.log_reading import NoLog
    from tracklog.moving.written_store import TargetTaken, TargetUnfit

    bar, show = progress_bar(shown=progress, label="rows")
    try:
        with bar:
            made = asyncio.run(_export(event_log, moment, target_of(target, map_root), show))
    except (NoLog, ForeignLog, BeyondTheLog, TargetTaken, TargetUnfit) as error:
        raise BadUsage(str(error)) from error
    except Retryable as error:
        raise click.ClickException(error.message) from error
    if report is not None:
        report.write_text(json.dumps(made.document(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for line in made.lines():
        click.echo(line)


async def _export(place: EventLogPlace, moment: "Moment | None", target: "WrittenStore", show: Show) -> "ExportReport":
    from tracklog.cli.log_reading import reading_log
    from tracklog.moving.exporting import export

    log_file = place.path if isinstance(place, SqliteFile) else None
    async with reading_log(place) as log:
        return await export(log, log_file, moment, target, str(place), show)
