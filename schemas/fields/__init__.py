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
from schemas.fields.logged_models import set_by_logged_model_event
from schemas.fields.registered_models import set_by_registry_event
from schemas.fields.runs import set_by_run_event
from schemas.fields.users import set_by_role_event, set_by_user_event
from schemas.fields.webhooks import set_by_webhook_event

SetBy: TypeAlias = Callable[[Any, Held], Mapping[str, Value]]

_SET_BY: Final[Mapping[str, SetBy]] = {
    "run": set_by_run_event,
    "experiment": set_by_experiment_event,
    "registered-model": set_by_registry_event,
    "logged-model": set_by_logged_model_event,
    "evaluation-dataset": set_by_evaluation_dataset_event,
    "webhook": set_by_webhook_event,
    "user": set_by_user_event,
    "role": set_by_role_event,
}
"""By the kind of the stream. Of the others no field is followed."""


def set_by(event: AnyEvent, held: Held) -> Mapping[str, Value]:
    """The fields that an event which holds sets, with their values. `held` is what they were before it."""
    found = _SET_BY.get(event.kind.name)
    return {} if found is None else found(event, held)


def refuse_if_changed(undo: Undo | None, held: Callable[[str], Value]) -> None:
    """Refuse an event that undoes others, where a field is not what it was found to be. `held` tells what it is.

    Raises ResourceConflict.
    """
    if undo is None:
        return
    for field, found in undo.found.items():
        if held(field) != found:
            raise ResourceConflict(f"Nothing was undone: '{field}' was changed meanwhile.")
