"""The rules of what several routes, or a route and a field of GraphQL, are about.

Source: the permissions that MLflow 3.17 asks for, as observed; docs/differences.md names where more is asked for here.
"""

from collections.abc import Iterable
from typing import Any, Final

from schemas.events.scorers import scorer_reference
from schemas.levels import EXPERIMENT, HISTORY, REGISTERED_MODEL, SCORER, Level
from schemas.messages.experiments import experiment_id_of
from schemas.messages.history import HistoryFilter
from schemas.rest.access import ARTIFACT, EVALUATION_DATASET, LOGGED_MODEL, MODEL_VERSION, RUN, TRACE, On, Rule

READ_EXPERIMENT: Final[Rule] = (On(Level.READ, EXPERIMENT, "experiment_id"),)
EDIT_EXPERIMENT: Final[Rule] = (On(Level.EDIT, EXPERIMENT, "experiment_id"),)
MANAGE_EXPERIMENT: Final[Rule] = (On(Level.MANAGE, EXPERIMENT, "experiment_id"),)
READ_EXPERIMENTS: Final[Rule] = (On(Level.READ, EXPERIMENT, "experiment_ids"),)

READ_RUN: Final[Rule] = (On(Level.READ, RUN, "run"),)
EDIT_RUN: Final[Rule] = (On(Level.EDIT, RUN, "run"),)
EDIT_ITS_RUN: Final[Rule] = (On(Level.EDIT, RUN, "run_id"),)
"""Of what has one name alone for the run."""
READ_ITS_RUN: Final[Rule] = (On(Level.READ, RUN, "run_id"),)
MANAGE_ITS_RUN: Final[Rule] = (On(Level.MANAGE, RUN, "run_id"),)
READ_RUNS: Final[Rule] = (On(Level.READ, RUN, "run_ids"),)

READ_LOGGED_MODEL: Final[Rule] = (On(Level.READ, LOGGED_MODEL, "model_id"),)
EDIT_LOGGED_MODEL: Final[Rule] = (On(Level.EDIT, LOGGED_MODEL, "model_id"),)
MANAGE_LOGGED_MODEL: Final[Rule] = (On(Level.MANAGE, LOGGED_MODEL, "model_id"),)

READ_MODEL: Final[Rule] = (On(Level.READ, REGISTERED_MODEL, "name"),)
EDIT_MODEL: Final[Rule] = (On(Level.EDIT, REGISTERED_MODEL, "name"),)
MANAGE_MODEL: Final[Rule] = (On(Level.MANAGE, REGISTERED_MODEL, "name"),)

READ_VERSION: Final[Rule] = (On(Level.READ, MODEL_VERSION, "name"),)
EDIT_VERSION: Final[Rule] = (On(Level.EDIT, MODEL_VERSION, "name"),)
MANAGE_VERSION: Final[Rule] = (On(Level.MANAGE, MODEL_VERSION, "name"),)

EDIT_TRACE: Final[Rule] = (On(Level.EDIT, TRACE, "trace_id"),)

READ_ARTIFACT: Final[Rule] = (On(Level.READ, ARTIFACT, None),)
EDIT_ARTIFACT: Final[Rule] = (On(Level.EDIT, ARTIFACT, None),)
MANAGE_ARTIFACT: Final[Rule] = (On(Level.MANAGE, ARTIFACT, None),)


READ_EVALUATION_DATASET: Final[Rule] = (On(Level.READ, EVALUATION_DATASET, "dataset_id"),)
EDIT_EVALUATION_DATASET: Final[Rule] = (On(Level.EDIT, EVALUATION_DATASET, "dataset_id"),)
MANAGE_EVALUATION_DATASET: Final[Rule] = (On(Level.MANAGE, EVALUATION_DATASET, "dataset_id"),)

SCORER_VERSION: Final = "scorer_version"


def _scorer(message: Any) -> Iterable[str]:
    """The reference of the scorer that a message names."""
    return (scorer_reference(experiment_id_of(message.experiment_id), message.name),)


READ_SCORER: Final[Rule] = (On(Level.READ, SCORER, _scorer, unless_denied=SCORER_VERSION),)
EDIT_SCORER: Final[Rule] = (On(Level.EDIT, SCORER, _scorer, unless_denied=SCORER_VERSION),)
MANAGE_SCORER: Final[Rule] = (On(Level.MANAGE, SCORER, _scorer, unless_denied=SCORER_VERSION),)
REGISTER_SCORER: Final[Rule] = (On(Level.EDIT, EXPERIMENT, "experiment_id"), *EDIT_SCORER)


def edits_run_and_models(field: str) -> Rule:
    """EDIT on the run of `run_id`, and on the logged models whose `model_id` is in one of the list `field`."""

    def model_ids(message: Any) -> Iterable[str]:
        return {one.model_id for one in getattr(message, field) or () if getattr(one, "model_id", "")}

    return (*EDIT_ITS_RUN, On(Level.EDIT, LOGGED_MODEL, model_ids, optional=True))


_NAMED_IN_HISTORY: Final = (
    (EXPERIMENT, "experiment_id", "experiment"),
    (RUN, "run_id", "run"),
    (LOGGED_MODEL, "logged_model_id", "logged-model"),
    (REGISTERED_MODEL, "model", "registered-model"),
    (REGISTERED_MODEL, "registered_model", "registered-model"),
    (ARTIFACT, "artifact", "artifact"),
)
"""What rights are granted to, the field of a message that names one, and what its stream begins with."""


def _subjects_of_history(message: Any) -> Iterable[str]:
    """What the history that is asked for is about, as its type and key; `*` where it is about everything."""
    kind, _, of_stream = getattr(message, "stream", "").partition("/")
    named = {
        f"{subject}:{key}"
        for subject, field, stream in _NAMED_IN_HISTORY
        if (key := getattr(message, field, "") or (of_stream if kind == stream else ""))
    }
    return sorted(named) or ["*"]


def names_subject(message: Any) -> bool:
    """Whether a request names something whose history it asks for, by which it was judged."""
    return getattr(message, "stream", "") != "" or list(_subjects_of_history(message)) != ["*"]


SEEN_HISTORY: Final = "seen"
"""In place of a subject: as much of the history as somebody may read, which the handler sees to."""


def _listed(message: Any) -> Iterable[str]:
    is_list = isinstance(message, HistoryFilter) and not names_subject(message)
    return (SEEN_HISTORY,) if is_list else _subjects_of_history(message)


READ_HISTORY: Final[Rule] = (On(Level.READ, HISTORY, _subjects_of_history),)
"""Who may read the history, or manages everything that the request names."""

LIST_HISTORY: Final[Rule] = (On(Level.READ, HISTORY, _listed),)
"""The same; and of a request that names nothing everybody gets what they may read."""

READ_ALL_HISTORY: Final[Rule] = (On(Level.READ, HISTORY, lambda _message: ("*",)),)
"""Who may read the history of everything."""
