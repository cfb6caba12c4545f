"""The read routes of runs."""

from collections.abc import Iterable

from query_api.past.about import RUN
from query_api.reads import Reads
from query_api.runs.document import get_run
from query_api.runs.search.search import search_runs
from schemas.events import EXPERIMENTS_ORDERING_UNIT
from schemas.events.runs import RUNS
from schemas.messages.runs import GetRun, SearchRuns
from schemas.rest.route import Permission, Route
from schemas.rest.rules import READ_RUN


def run_routes(reads: Reads) -> tuple[Route, ...]:
    return (
        reads.route("GET", "runs/get", GetRun, get_run, READ_RUN, _run_and_experiments, about=RUN),
        reads.route("POST", "runs/search", SearchRuns, search_runs, Permission.SEEN),
    )


def _run_and_experiments(wanted: GetRun) -> Iterable[str]:
    """A run is deleted with its experiment."""
    return RUNS.ordering_unit(wanted.run), EXPERIMENTS_ORDERING_UNIT
