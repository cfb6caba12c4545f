"""Times as people write them on the command line."""

import time
from typing import Final

import click

from schemas.moments import moment_us
from tracklog.cli.bad_usage import BadUsage

TIMES_HELP: Final = (
    "TIME is a date or time as in 2026-11-28 or 2026-11-28T09:30, in UTC unless it names its zone as in +01:00; or so "
    "long ago, as in 90s, 15m, 2h, 7d; or milliseconds since 1970."
)


def now_us() -> int:
    """Microseconds since the Unix epoch."""
    return time.time_ns() // 1000


def time_us(_ctx: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
    """Microseconds since the Unix epoch of a time that an option was given. Raises BadUsage."""
    if text is None:
        return None
    try:
        return moment_us(text.strip(), now_us())
    except (ValueError, OverflowError) as error:
        raise BadUsage(
            f"{parameter.opts[0]} {text!r} is no time: write 2026-11-28, 2026-11-28T09:30Z, 2h for two hours ago, or "
            "milliseconds since 1970."
        ) from error
