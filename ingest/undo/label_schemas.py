"""How changes of a label schema are undone."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ingest.admission.known_entities import KnownEntities
from ingest.label_schemas.commands import LABEL_SCHEMA, LABEL_SCHEMA_NAMED
from ingest.undo.trace import Change
from ingest.undo.undoing import ERASED, Judged, Undoing, Wanted, undo_of
from schemas.events import (
    AnyEvent,
    LabelSchemaCreated,
    LabelSchemaDeleted,
    LabelSchemaErased,
    LabelSchemaUpdated,
)
from schemas.fields.field import NAME, Held
from schemas.fields.label_schemas import ENABLE_COMMENT
from schemas.levels import Level
from schemas.messages.label_schemas import DeleteLabelSchema
from schemas.rest.access import LABEL_SCHEMA as JUDGED
from schemas.rest.access import On, Rule

_NOT_UNDONE: Final[Mapping[type, str]] = {
    LabelSchemaCreated: "A label schema that was created is not undone, but may be deleted.",
    LabelSchemaDeleted: "A label schema that was deleted is gone for good: create it again.",
    LabelSchemaErased: ERASED,
}

_DELETED: Final = "The label schema is deleted."
_STAYS: Final = "What has an instruction keeps one: give it another, or an empty one."
_MANAGE: Final[Rule] = (On(Level.MANAGE, JUDGED, "schema_id"),)


async def _hindrance(known: KnownEntities, schema_id: str, held: Held, change: Change, _wanted: Wanted) -> str | None:
    if held.get(NAME) is None:
        return _DELETED
    if change.wanted is None:
        return _STAYS
    if change.field == NAME and await _is_anothers(known, schema_id, str(change.wanted)):
        return "The name is that of another label schema now."
    return None


async def _is_anothers(known: KnownEntities, schema_id: str, name: str) -> bool:
    """Whether another label schema of the same experiment has a name."""
    schema = await known.lookups.one(LABEL_SCHEMA, schema_id)
    reference = f"{schema and schema.experiment_id}/{name}"
    return await known.lookups.one(LABEL_SCHEMA_NAMED, reference) not in (None, schema_id)


async def _events(_known: KnownEntities, schema_id: str, _held: Held, changes: Sequence[Change]) -> list[AnyEvent]:
    wanted: dict[str, Any] = {change.field: change.wanted for change in changes}
    if ENABLE_COMMENT in wanted:
        wanted[ENABLE_COMMENT] = bool(wanted[ENABLE_COMMENT])
    return [LabelSchemaUpdated(schema_id=schema_id, undo=undo_of(changes), **wanted)]


LABEL_SCHEMAS_UNDOING: Final = Undoing(
    not_undone=_NOT_UNDONE,
    judged=Judged(lambda _field: _MANAGE, lambda schema_id, _field: DeleteLabelSchema(schema_id=schema_id)),
    hindrance=_hindrance,
    events=_events,
)
