"""How what happened to an aggregate is undone: what each kind of aggregate declares."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from ingest.admission.known_entities import EntityKind, KnownEntities
from ingest.undo.trace import Change
from schemas.events import AnyEvent, Undo
from schemas.fields.field import LIFECYCLE, Held
from schemas.messages.message import Message
from schemas.mlflow import ACTIVE
from schemas.rest.access import Rule

Wanted: TypeAlias = Mapping[str, Sequence[Change]]
"""All changes of one plan, by their streams."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The rule of the routes that change a field, and the message of a key and the field that it is judged on."""

    rule: Callable[[str], Rule]
    message: Callable[[str, str], Message]


@dataclass(frozen=True, slots=True, eq=False)
class Undoing:
    """Of one kind of aggregate, known by the key of its stream.

    `not_undone`: types of events that are not undone, each with a sentence that says why. `stays` says of an event that
    is undone what of it is not, None when all of it is.
    `judged` is by what somebody may change a field, None for administrators alone.
    `hindrance` is why one change cannot be made now, None where it can, by the fields that are held and by all changes
    that are wanted, by their streams.
    `hindrance_of_all` is why none of the changes of an aggregate can be made, by its fields and these changes. It is
    asked once: there may be a hundred thousand.
    `events` are what makes the changes, by the fields that are held.
    `entity` is what ingest knows of the aggregate, which is to be forgotten.
    `overwrites`: what was changed later may be undone all the same.
    """

    not_undone: Mapping[type, str]
    hindrance: Callable[[KnownEntities, str, Held, Change, Wanted], Awaitable[str | None]]
    events: Callable[[KnownEntities, str, Held, Sequence[Change]], Awaitable[list[AnyEvent]]]
    judged: Judged | None = None
    entity: Callable[[str], tuple[EntityKind[Any, Any], str | int]] | None = None
    hindrance_of_all: Callable[[Held, Sequence[Change]], str | None] = lambda _held, _changes: None
    stays: Callable[[Any], str | None] = lambda _event: None
    overwrites: bool = True


ERASED: Final = "What was erased does not come back."
NOT_KNOWN: Final = "What it was before is not in the history."


def is_restored(wanted: Wanted, stream: str) -> bool:
    """Whether what has this stream is to be active again."""
    return any(one.field == LIFECYCLE and one.wanted == ACTIVE for one in wanted.get(stream, ()))


def undo_of(changes: Sequence[Change]) -> Undo:
    """What an event that makes these changes says of them."""
    undoes = dict.fromkeys(one for change in changes for one in change.undoes)
    return Undo(list(undoes), {change.field: change.found for change in changes if not change.points})
