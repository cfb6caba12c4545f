"""The projection of label schemas."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from typing import Final, get_args

from projector.changes import Change, Delete, InsertNew, Read, Row, Upsert
from projector.erasures import DELETED_STREAMS
from projector.projection import Loading, Projection
from schemas.envelope import RecordedEvent
from schemas.errors import ResourceAlreadyExists
from schemas.events import (
    AnyLabelSchemaEvent,
    LabelSchemaCreated,
    LabelSchemaDeleted,
    LabelSchemaErased,
    LabelSchemaUpdated,
)
from schemas.fields import refuse_if_changed
from schemas.fields.field import NAME, Value
from schemas.fields.label_schemas import ENABLE_COMMENT, INPUT, INSTRUCTION
from schemas.messages.label_schemas import label_schema_exists, label_schema_not_found


@dataclass(slots=True)
class LabelSchema:
    """A row of `label_schemas`."""

    schema_id: str
    experiment_id: int
    name: str
    reference: str
    type: str
    instruction: str | None
    enable_comment: int
    input: str
    created_at_ms: int
    last_updated_at_ms: int


@dataclass(slots=True)
class LabelSchemas:
    """The label schemas that a batch is about, those whose names it wants, and what it changes of them."""

    schemas: dict[str, LabelSchema] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)  # by reference
    changed: dict[str, LabelSchema | None] = field(default_factory=dict)  # None deletes
    deleted_streams: set[tuple[str, int]] = field(default_factory=set)  # with the experiments that had them


_COLUMNS: Final = tuple(LabelSchema.__dataclass_fields__)
_ROW: Final = attrgetter(*_COLUMNS)


def _load(events: Sequence[AnyLabelSchemaEvent]) -> Loading[LabelSchemas]:
    state = LabelSchemas()
    _add(state, (yield Read("label_schemas", _COLUMNS, "schema_id", {event.schema_id for event in events})))
    created = {event.schema_id: event.experiment_id for event in events if isinstance(event, LabelSchemaCreated)}
    experiments = created | {one.schema_id: one.experiment_id for one in state.schemas.values()}
    wanted = {
        _reference(experiments[event.schema_id], event.name)
        for event in events
        if isinstance(event, LabelSchemaCreated | LabelSchemaUpdated)
        and event.name is not None
        and event.schema_id in experiments
    }
    _add(state, (yield Read("label_schemas", _COLUMNS, "reference", wanted)))
    return state


def _add(state: LabelSchemas, rows: Sequence[Row]) -> None:
    for row in rows:
        schema = LabelSchema(*row)
        state.schemas[schema.schema_id] = schema
        state.ids[schema.reference] = schema.schema_id


def _reference(experiment_id: int, name: str) -> str:
    return f"{experiment_id}/{name}"


def _fold(state: LabelSchemas, recorded: RecordedEvent, event: AnyLabelSchemaEvent) -> None:
    schema, time_ms = state.schemas.get(event.schema_id), recorded.time_us // 1000
    if isinstance(event, LabelSchemaCreated):
        if schema is not None:
            raise ResourceAlreadyExists(f"Label schema id {event.schema_id} is taken.")
        _create(state, event, time_ms)
        return
    if schema is None:
        raise label_schema_not_found(event.schema_id)
    match event:
        case LabelSchemaUpdated():
            refuse_if_changed(event.undo, partial(_held, schema))
            _update(state, schema, event, time_ms)
        case LabelSchemaDeleted() | LabelSchemaErased():
            del state.schemas[schema.schema_id], state.ids[schema.reference]
            state.changed[schema.schema_id] = None
            state.deleted_streams.add((recorded.stream, schema.experiment_id))


def _held(schema: LabelSchema, name: str) -> Value:
    """What a field of a label schema is."""
    fields = {
        NAME: schema.name,
        INPUT: schema.input,
        INSTRUCTION: schema.instruction,
        ENABLE_COMMENT: schema.enable_comment,
    }
    return fields.get(name)


def _create(state: LabelSchemas, event: LabelSchemaCreated, time_ms: int) -> None:
    reference = _free(state, event.experiment_id, event.name)
    schema = LabelSchema(
        schema_id=event.schema_id,
        experiment_id=event.experiment_id,
        name=event.name,
        reference=reference,
        type=event.type,
        instruction=event.instruction,
        enable_comment=int(event.enable_comment),
        input=event.input,
        created_at_ms=time_ms,
        last_updated_at_ms=time_ms,
    )
    state.ids[reference] = schema.schema_id
    state.schemas[schema.schema_id] = state.changed[schema.schema_id] = schema


def _update(state: LabelSchemas, schema: LabelSchema, event: LabelSchemaUpdated, time_ms: int) -> None:
    if event.name is not None and event.name != schema.name:
        reference = _free(state, schema.experiment_id, event.name)
        del state.ids[schema.reference]
        state.ids[reference] = schema.schema_id
        schema.name, schema.reference = event.name, reference
    if event.instruction is not None:
        schema.instruction = event.instruction
    if event.enable_comment is not None:
        schema.enable_comment = int(event.enable_comment)
    if event.input is not None:
        schema.input = event.input
    schema.last_updated_at_ms = max(schema.last_updated_at_ms, time_ms)
    state.changed[schema.schema_id] = schema


def _free(state: LabelSchemas, experiment_id: int, name: str) -> str:
    """The reference of a name that nobody has. Raises ResourceAlreadyExists."""
    reference = _reference(experiment_id, name)
    if reference in state.ids:
        raise label_schema_exists(experiment_id, name)
    return reference


def _changes(state: LabelSchemas) -> Iterator[Change]:
    yield InsertNew(DELETED_STREAMS, sorted(state.deleted_streams))
    yield Delete("label_schemas", [(one,) for one, schema in state.changed.items() if schema is None])
    yield Upsert("label_schemas", [_ROW(schema) for schema in state.changed.values() if schema is not None])


LABEL_SCHEMAS: Final = Projection(get_args(AnyLabelSchemaEvent), _load, _fold, _changes)
