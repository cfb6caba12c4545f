"""Commands about label schemas, on a log in memory."""

from typing import Any

import orjson
import pytest

from ingest.label_schemas.commands import LabelSchemaCommands
from schemas.errors import InvalidParameterValue, ResourceAlreadyExists, ResourceDoesNotExist
from schemas.messages.label_schemas import (
    CategoricalInput,
    CreateLabelSchema,
    DeleteLabelSchema,
    LabelSchemaInput,
    NumericInput,
    PassFailInput,
    TextInput,
    UpdateLabelSchema,
)
from tests.unit.ingest.doubles import ANN, Deployment

TEXT = LabelSchemaInput(text=TextInput())
DEFAULT = f"ls-{0:032x}"


@pytest.fixture
async def commands() -> LabelSchemaCommands:
    deployment = Deployment()
    await deployment.ingest.ensure_default_experiment()
    return deployment.ingest.label_schemas


async def create(commands: LabelSchemaCommands, **given: Any) -> dict[str, Any]:
    command = CreateLabelSchema(**{"experiment_id": "0", "name": "kind", "type": "FEEDBACK", "input": TEXT, **given})
    return dict(orjson.loads(await commands.create(command, ANN, "q"))["label_schema"])


async def update(commands: LabelSchemaCommands, schema_id: str, **given: Any) -> dict[str, Any]:
    answer = await commands.update(UpdateLabelSchema(schema_id=schema_id, **given), ANN, "q")
    return dict(orjson.loads(answer)["label_schema"])


async def test_a_label_schema_is_answered_in_mlflows_shape(commands: LabelSchemaCommands) -> None:
    schema = await create(commands, type=2, instruction="Is it?", enable_comment=True)
    assert schema.pop("schema_id").startswith("ls-")
    assert schema.pop("created_at") == schema.pop("last_updated_at")
    assert schema == {
        "experiment_id": "0",
        "name": "kind",
        "type": "EXPECTATION",
        "instruction": "Is it?",
        "enable_comment": True,
        "input": {"text": {}},
        "is_default": False,
    }


async def test_a_name_is_one_label_schemas_in_an_experiment(commands: LabelSchemaCommands) -> None:
    first, second = await create(commands), await create(commands, name="kinder")
    with pytest.raises(ResourceAlreadyExists, match="'kind' already exists for experiment '0'"):
        await create(commands)
    with pytest.raises(ResourceAlreadyExists):
        await update(commands, second["schema_id"], name="kind")
    assert (await update(commands, first["schema_id"], name="kind", instruction="x"))["instruction"] == "x"
    assert await commands.delete(DeleteLabelSchema(schema_id=first["schema_id"]), ANN, "q") == b"{}"
    assert await commands.delete(DeleteLabelSchema(schema_id=first["schema_id"]), ANN, "q") == b"{}"
    assert (await update(commands, second["schema_id"], name="kind"))["name"] == "kind"


@pytest.mark.parametrize(
    "given",
    [
        {"name": " FEEDBACK"},
        {"type": 0},
        {"type": None},
        {"input": None},
        {"input": LabelSchemaInput()},
        {"input": LabelSchemaInput(text=TextInput(), numeric=NumericInput())},
        {"input": LabelSchemaInput(text=TextInput(max_length=0))},
        {"input": LabelSchemaInput(numeric=NumericInput(min_value=2, max_value=2))},
        {"input": LabelSchemaInput(categorical=CategoricalInput())},
        {"input": LabelSchemaInput(categorical=CategoricalInput(options=["a", "a"]))},
        {"input": LabelSchemaInput(pass_fail=PassFailInput(positive_label="a", negative_label="a"))},
        {"input": LabelSchemaInput(pass_fail=PassFailInput(positive_label="a"))},
    ],
    ids=str,
)
async def test_what_is_no_label_schema_is_refused(commands: LabelSchemaCommands, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterValue):
        await create(commands, **given)


async def test_the_kind_of_answer_stays(commands: LabelSchemaCommands) -> None:
    one = LabelSchemaInput(categorical=CategoricalInput(options=["a"]))
    schema = await create(commands, input=one)
    more = LabelSchemaInput(categorical=CategoricalInput(options=["a", "b"]))
    assert (await update(commands, schema["schema_id"], input=more))["input"]["categorical"]["options"] == ["a", "b"]
    several = LabelSchemaInput(categorical=CategoricalInput(options=["a"], multi_select=True))
    for other in (TEXT, several):
        with pytest.raises(InvalidParameterValue, match="stays"):
            await update(commands, schema["schema_id"], input=other)


async def test_the_default_one_is_neither_changed_nor_deleted(commands: LabelSchemaCommands) -> None:
    with pytest.raises(InvalidParameterValue, match="cannot be edited"):
        await update(commands, DEFAULT, instruction="x")
    with pytest.raises(InvalidParameterValue, match="cannot be deleted"):
        await commands.delete(DeleteLabelSchema(schema_id=DEFAULT), ANN, "q")
    with pytest.raises(ResourceDoesNotExist):
        await update(commands, "ls-1", instruction="x")
