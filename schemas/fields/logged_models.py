"""What the events of a logged model set. Its params are written once, and its metrics are those of runs."""

from collections.abc import Mapping
from typing import assert_never

from schemas.events import (
    AnyLoggedModelEvent,
    LoggedModelCreated,
    LoggedModelDeleted,
    LoggedModelErased,
    LoggedModelFinalized,
    LoggedModelParamsLogged,
    LoggedModelRestored,
    LoggedModelTagDeleted,
    LoggedModelTagsSet,
    LoggedModelVersionRegistered,
)
from schemas.fields.field import LIFECYCLE, NAME, STATUS, TAGS, Held, Value, tags_of
from schemas.mlflow import ACTIVE, DELETED, MODEL_VERSIONS_TAG, NEW_LOGGED_MODEL_STATUS


def set_by_logged_model_event(event: AnyLoggedModelEvent, _held: Held) -> Mapping[str, Value]:
    match event:
        case LoggedModelCreated():
            fields = {NAME: event.name, STATUS: NEW_LOGGED_MODEL_STATUS, LIFECYCLE: ACTIVE, **tags_of(event.tags)}
        case LoggedModelFinalized():
            fields = {STATUS: event.status}
        case LoggedModelTagsSet():
            fields = tags_of(event.tags)
        case LoggedModelTagDeleted():
            fields = {f"{TAGS}{event.key}": None}
        case LoggedModelDeleted():
            fields = {LIFECYCLE: DELETED}
        case LoggedModelRestored():
            fields = {LIFECYCLE: ACTIVE}
        case LoggedModelParamsLogged() | LoggedModelVersionRegistered() | LoggedModelErased():
            fields = {}
        case _:
            assert_never(event)
    # The list of its registered versions only grows, whatever is written to it.
    return {name: value for name, value in fields.items() if name != f"{TAGS}{MODEL_VERSIONS_TAG}"}
