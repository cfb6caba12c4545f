"""Values as a store has them, made into what records hold; what does not fit is gathered as oddities."""

import math
import sys
from collections.abc import Sequence
from typing import Any, Final

from schemas.mlflow import ACTIVE, DELETED, LARGEST_INT64, LEAST_INT64
from tracklog.moving.records import OddityRecord
from tracklog.moving.texts import is_whole, lenient, mended, raw_shown

_LARGEST: Final = sys.float_info.max


class Cells:
    """Reads single values. What is odd about them is in `oddities`, which whoever reads takes out."""

    def __init__(self) -> None:
        self.oddities: list[OddityRecord] = []

    def odd(self, kind: str, where: str, what: str, lost: int = 0) -> None:
        self.oddities.append(OddityRecord(kind, where, what, lost))

    def take(self) -> list[OddityRecord]:
        """The oddities since the last call."""
        taken, self.oddities = self.oddities, []
        return taken

    def text(self, value: Any, kind: str, where: str) -> str:
        """A text; nothing is an empty one."""
        if value is None:
            return ""
        text = value if isinstance(value, str) else lenient(value) if isinstance(value, bytes) else str(value)
        if is_whole(text):
            return text
        self.odd(kind, where, f"text that is no UTF-8 or holds NUL, replaced by U+FFFD; its bytes: {raw_shown(text)}")
        return mended(text)

    def is_deleted(self, stage: Any, kind: str, where: str) -> bool:
        """Whether a lifecycle stage is that of deleted things; a word that nobody knows is told of."""
        if stage not in (None, "", ACTIVE, DELETED):
            self.odd(kind, where, f"its stage {stage!r:.50} is no word that is known; taken for {ACTIVE}")
        return bool(stage == DELETED)

    def pair(self, row: Sequence[Any], kind: str, where: str) -> tuple[str, str]:
        """The last two values of a row: a key and its text."""
        key = self.text(row[-2], kind, where)
        return key, self.text(row[-1], kind, f"{where}, {key!r}")

    def number(self, value: Any, kind: str, where: str) -> int | None:
        """A whole number of 64 bits, None for nothing and for what is no such number."""
        if value is None or (value.__class__ is int and LEAST_INT64 <= value <= LARGEST_INT64):
            found: int | None = value
            return found
        try:
            number = int(value)
            if LEAST_INT64 <= number <= LARGEST_INT64:
                return number
        except (TypeError, ValueError, OverflowError):
            pass
        self.odd(kind, where, f"{value!r:.100} is no number of 64 bits; taken for none")
        return None


def event_value(value: float) -> float | str:
    """A value of a metric as events keep it."""
    if math.isfinite(value):
        return value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def value_of_database(value: float | None, is_nan: Any) -> float | str:
    """As `event_value`, of a row: databases have NaN in a column of its own, and the largest double for infinity."""
    if is_nan or value is None or value != value:
        return "NaN"
    if value >= _LARGEST:
        return "Infinity"
    return "-Infinity" if value <= -_LARGEST else value
