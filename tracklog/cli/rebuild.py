"""`tracklog rebuild`: a new read model from the log, beside the live one."""

import asyncio
from typing import TYPE_CHECKING

import click

from tracklog.cli.bad_usage import BadUsage
from tracklog.cli.progress_bar import Show, progress_bar
from tracklog.cli.store_options import with_stores
from tracklog.settings.store_uris import EmbeddedStores, SharedStores, Stores

if TYPE_CHECKING:
    from projector.rebuild import Rebuilt


@click.command("rebuild", short_help="Fold the whole log into a new read model.")
@with_stores
@click.option(
    "--accept-differences",
    is_flag=True,
    help="Switch to the new read model even where it differs from the live one.",
)
@click.option(
    "--workers",
    envvar="TRACKLOG_REBUILD_WORKERS",
    type=click.IntRange(1, 256),
    metavar="NUMBER",
    help="Processes that fold at once, of a log in Kafka; each takes some of the partitions.  [default: 1]",
)
@click.option("--progress/--no-progress", default=True, help="Show a progress bar on a terminal.")
def command(stores: Stores, accept_differences: bool, workers: int | None, progress: bool) -> None:
    """Fold the whole log into a new read model, compare it with the live one, and switch to it.

    Servers on the same log go on serving meanwhile. A rebuild that was broken off goes on where it was.
    """
    from event_log.port import ForeignLog
    from projector.rebuild import RebuildUnderWay
    from schemas.errors import Retryable
    from tracklog.cli.log_reading import NoLog

    if isinstance(stores, EmbeddedStores) and workers is not None and workers > 1:
        raise BadUsage(f"--workers {workers}: a log in SQLite has one partition, which one worker folds.")
    bar, show = progress_bar(shown=progress)
    try:
        with bar:
            rebuilt = asyncio.run(_rebuild(stores, show, workers=workers or 1, accept_differences=accept_differences))
    except (RebuildUnderWay, NoLog, ForeignLog) as error:
        raise BadUsage(str(error)) from error
    except Retryable as error:
        raise click.ClickException(error.message) from error
    _report(rebuilt)


async def _rebuild(stores: Stores, show: Show, *, workers: int, accept_differences: bool) -> "Rebuilt":
    if isinstance(stores, SharedStores):
        from tracklog.distributed.rebuild import rebuild_shared

        return await rebuild_shared(stores, show, workers=workers, accept_differences=accept_differences)
    from projector.sqlite_rebuild import rebuild_sqlite
    from tracklog.cli.log_reading import reading_log

    async with reading_log(stores.event_log) as log:
        return await rebuild_sqlite(stores.event_log.path, log, show, accept_differences=accept_differences)


def _report(rebuilt: "Rebuilt") -> None:
    """Say how it ended. Raises ClickException when the live read model stays in place."""
    for difference in rebuilt.differences or ():
        click.echo(f"only in the {difference.side} read model, table {difference.table}:", err=True)
        for row in difference.rows:
            click.echo(f"  {row!r}", err=True)
    if not rebuilt.switched:
        raise click.ClickException(
            "The new read model differs from the live one, which stays in place; see --accept-differences."
        )
    compared = "there was none to compare with" if rebuilt.differences is None else "it was compared with the live one"
    click.echo(f"A read model of {rebuilt.events} events is in place; {compared}.", err=True)
