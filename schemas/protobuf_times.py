"""Times and durations as the JSON of protocol buffers has them: RFC 3339 in UTC, and seconds with an `s`."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from schemas.errors import InvalidParameterValue
from schemas.messages.bounds import shown

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LEAST_MS: Final = -62_135_596_800_000
"""The beginning of the year 1, before which there are no such times."""
_MOST_MS: Final = 253_402_300_799_999
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DURATION: Final = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,9}))?s", re.ASCII)


def milliseconds(text: str, at: str) -> int:
    """The time that a text says, in milliseconds since the Unix epoch; what is finer is cut off.

    Raises InvalidParameterValue naming the field `at`.
    """
    match = _TIME.fullmatch(text)
    if match is not None:
        try:
            whole = datetime.fromisoformat(match[1].upper() + match[3].upper().replace("Z", "+00:00"))
        except ValueError:
            pass
        else:
            return (whole - _EPOCH) // timedelta(milliseconds=1) + _milliseconds_of(match[2])
    raise InvalidParameterValue(f"Invalid value {shown(text)} for parameter '{at}': it is no time of RFC 3339.")


def duration_milliseconds(text: str, at: str) -> int:
    """The duration that a text says, in milliseconds. Raises InvalidParameterValue naming the field `at`."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise InvalidParameterValue(f"Invalid value {shown(text)} for parameter '{at}': it is no number of seconds.")
    found = int(match[2]) * 1000 + _milliseconds_of(match[3])
    return -found if match[1] else found


def time_text(time_ms: int) -> str:
    """A time in milliseconds since the Unix epoch as text; one before the year 1 or after 9999 as the nearest."""
    moment = _EPOCH + timedelta(milliseconds=min(max(time_ms, _LEAST_MS), _MOST_MS))
    fraction = f".{moment.microsecond // 1000:03d}" if moment.microsecond else ""
    return f"{moment.strftime('%Y').zfill(4)}-{moment.strftime('%m-%dT%H:%M:%S')}{fraction}Z"


def duration_text(duration_ms: int) -> str:
    """A duration in milliseconds as text."""
    sign = "-" if duration_ms < 0 else ""
    seconds, rest = divmod(abs(duration_ms), 1000)
    return f"{sign}{seconds}.{rest:03d}s" if rest else f"{sign}{seconds}s"


def _milliseconds_of(fraction: str | None) -> int:
    return int(f"{fraction or '':0<3}"[:3])
