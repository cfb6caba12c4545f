"""The commands about label schemas.

Each takes a request message, the actor and the id of the request, and answers with JSON when its event is projected.
Raises InvalidParameterValue, also for a change of the default one, ResourceAlreadyExists for a name that is taken,
ResourceDoesNotExist, and what KnownEntities and LogWriter raise.
"""

import uuid
from operator import itemgetter
from typing import Final

import orjson

from ingest.admission.known_entities import KnownEntities
from ingest.admission.lookups import Lookup, Row
from ingest.answers import EMPTY
from ingest.experiments.lookups import EXPERIMENTS
from ingest.experiments.state import require_active_experiment
from ingest.label_schemas import decisions
from ingest.log_writer import LogWriter, in_the_log
from schemas.documents.label_schemas import (
    LABEL_SCHEMA_COLUMNS,
    LabelSchemaFields,
    experiment_of_default,
    mlflow_label_schema,
)
from schemas.envelope import Actor
from schemas.errors import InvalidParameterValue
from schemas.events import LabelSchemaCreated, LabelSchemaDeleted, LabelSchemaUpdated
from schemas.events.label_schemas import LABEL_SCHEMAS_ORDERING_UNIT
from schemas.messages.experiments import experiment_id_of
from schemas.messages.label_schemas import (
    CreateLabelSchema,
    DeleteLabelSchema,
    UpdateLabelSchema,
    label_schema_exists,
    label_schema_not_found,
)


def _schema(row: Row) -> LabelSchemaFields:
    return LabelSchemaFields(*row)


LABEL_SCHEMA: Final = Lookup(f"SELECT {LABEL_SCHEMA_COLUMNS} FROM label_schemas WHERE schema_id = $1", _schema)

LABEL_SCHEMA_NAMED: Final[Lookup[str]] = Lookup(
    "SELECT schema_id FROM label_schemas WHERE reference = $1", itemgetter(0)
)


class LabelSchemaCommands:
    def __init__(self, writer: LogWriter, known: KnownEntities) -> None:
        self._writer = writer
        self._known = known

    async def create(self, command: CreateLabelSchema, actor: Actor, request_id: str) -> bytes:
        """A label schema of an active experiment. The fold decides who has the name."""
        decisions.check_name(command.name)
        of_type, wanted = decisions.type_of(command.type), decisions.input_of(command.input)
        experiment = await self._known.existing(EXPERIMENTS, experiment_id_of(command.experiment_id))
        require_active_experiment(experiment)
        await self._require_free(experiment.experiment_id, command.name)
        event = LabelSchemaCreated(
            schema_id=f"ls-{uuid.uuid4().hex}",
            experiment_id=experiment.experiment_id,
            name=command.name,
            type=of_type,
            input=wanted,
            instruction=command.instruction,
            enable_comment=command.enable_comment,
        )
        await self._writer.append_and_wait(event, actor, request_id)
        return await self._answer(event.schema_id)

    async def update(self, command: UpdateLabelSchema, actor: Actor, request_id: str) -> bytes:
        """Change what is said, but not the kind of answer that is wanted."""
        if command.name is not None:
            decisions.check_name(command.name)
        wanted = None if command.input is None else decisions.input_of(command.input)
        _refuse_default(command.schema_id, "edited")
        schema = await self._existing(command.schema_id)
        if wanted is not None:
            decisions.check_same_kind(schema.input, wanted)
        if command.name is not None:
            await self._require_free(schema.experiment_id, command.name, schema.schema_id)
        event = LabelSchemaUpdated(
            schema_id=command.schema_id,
            name=command.name,
            input=wanted,
            instruction=command.instruction,
            enable_comment=command.enable_comment,
        )
        await self._writer.append_and_wait(event, actor, request_id)
        return await self._answer(command.schema_id)

    async def delete(self, command: DeleteLabelSchema, actor: Actor, request_id: str) -> bytes:
        """Delete a label schema, which need not be there. What was answered stays."""
        _refuse_default(command.schema_id, "deleted")
        if await self._known.look_up(LABEL_SCHEMA, command.schema_id) is not None:
            await self._writer.append_and_wait(LabelSchemaDeleted(schema_id=command.schema_id), actor, request_id)
        return EMPTY

    async def _require_free(self, experiment_id: int, name: str, owner: str = "") -> None:
        """Refuse a name that is surely another's; else the fold decides. Raises ResourceAlreadyExists."""
        reference = f"{experiment_id}/{name}"
        if await self._known.lookups.one(LABEL_SCHEMA_NAMED, reference) in (None, owner):
            return
        await self._known.catch_up(LABEL_SCHEMAS_ORDERING_UNIT)
        if await self._known.lookups.one(LABEL_SCHEMA_NAMED, reference) not in (None, owner):
            raise label_schema_exists(experiment_id, name)

    async def _existing(self, schema_id: str) -> LabelSchemaFields:
        schema = await self._known.look_up(LABEL_SCHEMA, schema_id)
        if schema is None:
            raise label_schema_not_found(schema_id)
        return schema

    async def _answer(self, schema_id: str) -> bytes:
        with in_the_log():
            schema = await self._existing(schema_id)
        return orjson.dumps({"label_schema": mlflow_label_schema(schema)})


def _refuse_default(schema_id: str, what: str) -> None:
    if experiment_of_default(schema_id) is not None:
        raise InvalidParameterValue(f"The experiment's default question cannot be {what}.")
