"""Moments as people and programs write them: a time, or the positions in the log that a time came to."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from schemas.envelope import Positions
from schemas.mlflow import LARGEST_INT64

Moment: TypeAlias = int | Positions
"""Microseconds since the Unix epoch; or positions, which name one state for ever."""

_AGO: Final = re.compile(r"(\d{1,6})([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LAST_MS: Final = 253_402_300_799_999
"""The end of the year 9999, after which no calendar here goes on."""

_POSITIONS: Final = re.compile(r"\d{1,9}:\d{1,19}(,\d{1,9}:\d{1,19})*")

_NOTHING: Final = "0:0"


def moment_of(text: str, now_us: int) -> Moment:
    """The moment that `text` names. Raises ValueError or OverflowError for what is none."""
    return positions_of(text) if _POSITIONS.fullmatch(text) else moment_us(text, now_us)


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


def positions_of(text: str) -> Positions:
    """The positions that `positions_text` writes; a partition that is not named is at its beginning.

    Raises ValueError.
    """
    if not _POSITIONS.fullmatch(text):
        raise ValueError(f"{text!r} is not as in 0:1234 or 0:12,1:34")
    positions: dict[int, int] = {}
    for part in text.split(","):
        partition, offset = map(int, part.split(":"))
        if partition in positions:
            raise ValueError(f"{text!r} names partition {partition} twice")
        if offset > LARGEST_INT64:
            raise ValueError(f"{text!r} names an offset that no log has")
        positions[partition] = offset
    return positions


def positions_text(positions: Positions) -> str:
    """`<partition>:<offset of the next event>`, comma-separated, without partitions of which there is nothing."""
    return ",".join(f"{partition}:{offset}" for partition, offset in sorted(positions.items()) if offset) or _NOTHING
