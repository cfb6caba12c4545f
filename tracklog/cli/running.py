"""Running a server from the command line until a signal ends it."""

import logging
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Final, ParamSpec

import click

from tracklog.cli.refusing import refusing

TALKATIVE_LIBRARIES: Final = ("aiobotocore", "aiokafka", "alembic", "botocore")
"""What they say below a warning is for their makers."""

UNUSABLE_PLACES: Final = (PermissionError, FileNotFoundError, NotADirectoryError, FileExistsError)
"""What opening a file says of a place that was named and cannot be used."""

P = ParamSpec("P")


def run_until_signal(serve: Callable[P, Awaitable[None]], *arguments: P.args, **options: P.kwargs) -> None:
    """Run `serve` to its end; what keeps it from starting becomes one sentence."""
    import uvloop

    from event_log.port import ForeignLog, LogInUse
    from tracklog.serving.serving import AddressTaken, CannotStart

    log_as_json()

    async def main() -> None:
        await serve(*arguments, **options)

    try:
        with refusing():
            uvloop.run(main())
    except (ForeignLog, LogInUse, AddressTaken, CannotStart) as error:
        raise click.ClickException(str(error)) from error
    except UNUSABLE_PLACES as error:
        if error.filename is None:
            raise
        raise click.ClickException(f"{error.filename}: {os.strerror(error.errno or 0)}.") from error


def log_as_json() -> None:
    """Have everything that is logged written to standard error as lines of JSON."""
    from tracklog.serving.log_lines import JsonLines

    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[lines])
    for library in TALKATIVE_LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)


def announce(text: str) -> None:
    """Say something to whoever started the server."""
    click.echo(text, err=True)
