"""What the events of a label schema set. Its type never changes."""

from collections.abc import Mapping
from typing import Final, assert_never

from schemas.events import (
    AnyLabelSchemaEvent,
    LabelSchemaCreated,
    LabelSchemaDeleted,
    LabelSchemaErased,
    LabelSchemaUpdated,
)
from schemas.fields.field import NAME, Held, Value

INPUT: Final = "input"
INSTRUCTION: Final = "instruction"
ENABLE_COMMENT: Final = "enable_comment"
"""0 or 1."""


def set_by_label_schema_event(event: AnyLabelSchemaEvent, held: Held) -> Mapping[str, Value]:
    match event:
        case LabelSchemaCreated() | LabelSchemaUpdated():
            given = {
                NAME: event.name,
                INPUT: event.input,
                INSTRUCTION: event.instruction,
                ENABLE_COMMENT: None if event.enable_comment is None else int(event.enable_comment),
            }
            return {field: value for field, value in given.items() if value is not None}
        case LabelSchemaDeleted():
            return dict.fromkeys(held)
        case LabelSchemaErased():
            return {}
        case _:
            assert_never(event)
