"""What becomes of a delivery after a try: delivered, tried again later, or parked."""

from dataclasses import dataclass
from typing import Final

from tracklog.webhooks.call import Outcome

SECOND_US: Final = 1_000_000

FIRST_PAUSE_US: Final = SECOND_US
LONGEST_PAUSE_US: Final = 3600 * SECOND_US
"""Between two tries, also where a receiver asks for more."""

JITTER: Final = 0.25
"""Of a pause, by which it is longer at most: what failed at one moment is not tried again at one moment."""

GIVEN_UP_AFTER_US: Final = 24 * 3600 * SECOND_US
"""After the first try."""

GONE: Final = 410
"""The receiver never wants it."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver has it."""


@dataclass(frozen=True, slots=True)
class Again:
    """It is to be tried again at `due_us`, since the Unix epoch."""

    due_us: int


@dataclass(frozen=True, slots=True)
class Parked:
    """It is not tried again unless somebody asks for it."""


def after(outcome: Outcome, *, attempts: int, first_us: int, now_us: int, chance: float) -> Delivered | Again | Parked:
    """What an outcome means for a delivery that was tried `attempts` times, first at `first_us`.

    `chance` is at least 0 and less than 1.
    """
    if outcome.status is not None and not outcome.error and 200 <= outcome.status < 300:
        return Delivered()
    if outcome.status == GONE:
        return Parked()
    due_us = now_us + _pause_us(outcome, attempts, chance)
    return Parked() if due_us > first_us + GIVEN_UP_AFTER_US else Again(due_us)


def _pause_us(outcome: Outcome, attempts: int, chance: float) -> int:
    doublings = min(attempts - 1, 32)  # more would be beyond the longest pause, however often it was tried
    pause_us = min(FIRST_PAUSE_US << doublings, LONGEST_PAUSE_US)
    jittered = min(round(pause_us * (1 + JITTER * chance)), LONGEST_PAUSE_US)
    wished_us = round((outcome.retry_after_s or 0.0) * SECOND_US)
    return max(jittered, min(wished_us, LONGEST_PAUSE_US))
