"""How a page of runs is found, decided by how many runs meet each condition.

Either the order's index is walked, each run tested until the page is full, or the runs that meet one condition are
collected and sorted. A test is a look-up per run walked, or a set of all runs that meet the condition, collected
first. Estimates decide about time alone, never about the answer.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

COUNTED_RUNS: Final = 20_000
"""Counting stops here: it takes a millisecond, and more runs than this are no reason to start from a condition."""

# What one run costs, in microseconds as measured on SQLite with runs of 10 metrics, params and tags and a small cache.
_WALKED: Final = 0.15
_LOOKED_UP: Final = 3.0
_COLLECTED: Final = 0.35
_TESTED: Final = 0.2
_SORTED: Final = 8.0


@dataclass(frozen=True, slots=True)
class RunPlan:
    """`start` is the condition to start from, None to walk the order; `as_sets` are those to test by a set."""

    start: int | None
    as_sets: frozenset[int]


WALK: Final = RunPlan(None, frozenset())
"""The order is walked, and each run's values are looked up."""


def plan_runs(total: int, matches: Sequence[int | None], wanted: int, many: int = COUNTED_RUNS) -> RunPlan:
    """The cheapest way to `wanted` of `total` runs.

    `matches` holds for each condition how many runs meet it, `many` or more where counting stopped there, None where
    that is not known because nothing indexes it.
    """
    walked = _runs_to_walk(total, matches, wanted)
    as_sets = frozenset(
        index
        for index, count in enumerate(matches)
        if count is not None and count < many and _set_cost(count, walked) < walked * _LOOKED_UP
    )
    tests = sum(
        _set_cost(count, walked) if index in as_sets and count is not None else walked * _LOOKED_UP
        for index, count in enumerate(matches)
    )
    counted = [(count, index) for index, count in enumerate(matches) if count is not None]
    if counted:
        fewest, start = min(counted)
        if fewest < many and fewest * _SORTED < walked * _WALKED + tests:
            return RunPlan(start, frozenset())
    return RunPlan(None, as_sets)


def _runs_to_walk(total: int, matches: Sequence[int | None], wanted: int) -> float:
    """How many runs fill a page when the conditions have nothing to do with one another."""
    share = math.prod(min(count / total, 1.0) for count in matches if count is not None) if total else 1.0
    return min(total, wanted / share) if share else total


def _set_cost(count: int, walked: float) -> float:
    return count * _COLLECTED + walked * _TESTED
