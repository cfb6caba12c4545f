"""What is answered of scorers, on both databases."""

from typing import Any

import orjson
import pytest

from query_api.scorers.answers import get_online_configs, get_scorer, list_scorer_versions, list_scorers
from query_api.seen import seen_by
from schemas.errors import InvalidParameterValue, ResourceDoesNotExist
from schemas.messages.scorers import GetOnlineScoringConfigs, GetScorer, ListScorers, ListScorerVersions
from schemas.sight import Scope, Sight
from tests.unit.query_api.sqlite_rows import SqliteRows


@pytest.fixture
def with_scorers(rows: SqliteRows) -> SqliteRows:
    rows.experiment(2, name="two")
    rows.experiment(3, name="gone", lifecycle_stage="deleted")
    for scorer_id, reference, experiment_id, name in (
        ("s1", "1/b", 1, "b"),
        ("s2", "1/a%20%C3%A4", 1, 'a ä"'),
        ("s3", "2/c", 2, "c"),
        ("s4", "3/d", 3, "d"),
        ("s5", "2/empty", 2, "empty"),
    ):
        rows.connection.execute(
            "INSERT INTO scorers VALUES (?, ?, ?, ?, 2)", (scorer_id, reference, experiment_id, name)
        )
        for version in (1, 2) if scorer_id != "s5" else ():
            rows.connection.execute(
                "INSERT INTO scorer_versions VALUES (?, ?, ?, ?, 7)",
                (scorer_id, version, f"{scorer_id}-{version}", f'{{"n":"{name}","v":{version}}}'),
            )
    rows.connection.execute("INSERT INTO online_scoring_configs VALUES ('s3', 'o3', 0.25, NULL), ('s1', 'o1', 0, 'x')")
    return rows


def named(found: bytes) -> list[tuple[Any, ...]]:
    return [(one["experiment_id"], one["scorer_name"], one["scorer_version"]) for one in orjson.loads(found)["scorers"]]


async def test_one_is_answered_as_mlflow_does(with_scorers: SqliteRows) -> None:
    latest = await get_scorer(with_scorers, GetScorer(experiment_id="1", name="b"))
    assert latest == (
        b'{"scorer":{"experiment_id":1,"scorer_name":"b","scorer_version":2,"serialized_scorer":"{\\"n\\":\\"b\\",\\"v\\":2}"'
        b',"creation_time":7,"scorer_id":"s1"}}'
    )
    first = await get_scorer(with_scorers, GetScorer(experiment_id="1", name="b", version=1))
    assert orjson.loads(first)["scorer"]["scorer_version"] == 1
    assert named(await list_scorer_versions(with_scorers, ListScorerVersions(experiment_id="1", name="b"))) == [
        (1, "b", 1),
        (1, "b", 2),
    ]


async def test_the_latest_of_each_are_listed_by_experiment_and_name(with_scorers: SqliteRows) -> None:
    assert named(await list_scorers(with_scorers, ListScorers(experiment_id="1"))) == [(1, 'a ä"', 2), (1, "b", 2)]
    everything = [(1, 'a ä"', 2), (1, "b", 2), (2, "c", 2)]
    assert named(await list_scorers(with_scorers, ListScorers())) == everything
    assert named(await list_scorers(with_scorers, ListScorers(experiment_ids=["2", "3", "1", "9"]))) == everything
    assert await list_scorers(with_scorers, ListScorers(experiment_ids=["9"])) == b"{}"


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (GetScorer(experiment_id="1", name="c"), ResourceDoesNotExist),
        (GetScorer(experiment_id="1", name="b", version=3), ResourceDoesNotExist),
        (GetScorer(experiment_id="2", name="empty"), ResourceDoesNotExist),
        (GetScorer(experiment_id="3", name="d"), InvalidParameterValue),
        (GetScorer(experiment_id="9", name="d"), ResourceDoesNotExist),
    ],
)
async def test_what_is_not_there_is_an_error(
    with_scorers: SqliteRows, wanted: GetScorer, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await get_scorer(with_scorers, wanted)


async def test_online_configs_are_of_those_that_have_one(with_scorers: SqliteRows) -> None:
    found = await get_online_configs(with_scorers, GetOnlineScoringConfigs(scorer_ids=["s3", "s1", "s2", "none"]))
    assert orjson.loads(found) == {
        "configs": [
            {
                "online_scoring_config_id": "o1",
                "scorer_id": "s1",
                "sample_rate": 0.0,
                "experiment_id": "1",
                "filter_string": "x",
            },
            {"online_scoring_config_id": "o3", "scorer_id": "s3", "sample_rate": 0.25, "experiment_id": "2"},
        ]
    }


async def test_what_may_not_be_seen_is_not_listed(with_scorers: SqliteRows) -> None:
    rows = with_scorers
    rows.connection.execute(
        "INSERT INTO grants (role_id, resource_type, resource_pattern, level) VALUES (5, 'experiment', '1', 2)"
    )
    rows.connection.execute(
        "INSERT INTO grants (role_id, resource_type, resource_pattern, level) VALUES (5, 'scorer', '1/b', 0)"
    )
    sight = Sight(1, (5,), {"experiment": Scope.GRANTED})
    assert named(await list_scorers(seen_by(rows, sight), ListScorers())) == [(1, 'a ä"', 2)]
    wanted = GetOnlineScoringConfigs(scorer_ids=["s1", "s3"])
    assert await get_online_configs(seen_by(rows, sight), wanted) == b'{"configs":[]}'
    none = Sight(1, (5,), {"experiment": Scope.ALL, "scorer": Scope.NOTHING})
    assert await list_scorers(seen_by(rows, none), ListScorers()) == b"{}"
