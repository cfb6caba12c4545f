"""The read routes of experiments."""

from collections.abc import Iterable

from query_api.experiments.document import get_experiment, get_experiment_by_name
from query_api.experiments.search import search_experiments
from query_api.reads import Reads
from schemas.events import EXPERIMENTS_ORDERING_UNIT
from schemas.messages.experiments import GetExperiment, GetExperimentByName, SearchExperiments
from schemas.messages.message import Message
from schemas.rest.route import Route


def experiment_routes(reads: Reads) -> tuple[Route, ...]:
    return (
        reads.route("GET", "experiments/get", GetExperiment, get_experiment, _experiments),
        reads.route("GET", "experiments/get-by-name", GetExperimentByName, get_experiment_by_name, _experiments),
        reads.route("GET", "experiments/search", SearchExperiments, search_experiments),
        reads.route("POST", "experiments/search", SearchExperiments, search_experiments),
    )


def _experiments(_wanted: Message) -> Iterable[str]:
    return (EXPERIMENTS_ORDERING_UNIT,)
