"""Which runs a frame is of: their numbers, page after page, in the default order of MLflow's run search."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from query_api.experiments.seen import seen_among
from query_api.filter.conditions import Condition, check_filter
from query_api.filter.syntax import parse_long_filter
from query_api.filter.view_types import lifecycle_stage_of
from query_api.filter.vocabulary import Comparator, Entity
from query_api.port import ReadModel
from query_api.runs.search.order import run_order
from query_api.runs.search.run_search import RunSearch
from query_api.runs.search.search import run_numbers
from query_api.runs.vocabulary import RUNS
from schemas.errors import InvalidParameterValue
from schemas.messages.experiments import experiment_id_of
from schemas.messages.frames import GetFrame
from schemas.rest.access import RUN

PAGE_RUNS: Final = 2000

_EXPERIMENTS_OF: Final = "SELECT DISTINCT experiment_id FROM runs WHERE run_id = ANY($1) ORDER BY 1"


class RunPages(ABC):
    """Runs of some experiments, in an order."""

    experiment_ids: Sequence[int]

    @abstractmethod
    def pages(self, read_model: ReadModel) -> AsyncIterator[list[int]]:
        """The numbers of the runs, at most PAGE_RUNS at a time."""


@dataclass(frozen=True)
class ListedRuns(RunPages):
    """Runs of one experiment by their numbers."""

    experiment_ids: Sequence[int]
    numbers: Sequence[int]

    async def pages(self, read_model: ReadModel) -> AsyncIterator[list[int]]:
        for start in range(0, len(self.numbers), PAGE_RUNS):
            yield list(self.numbers[start : start + PAGE_RUNS])


@dataclass(frozen=True)
class Selection(RunPages):
    """Runs of experiments that may be seen, one experiment after the other, in each the newest first."""

    experiment_ids: Sequence[int]
    search: RunSearch
    """The first page of the first."""

    async def pages(self, read_model: ReadModel) -> AsyncIterator[list[int]]:
        for experiment_id in self.experiment_ids:
            search = replace(self.search, experiment_ids=(experiment_id,))
            while True:
                found = await run_numbers(read_model, search)
                page = found[: search.max_results]
                if page:
                    yield [row[0] for row in page]
                if len(found) <= search.max_results:
                    break
                search = replace(search, after=tuple(page[-1][1:]))


async def selection_of(read_model: ReadModel, wanted: GetFrame) -> Selection:
    """The runs that are asked for, as far as who asks may see them. Raises InvalidParameterValue."""
    if not wanted.experiment_ids and not wanted.run_ids:
        raise InvalidParameterValue("experiment_ids or run_ids must be given.")
    conditions: tuple[Condition, ...] = check_filter(await parse_long_filter(wanted.filter), RUNS)
    stage = lifecycle_stage_of(wanted.run_view_type)
    experiment_ids = sorted({experiment_id_of(text) for text in wanted.experiment_ids})
    if wanted.run_ids:
        named = Condition(Entity.ATTRIBUTE, "run_id", Comparator.IN, tuple(sorted(set(wanted.run_ids))))
        conditions = (*conditions, named)
        dialect = read_model.dialect
        rows = await read_model.fetch(dialect.statement(_EXPERIMENTS_OF), (dialect.listed(wanted.run_ids),))
        of_runs = {row[0] for row in rows}
        experiment_ids = sorted(of_runs.intersection(experiment_ids) if experiment_ids else of_runs)
    experiment_ids = await seen_among(read_model, experiment_ids, RUN)
    return Selection(experiment_ids, RunSearch((), conditions, run_order(()), stage, None, PAGE_RUNS))


def all_runs_of(experiment_id: int) -> Selection:
    """Every run of an experiment, whatever its stage."""
    return Selection((experiment_id,), RunSearch((), (), run_order(()), None, None, PAGE_RUNS))
