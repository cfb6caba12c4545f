"""What is answered of label schemas, on both databases."""

from typing import Any

import orjson
import pytest

from query_api.label_schemas.answers import get_label_schema, get_label_schema_by_name, list_label_schemas
from schemas.errors import InvalidParameterValue, ResourceDoesNotExist
from schemas.messages.label_schemas import GetLabelSchema, GetLabelSchemaByName, ListLabelSchemas
from tests.unit.query_api.sqlite_rows import SqliteRows

DEFAULT = f"ls-{1:032x}"


@pytest.fixture
def with_schemas(rows: SqliteRows) -> SqliteRows:
    rows.experiment(2, name="gone", lifecycle_stage="deleted")
    for number in range(3):
        rows.connection.execute(
            "INSERT INTO label_schemas VALUES (?, 1, ?, ?, 'FEEDBACK', NULL, 1, '{\"text\":{}}', ?, 9)",
            (f"ls-{number}", f"n{number}", f"1/n{number}", 100 + number // 2),
        )
    return rows


async def pages(rows: SqliteRows, size: int) -> list[list[str]]:
    found: list[list[str]] = []
    token = ""
    while token or not found:
        wanted = ListLabelSchemas(experiment_id="1", max_results=size, page_token=token)
        page: Any = orjson.loads(await list_label_schemas(rows, wanted))
        found.append([one["name"] for one in page["label_schemas"]])
        token = page["next_page_token"]
    return found


async def test_an_experiment_has_its_default_label_schema_last(with_schemas: SqliteRows) -> None:
    assert await pages(with_schemas, 100) == [["n2", "n0", "n1", "Feedback"]]
    assert await pages(with_schemas, 2) == [["n2", "n0"], ["n1", "Feedback"]]
    assert await pages(with_schemas, 3) == [["n2", "n0", "n1"], ["Feedback"]]
    by_id = await get_label_schema(with_schemas, GetLabelSchema(schema_id=DEFAULT))
    by_name = await get_label_schema_by_name(with_schemas, GetLabelSchemaByName(experiment_id="1", name="Feedback"))
    assert by_id == by_name
    shown = orjson.loads(by_id)["label_schema"]
    assert (shown["schema_id"], shown["is_default"], shown["input"]) == (DEFAULT, True, {"text": {}})


async def test_one_is_found_by_its_id_or_name(with_schemas: SqliteRows) -> None:
    by_id = await get_label_schema(with_schemas, GetLabelSchema(schema_id="ls-1"))
    assert by_id == (
        b'{"label_schema":{"schema_id":"ls-1","experiment_id":"1","name":"n1","type":"FEEDBACK","enable_comment":true,'
        b'"input":{"text":{}},"created_at":100,"last_updated_at":9,"is_default":false}}'
    )
    named = GetLabelSchemaByName(experiment_id="1", name="n1")
    assert await get_label_schema_by_name(with_schemas, named) == by_id
    for unknown in (f"ls-{77:032x}", "ls-9"):
        with pytest.raises(ResourceDoesNotExist, match="not found"):
            await get_label_schema(with_schemas, GetLabelSchema(schema_id=unknown))
    with pytest.raises(ResourceDoesNotExist, match="'n9' not found for experiment '1'"):
        await get_label_schema_by_name(with_schemas, GetLabelSchemaByName(experiment_id="1", name="n9"))
    with pytest.raises(InvalidParameterValue, match="active"):
        await get_label_schema_by_name(with_schemas, GetLabelSchemaByName(experiment_id="2", name="Feedback"))
