"""Running a server from the command line until a signal ends it."""

import os
from collections.abc import Awaitable, Callable
from typing import Final, ParamSpec

import click

from tracklog.cli.bad_usage import reporting_bad_settings

UNUSABLE_PLACES: Final = (PermissionError, FileNotFoundError, NotADirectoryError, FileExistsError)
"""What opening a file says of a place that was named and cannot be used."""

P = ParamSpec("P")


def run_until_signal(serve: Callable[P, Awaitable[None]], *arguments: P.args, **options: P.kwargs) -> None:
    """Run `serve` to its end; what keeps it from starting becomes one sentence."""
    import uvloop

    from event_log.port import ForeignLog, LogInUse
    from tracklog.serving.listening import AddressTaken
    from tracklog.serving.log_lines import log_as_json
    from tracklog.serving.services import CannotStart

    log_as_json()

    async def main() -> None:
        await serve(*arguments, **options)

    try:
        with reporting_bad_settings():
            uvloop.run(main())
    except (ForeignLog, LogInUse, AddressTaken, CannotStart) as error:
        raise click.ClickException(str(error)) from error
    except UNUSABLE_PLACES as error:
        if error.filename is None:
            raise
        raise click.ClickException(f"{error.filename}: {os.strerror(error.errno or 0)}.") from error


def announce(text: str) -> None:
    """Print something for the operator."""
    click.echo(text, err=True)
