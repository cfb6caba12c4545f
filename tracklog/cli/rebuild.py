"""`tracklog rebuild`: a new read model from the log, beside the live one."""

import asyncio
import sys
from pathlib import Path

import click

from tracklog.cli.commands import Refusal
from tracklog.cli.store_option import backend_store_uri


@click.command("rebuild")
@backend_store_uri()
@click.option(
    "--accept-differences",
    is_flag=True,
    help="Switch to the new read model even where it differs from the live one.",
)
@click.option("--progress/--no-progress", default=True, help="Show a progress bar on a terminal.")
def command(log_file: Path, accept_differences: bool, progress: bool) -> None:
    """Fold the whole log into a new read model, compare it with the live one, and switch to it.

    A server on the same log goes on serving meanwhile. A rebuild that was broken off goes on where it was.
    """
    from event_log.port import ForeignLog
    from event_log.sqlite_event_log import check_is_log

    try:
        if not check_is_log(log_file):
            raise Refusal(f"There is no log at {log_file}.")
    except ForeignLog as error:
        raise Refusal(str(error)) from error
    asyncio.run(_rebuild(log_file, accept_differences=accept_differences, show_progress=progress))


async def _rebuild(log_file: Path, *, accept_differences: bool, show_progress: bool) -> None:
    from event_log.sqlite_event_log import SqliteEventLogReader
    from projector.rebuild import RebuildUnderWay, rebuild

    log = SqliteEventLogReader(log_file)
    bar = click.progressbar(length=1, label="events", show_pos=True, hidden=not show_progress, file=sys.stderr)

    def show(reached: int, end: int) -> None:
        bar.length = max(end, 1)
        bar.update(reached - bar.pos)

    try:
        with bar:
            rebuilt = await rebuild(log_file, log, show, accept_differences=accept_differences)
    except RebuildUnderWay as error:
        raise Refusal(str(error)) from error
    finally:
        await log.close()
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
