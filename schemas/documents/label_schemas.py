"""A label schema as MLflow answers it, and the one that each experiment has by itself.

The default one is made of nothing but its experiment: MLflow writes it when it is first listed, and a read that writes
would be one that a replica or a server of the past cannot answer.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

import orjson

DEFAULT_NAME: Final = "Feedback"
DEFAULT_INSTRUCTION: Final = "Share any feedback on this trace."

_DEFAULT_ID: Final = re.compile(r"ls-0{16}([0-7][0-9a-f]{15})\Z")
"""No id of an experiment is larger."""


@dataclass(frozen=True, slots=True)
class LabelSchemaFields:
    """What of a label schema clients see, in the order of LABEL_SCHEMA_COLUMNS."""

    schema_id: str
    experiment_id: int
    name: str
    type: str
    instruction: str | None
    enable_comment: int
    input: str
    created_at_ms: int
    last_updated_at_ms: int
    is_default: bool = False


LABEL_SCHEMA_COLUMNS: Final = (
    "schema_id, experiment_id, name, type, instruction, enable_comment, input, created_at_ms, last_updated_at_ms"
)


def default_schema(experiment_id: int, created_at_ms: int) -> LabelSchemaFields:
    """The label schema that an experiment has since it was created."""
    return LabelSchemaFields(
        schema_id=f"ls-{experiment_id:032x}",
        experiment_id=experiment_id,
        name=DEFAULT_NAME,
        type="FEEDBACK",
        instruction=DEFAULT_INSTRUCTION,
        enable_comment=0,
        input='{"text":{}}',
        created_at_ms=created_at_ms,
        last_updated_at_ms=created_at_ms,
        is_default=True,
    )


def experiment_of_default(schema_id: str) -> int | None:
    """The experiment whose default label schema has this id, None for the id of another one."""
    found = _DEFAULT_ID.match(schema_id)
    return None if found is None else int(found[1], 16)


def mlflow_label_schema(schema: LabelSchemaFields) -> dict[str, Any]:
    return {
        "schema_id": schema.schema_id,
        "experiment_id": str(schema.experiment_id),
        "name": schema.name,
        "type": schema.type,
        **({} if schema.instruction is None else {"instruction": schema.instruction}),
        "enable_comment": bool(schema.enable_comment),
        "input": orjson.Fragment(schema.input),
        "created_at": schema.created_at_ms,
        "last_updated_at": schema.last_updated_at_ms,
        "is_default": schema.is_default,
    }
