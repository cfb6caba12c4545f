"""Times as people write them on the command line."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Final

import click

from tracklog.cli.bad_usage import BadUsage

TIMES_HELP: Final = (
    "TIME is a date or time as in 2026-11-28 or 2026-11-28T09:30, in UTC unless it names its zone as in +01:00; or so "
    "long ago, as in 90s, 15m, 2h, 7d; or milliseconds since 1970."
)

_AGO: Final = re.compile(r"(\d{1,6})([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LAST_MS: Final = 253_402_300_799_999
"""The end of the year 9999, after which no calendar here goes on."""


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


def moment_us(text: str, now_us: int) -> int:
    """Microseconds since the Unix epoch of `text`; a date is the beginning of its day.

    Without a zone it is in UTC, as the events are printed. Raises ValueError or OverflowError.
    """
    if text.isascii() and text.isdecimal():
        if int(text) > _LAST_MS:
            raise OverflowError(text)
        return int(text) * 1000
    if ago := _AGO.fullmatch(text):
        return now_us - round(timedelta(**{_UNITS[ago[2]]: int(ago[1])}) / timedelta(microseconds=1))
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
