"""Commands about scorers, on a log in memory: numbers of versions, and what nobody should run."""

from typing import Any

import orjson
import pytest

from schemas.errors import InvalidParameterValue, ResourceDoesNotExist
from schemas.events import ExperimentDeleted, ScorerDeleted, ScorerRegistered
from schemas.messages.scorers import DeleteScorer, RegisterScorer, SetOnlineScoringConfig
from tests.unit.ingest.doubles import ANN, Deployment

NAMED = {"experiment_id": "0", "name": "is kind/fair"}


@pytest.fixture
async def deployment() -> Deployment:
    deployment = Deployment()
    await deployment.ingest.ensure_default_experiment()
    return deployment


async def register(deployment: Deployment, text: str = "{}", **given: Any) -> dict[str, Any]:
    command = RegisterScorer(**{**NAMED, **given}, serialized_scorer=text)
    return dict(orjson.loads(await deployment.ingest.scorers.register(command, ANN, "q")))


async def delete(deployment: Deployment, version: int | None = None) -> None:
    assert await deployment.ingest.scorers.delete(DeleteScorer(**NAMED, version=version), ANN, "q") == b"{}"


async def test_versions_of_a_name_count_up_and_keep_the_id_until_all_are_deleted(deployment: Deployment) -> None:
    first = await register(deployment, '{"a":1}')
    assert list(first) == [
        "version",
        "scorer_id",
        "experiment_id",
        "name",
        "serialized_scorer",
        "creation_time",
    ]
    assert (first["version"], first["experiment_id"], first["serialized_scorer"]) == (1, "0", '{"a":1}')
    second = await register(deployment)
    assert (second["version"], second["scorer_id"]) == (2, first["scorer_id"])
    await delete(deployment, 2)
    third = await register(deployment)
    assert (third["version"], third["scorer_id"]) == (3, first["scorer_id"]), "no number is given twice"
    await delete(deployment)
    anew = await register(deployment)
    assert anew["version"] == 1
    assert anew["scorer_id"] != first["scorer_id"]


async def test_what_is_gone_is_not_deleted_again(deployment: Deployment) -> None:
    await register(deployment)
    with pytest.raises(ResourceDoesNotExist, match="and version 2 not found"):
        await delete(deployment, 2)
    await delete(deployment)
    with pytest.raises(ResourceDoesNotExist, match="not found for experiment 0"):
        await delete(deployment)


async def test_of_two_that_delete_a_version_one_loses(deployment: Deployment) -> None:
    """The other's event is not folded when this one looks: the fold decides."""
    await register(deployment)
    event = ScorerDeleted(experiment_id=0, name=NAMED["name"], version=1)
    writer = deployment.ingest.scorers._writer
    await writer.append(event, ANN, "q")
    with pytest.raises(ResourceDoesNotExist, match="and version 1 not found"):
        await delete(deployment, 1)


@pytest.mark.parametrize(
    "text",
    [
        '{"call_source":"return True"}',
        '{"ensemble_scorer_data":{"scorers":[{"call_source":""}]}}',
        '{"third_party_scorer_data":{"kwargs":{"completion_kwargs":{"api_base":"http://x"}}}}',
        '{"third_party_scorer_data":{"kwargs":{"completion_kwargs":[["base_url","http://x"]]}}}',
        '{"third_party_scorer_data":{"kwargs":3}}',
        '{"memory_augmented_judge_data":{"base_judge":{"instructions_judge_pydantic_data":{"model":" "}}}}',
        "[]",
        "{",
        "[" * 50_000,
    ],
)
async def test_what_nobody_should_run_is_refused_however_deep_it_is(deployment: Deployment, text: str) -> None:
    before = await deployment.count()
    with pytest.raises(InvalidParameterValue):
        await register(deployment, text)
    assert await deployment.count() == before


async def test_a_scorer_without_code_is_kept_as_it_came(deployment: Deployment) -> None:
    text = '{"call_source":null, "builtin_scorer_class":"Safety","builtin_scorer_pydantic_data":{"model":"openai:/m"}}'
    assert (await register(deployment, text))["serialized_scorer"] == text


async def test_a_model_of_a_gateway_is_not_there(deployment: Deployment) -> None:
    with pytest.raises(ResourceDoesNotExist, match="GatewayEndpoint not found"):
        await register(deployment, '{"instructions_judge_pydantic_data":{"model":"gateway:/e"}}')


@pytest.mark.parametrize("name", [" ", "\t"])
async def test_a_name_is_not_blank(deployment: Deployment, name: str) -> None:
    with pytest.raises(InvalidParameterValue):
        await register(deployment, name=name)


async def test_a_deleted_experiment_takes_no_scorer(deployment: Deployment) -> None:
    await register(deployment)
    await deployment.ingest.scorers._writer.append_and_wait(ExperimentDeleted(experiment_id=0), ANN, "q")
    again = deployment.another_process()
    for refused in (
        again.scorers.register(RegisterScorer(**NAMED, serialized_scorer="{}"), ANN, "q"),
        again.scorers.delete(DeleteScorer(**NAMED, version=None), ANN, "q"),
    ):
        with pytest.raises(InvalidParameterValue, match="must be in the 'active' state"):
            await refused


async def test_nothing_is_scored_online_but_a_rate_of_nought_is_kept(deployment: Deployment) -> None:
    commands = deployment.ingest.scorers
    with pytest.raises(ResourceDoesNotExist):
        await commands.set_online_config(SetOnlineScoringConfig(**NAMED, sample_rate=0.0), ANN, "q")
    made = await register(deployment)
    answer = await commands.set_online_config(
        SetOnlineScoringConfig(**NAMED, sample_rate=0.0, filter_string="status = 'OK'"), ANN, "q"
    )
    config = orjson.loads(answer)["config"]
    assert len(config.pop("online_scoring_config_id")) == 32
    assert config == {
        "scorer_id": made["scorer_id"],
        "sample_rate": 0.0,
        "experiment_id": "0",
        "filter_string": "status = 'OK'",
    }
    for rate in (0.5, 1.5, -1.0, float("nan")):
        with pytest.raises(InvalidParameterValue):
            await commands.set_online_config(SetOnlineScoringConfig(**NAMED, sample_rate=rate), ANN, "q")


def test_a_stream_is_named_by_what_grants_name_too() -> None:
    event = ScorerRegistered(experiment_id=3, name="a b/ü", scorer_id="s", version_id="v", serialized_scorer="{}")
    assert event.stream_key == "3/a%20b%2F%C3%BC"
