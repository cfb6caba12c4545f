"""What events set: the fields of what a stream is about, for each aggregate by a pure function.

A field is named as people name it: `name`, `lifecycle_stage`, `tags.<key>`, `versions.<number>.stage`. A field that is
not set, such as a tag that was deleted, holds None.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from schemas.errors import ResourceConflict
from schemas.events import AnyEvent, Undo
from schemas.fields.evaluation_datasets import set_by_evaluation_dataset_event
from schemas.fields.experiments import set_by_experiment_event
from schemas.fields.field import Held, Value
from schemas.fields.issues import set_by_issue_event
from schemas.fields.label_schemas import set_by_label_schema_event
from schemas.fields.logged_models import set_by_logged_model_event
from schemas.fields.registered_models import set_by_registry_event
from schemas.fields.review_queues import set_by_review_queue_event
from schemas.fields.runs import set_by_run_event
from schemas.fields.scorers import set_by_scorer_event
from schemas.fields.traces import set_by_trace_event
from schemas.fields.users import set_by_role_event, set_by_user_event
from schemas.fields.webhooks import set_by_webhook_event

SetBy: TypeAlias = Callable[[Any, Held, int, str], Mapping[str, Value]]


def _whenever(set_by_event: Callable[[Any, Held], Mapping[str, Value]]) -> SetBy:
    return lambda event, held, _time_ms, _event_id: set_by_event(event, held)


def _at(set_by_event: Callable[[Any, Held, int], Mapping[str, Value]]) -> SetBy:
    return lambda event, held, time_ms, _event_id: set_by_event(event, held, time_ms)


_SET_BY: Final[Mapping[str, SetBy]] = {
    "run": _whenever(set_by_run_event),
    "experiment": _whenever(set_by_experiment_event),
    "registered-model": _at(set_by_registry_event),
    "logged-model": _whenever(set_by_logged_model_event),
    "evaluation-dataset": set_by_evaluation_dataset_event,
    "scorer": _whenever(set_by_scorer_event),
    "issue": _whenever(set_by_issue_event),
    "label-schema": _whenever(set_by_label_schema_event),
    "review-queue": _whenever(set_by_review_queue_event),
    "trace": _whenever(set_by_trace_event),
    "webhook": _whenever(set_by_webhook_event),
    "user": _whenever(set_by_user_event),
    "role": _whenever(set_by_role_event),
}
"""By the kind of the stream. Of the others no field is followed."""


def set_by(event: AnyEvent, held: Held, time_ms: int, event_id: str) -> Mapping[str, Value]:
    """The fields that an event which holds sets, with their values. `held` is what they were before it.

    `time_ms` is when it was, in milliseconds since the Unix epoch, and `event_id` its id, a UUID as text.
    """
    found = _SET_BY.get(event.kind.name)
    return {} if found is None else found(event, held, time_ms, event_id)


def refuse_if_changed(undo: Undo | None, held: Callable[[str], Value]) -> None:
    """Refuse an event that undoes others, where a field is not what it was found to be. `held` tells what it is.

    Raises ResourceConflict.
    """
    if undo is None:
        return
    for field, found in undo.found.items():
        if held(field) != found:
            raise ResourceConflict(f"Nothing was undone: '{field}' was changed meanwhile.")
