"""The events of a label schema, in the stream label-schema/<id>: a question that people answer about traces.

Each experiment has one more, the default one, which nobody makes, changes or deletes: no event is about it.
"""

from typing import Final

from schemas.events.erasures import Erasure
from schemas.events.event import Event, StreamKind

LABEL_SCHEMAS_ORDERING_UNIT: Final = "label-schemas"
"""All label schemas share it: their names are unique in an experiment, and the log's order decides who has one."""

LABEL_SCHEMAS: Final = StreamKind("label-schema", shared_unit=LABEL_SCHEMAS_ORDERING_UNIT)


class LabelSchemaEvent(Event, frozen=True):
    kind = LABEL_SCHEMAS

    schema_id: str

    @property
    def stream_key(self) -> str:
        return self.schema_id


class LabelSchemaCreated(LabelSchemaEvent, frozen=True):
    """`type` is FEEDBACK or EXPECTATION. `input` is the text of a JSON object: what kind of answer is wanted."""

    event_type = "label-schema.created"

    experiment_id: int
    name: str
    type: str
    input: str
    instruction: str | None = None
    enable_comment: bool = False


class LabelSchemaUpdated(LabelSchemaEvent, frozen=True):
    """What is None stays as it was."""

    event_type = "label-schema.updated"

    name: str | None = None
    input: str | None = None
    instruction: str | None = None
    enable_comment: bool | None = None


class LabelSchemaDeleted(LabelSchemaEvent, frozen=True):
    event_type = "label-schema.deleted"


class LabelSchemaErased(LabelSchemaEvent, frozen=True):
    """Nothing of the label schema is there any more, for good: it goes with its experiment."""

    event_type = "label-schema.erased"

    erasure: Erasure


AnyLabelSchemaEvent = LabelSchemaCreated | LabelSchemaUpdated | LabelSchemaDeleted | LabelSchemaErased
