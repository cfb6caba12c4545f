"""What is answered of label schemas. Each active experiment has the default one, which is the oldest."""

from typing import Final

import orjson

from query_api.experiments.active import active_experiment
from query_api.filter.pages import checked_max_results, fingerprint, page_token, sort_values
from query_api.port import ReadModel
from schemas.documents.label_schemas import (
    DEFAULT_NAME,
    LABEL_SCHEMA_COLUMNS,
    LabelSchemaFields,
    default_schema,
    experiment_of_default,
    mlflow_label_schema,
)
from schemas.errors import ResourceDoesNotExist
from schemas.messages.label_schemas import (
    GetLabelSchema,
    GetLabelSchemaByName,
    ListLabelSchemas,
    label_schema_not_found,
)

MAX_ON_A_PAGE: Final = 1000
"""Of a few kilobytes each. A page that is asked for more has these, and a token."""

_ONE: Final = f"SELECT {LABEL_SCHEMA_COLUMNS} FROM label_schemas WHERE schema_id = $1"
_NAMED: Final = f"SELECT {LABEL_SCHEMA_COLUMNS} FROM label_schemas WHERE reference = $1"
_NEWEST: Final = f"""
SELECT {LABEL_SCHEMA_COLUMNS} FROM label_schemas WHERE experiment_id = $1
ORDER BY created_at_ms DESC, schema_id LIMIT $2
"""
_NEXT: Final = f"""
SELECT {LABEL_SCHEMA_COLUMNS} FROM label_schemas
WHERE experiment_id = $1 AND (created_at_ms < $2 OR (created_at_ms = $2 AND schema_id > $3))
ORDER BY created_at_ms DESC, schema_id LIMIT $4
"""


async def get_label_schema(read_model: ReadModel, wanted: GetLabelSchema) -> bytes:
    """`{"label_schema": …}`. Raises ResourceDoesNotExist."""
    experiment_id = experiment_of_default(wanted.schema_id)
    if experiment_id is not None:
        created = await read_model.lookup(
            read_model.dialect.statement("SELECT creation_time_ms FROM experiments WHERE experiment_id = $1"),
            (experiment_id,),
        )
        found = [default_schema(experiment_id, row[0]) for row in created]
    else:
        found = await _found(read_model, _ONE, wanted.schema_id)
    if not found:
        raise label_schema_not_found(wanted.schema_id)
    return _answer(found[0])


async def get_label_schema_by_name(read_model: ReadModel, wanted: GetLabelSchemaByName) -> bytes:
    """The same. Raises InvalidParameterValue for a deleted experiment too."""
    experiment_id, created_ms = await active_experiment(read_model, wanted.experiment_id)
    if wanted.name == DEFAULT_NAME:
        return _answer(default_schema(experiment_id, created_ms))
    found = await _found(read_model, _NAMED, f"{experiment_id}/{wanted.name}")
    if not found:
        raise ResourceDoesNotExist(
            f"Label schema with name '{wanted.name}' not found for experiment '{wanted.experiment_id}'."
        )
    return _answer(found[0])


async def list_label_schemas(read_model: ReadModel, wanted: ListLabelSchemas) -> bytes:
    """`{"label_schemas": […], "next_page_token"}`, newest first; the token is empty on the last page.

    Raises InvalidParameterValue, ResourceDoesNotExist.
    """
    limit = min(checked_max_results(wanted.max_results), MAX_ON_A_PAGE)
    experiment_id, created_ms = await active_experiment(read_model, wanted.experiment_id)
    identity = fingerprint("label-schemas", experiment_id)
    place = sort_values(wanted.page_token, identity, (int, str))
    if place is None:
        found = await _found(read_model, _NEWEST, experiment_id, limit)
    else:
        found = await _found(read_model, _NEXT, experiment_id, *place, limit)
    token = ""
    if len(found) < limit:
        found.append(default_schema(experiment_id, created_ms))
    else:  # the default one is still to come
        token = page_token(identity, (found[-1].created_at_ms, found[-1].schema_id))
    schemas = [mlflow_label_schema(schema) for schema in found]
    return orjson.dumps({"label_schemas": schemas, "next_page_token": token})


async def _found(read_model: ReadModel, statement: str, *parameters: str | int | float) -> list[LabelSchemaFields]:
    rows = await read_model.fetch(read_model.dialect.statement(statement), parameters)
    return [LabelSchemaFields(*row) for row in rows]


def _answer(schema: LabelSchemaFields) -> bytes:
    return orjson.dumps({"label_schema": mlflow_label_schema(schema)})
