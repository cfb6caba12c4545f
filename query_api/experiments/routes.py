"""The read routes of experiments."""

from collections.abc import Iterable
from typing import Final

from query_api.experiments.document import get_experiment, get_experiment_by_name
from query_api.experiments.search import search_experiments
from query_api.past.about import EXPERIMENT
from query_api.reads import Reads
from schemas.events import EXPERIMENTS_ORDERING_UNIT
from schemas.levels import Level
from schemas.messages.experiments import GetExperiment, GetExperimentByName, SearchExperiments
from schemas.messages.message import Message
from schemas.rest.access import EXPERIMENT_NAMED, On, Rule
from schemas.rest.route import Permission, Route
from schemas.rest.rules import READ_EXPERIMENT

_BY_NAME: Final[Rule] = (On(Level.READ, EXPERIMENT_NAMED, "experiment_name"),)


def experiment_routes(reads: Reads) -> tuple[Route, ...]:
    return (
        reads.route(
            "GET", "experiments/get", GetExperiment, get_experiment, READ_EXPERIMENT, _experiments, about=EXPERIMENT
        ),
        reads.route(
            "GET", "experiments/get-by-name", GetExperimentByName, get_experiment_by_name, _BY_NAME, _experiments
        ),
        reads.route("GET", "experiments/search", SearchExperiments, search_experiments, Permission.SEEN),
        reads.route("POST", "experiments/search", SearchExperiments, search_experiments, Permission.SEEN),
    )


def _experiments(_wanted: Message) -> Iterable[str]:
    return (EXPERIMENTS_ORDERING_UNIT,)
