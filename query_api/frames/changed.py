"""The runs of a frame that changed since positions of the log, and which ones its reader has to look at again."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from event_log.log_until import BeyondTheLog, checked_positions
from event_log.port import EventLogReader
from query_api.experiments.seen import seen_among
from query_api.filter.conditions import Condition
from query_api.filter.vocabulary import Comparator, Entity
from query_api.frames.selection import RunPages, Selection
from query_api.frames.touched import Touched, touched_between
from query_api.port import ReadModel
from query_api.seen import sight_of
from schemas.envelope import Positions
from schemas.errors import DeadlineExceeded, InvalidParameterValue
from schemas.messages.bounds import shown
from schemas.messages.experiments import experiment_id_of
from schemas.messages.frames import GetFrame
from schemas.moments import positions_of, positions_text
from schemas.rest.access import RUN

MAX_EVENTS: Final = 200_000
"""Between the positions, all of which are read: some seconds of work, between which others have their turns."""

MAX_CHANGED_RUNS: Final = 100_000
"""Their ids are sent before the first row: 3.5 MB."""

BOUND_S: Final = 15.0
"""For reading the events, of which some have a megabyte."""

_IDS_AT_ONCE: Final = 1000

_INSTEAD: Final = "ask for the whole frame, or have files written by `tracklog export parquet --since`"

_OF_IDS: Final = "SELECT run_id, experiment_id FROM runs WHERE run_id = ANY($1)"
_OF_EXPERIMENT: Final = "SELECT run_id FROM runs WHERE experiment_id = $1 AND run_id > $2 ORDER BY run_id LIMIT $3"


class Changed(NamedTuple):
    """`runs` are the ids of all that changed in what is asked for: also of those that do not meet the filter any more,
    were deleted, or are erased. `pages` are those of them that are in the frame.
    """

    runs: Sequence[str]
    pages: RunPages


@dataclass(frozen=True)
class ChangedRuns(RunPages):
    """Those runs of a selection that changed, by experiment; None are all runs of one."""

    experiment_ids: Sequence[int]
    search: Selection
    of_experiments: Mapping[int, Sequence[str] | None]

    async def pages(self, read_model: ReadModel) -> AsyncIterator[list[int]]:
        for experiment_id, run_ids in self.of_experiments.items():
            of_this = replace(self.search, experiment_ids=(experiment_id,))
            for selection in (of_this,) if run_ids is None else _narrowed(of_this, run_ids):
                async for numbers in selection.pages(read_model):
                    yield numbers


def _narrowed(selection: Selection, run_ids: Sequence[str]) -> list[Selection]:
    """The selection among some runs, as many at a time as one search names."""
    narrowed = []
    for start in range(0, len(run_ids), _IDS_AT_ONCE):
        some = tuple(run_ids[start : start + _IDS_AT_ONCE])
        named = Condition(Entity.ATTRIBUTE, "run_id", Comparator.IN, some)
        search = replace(selection.search, conditions=(*selection.search.conditions, named))
        narrowed.append(replace(selection, search=search))
    return narrowed


async def changes_since(log: EventLogReader, since: str, end: Positions) -> Touched:
    """What events are about from positions as in `0:1234` to `end`.

    Raises InvalidParameterValue, DeadlineExceeded, LogUnavailable.
    """
    try:
        begin = await checked_positions(log, positions_of(since))
    except BeyondTheLog as error:
        raise InvalidParameterValue(str(error)) from error
    except ValueError as error:
        raise InvalidParameterValue(
            f"since is {shown(since)}, and has to be positions, as a frame has them."
        ) from error
    count = sum(max(0, offset - begin.get(partition, 0)) for partition, offset in end.items())
    if count > MAX_EVENTS:
        raise InvalidParameterValue(
            f"There are {count} events since {positions_text(begin)}, more than {MAX_EVENTS}: {_INSTEAD}."
        )
    try:
        async with asyncio.timeout(BOUND_S):
            return await touched_between(log, begin, end)
    except TimeoutError as error:
        raise DeadlineExceeded(
            f"The events since {positions_text(begin)} could not be read within {BOUND_S:g} s: {_INSTEAD}."
        ) from error


async def changed_among(read_model: ReadModel, wanted: GetFrame, selection: Selection, touched: Touched) -> Changed:
    """What changed of a selection, as far as who asks may see it. Raises InvalidParameterValue."""
    there = set(selection.experiment_ids)
    of_experiments: dict[int, list[str] | None] = dict.fromkeys(sorted(touched.experiments & there))
    named = set(wanted.run_ids)
    ids = sorted(touched.runs & named if named else touched.runs)
    found: dict[str, int] = {}
    for start in range(0, len(ids), _IDS_AT_ONCE):
        some = read_model.dialect.listed(ids[start : start + _IDS_AT_ONCE])
        found.update(await read_model.fetch(read_model.dialect.statement(_OF_IDS), (some,)))
    changed = {run_id for run_id, experiment_id in found.items() if experiment_id in there}
    changed.update(await _erased(read_model, wanted, touched, ids, found))
    for run_id in sorted(changed & found.keys()):
        of_experiment = of_experiments.setdefault(found[run_id], [])
        if of_experiment is not None:
            of_experiment.append(run_id)
    for experiment_id, of_experiment in of_experiments.items():
        if of_experiment is None:
            changed.update(await _all_of(read_model, experiment_id, named))
        _refuse_many(changed)
    _refuse_many(changed)
    in_order = {one: of_experiments[one] for one in sorted(of_experiments)}
    return Changed(sorted(changed), ChangedRuns(selection.experiment_ids, selection, in_order))


async def _erased(
    read_model: ReadModel, wanted: GetFrame, touched: Touched, ids: Sequence[str], found: Mapping[str, int]
) -> list[str]:
    """The runs that are no more, of those that are asked for and whose experiment may be seen.

    An experiment that is erased itself is seen by who sees everything.
    """
    gone = {one: touched.erased[one] for one in ids if one in touched.erased and one not in found}
    if wanted.experiment_ids:
        asked = {experiment_id_of(text) for text in wanted.experiment_ids}
        gone = {run_id: experiment_id for run_id, experiment_id in gone.items() if experiment_id in asked}
    if sight_of(read_model) is None:
        return list(gone)
    seen = set(await seen_among(read_model, sorted(set(gone.values())), RUN))
    return [run_id for run_id, experiment_id in gone.items() if experiment_id in seen]


async def _all_of(read_model: ReadModel, experiment_id: int, named: set[str]) -> set[str]:
    """The ids of the runs of an experiment, of those that are named where any are; not many more than may be sent."""
    found: set[str] = set()
    after = ""
    statement = read_model.dialect.statement(_OF_EXPERIMENT)
    while len(found) <= MAX_CHANGED_RUNS:
        some = [row[0] for row in await read_model.fetch(statement, (experiment_id, after, _IDS_AT_ONCE))]
        found.update(named.intersection(some) if named else some)
        if len(some) < _IDS_AT_ONCE:
            break
        after = some[-1]
    return found


def _refuse_many(changed: set[str]) -> None:
    if len(changed) > MAX_CHANGED_RUNS:
        raise InvalidParameterValue(f"More than {MAX_CHANGED_RUNS} runs changed: {_INSTEAD}.")
