"""What a comparison asks two servers, and what of their answers counts as a difference."""

import random
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from tracklog.shadowing.comparing import MLFLOW_2, Comparison, Read, compare, differences, normal, recorded_reads

SEARCH_EXPERIMENTS: Final = f"{MLFLOW_2}/experiments/search"
GET_EXPERIMENT: Final = f"{MLFLOW_2}/experiments/get"
SEARCH_RUNS: Final = f"{MLFLOW_2}/runs/search"
GET_RUN: Final = f"{MLFLOW_2}/runs/get"
HISTORY: Final = f"{MLFLOW_2}/metrics/get-history"
SEARCH_MODELS: Final = f"{MLFLOW_2}/registered-models/search"
GET_MODEL: Final = f"{MLFLOW_2}/registered-models/get"
SEARCH_VERSIONS: Final = f"{MLFLOW_2}/model-versions/search"
SEARCH_LOGGED: Final = f"{MLFLOW_2}/logged-models/search"


def a_run(run_id: str, **data: Any) -> dict[str, Any]:
    return {"info": {"run_id": run_id, "run_uuid": run_id}, **({"data": data} if data else {})}


class Asked:
    """A server that answers by what was asked, and keeps it. What it does not know is nothing."""

    def __init__(self, answers: Mapping[str, Any | Callable[[Read], Any]]) -> None:
        self._answers = answers
        self.reads: list[Read] = []

    def __call__(self, read: Read) -> Any:
        self.reads.append(read)
        answer = self._answers.get(read.path, {})
        return answer(read) if callable(answer) else answer

    def of(self, path: str) -> list[Any]:
        """What was asked of a path, in its order."""
        return [one.body if one.body is not None else one.query for one in self.reads if one.path == path]


def never() -> None:
    pytest.fail("Nothing is to be asked again.")


def compared(theirs: Asked, ours: Asked, recorded: list[Read] | None = None, runs: int = 10) -> Comparison:
    return compare(theirs, ours, recorded or [], runs, 0, never)


def test_everything_that_the_first_server_holds_is_asked_of_the_second() -> None:
    data = {
        "metrics": [{"key": "loss", "value": 0.5}, {"key": "odd", "value": "NaN"}],
        "params": [{"key": "depth", "value": "3"}, {"key": "quoted", "value": "it's"}],
        "tags": [{"key": "t", "value": "v"}, {"key": "empty", "value": ""}],
    }
    holds = {
        SEARCH_EXPERIMENTS: {"experiments": [{"experiment_id": "7"}]},
        SEARCH_RUNS: {"runs": [a_run("r1", **data)]},
        SEARCH_MODELS: {"registered_models": [{"name": "ada's"}]},
    }
    theirs, ours = Asked(holds), Asked(holds)
    found = compared(theirs, ours)
    assert (found.differences, found.asked_again, found.reads) == ([], 0, len(ours.reads))
    assert ours.of(GET_EXPERIMENT) == [{"experiment_id": "7"}]
    assert ours.of(GET_RUN) == [{"run_id": "r1"}]
    assert ours.of(HISTORY) == [{"run_id": "r1", "metric_key": "loss"}, {"run_id": "r1", "metric_key": "odd"}]
    assert ours.of(SEARCH_LOGGED) == [{"experiment_ids": ["7"], "max_results": 50}]
    assert ours.of(GET_MODEL) == [{"name": "ada's"}]
    assert ours.of(SEARCH_VERSIONS) == [{"filter": "name='ada''s'", "max_results": "200"}]
    searches = ours.of(SEARCH_RUNS)
    assert [one.get("run_view_type") for one in searches[:3]] == ["ACTIVE_ONLY", "DELETED_ONLY", "ALL"]
    assert [one["order_by"] for one in searches if "order_by" in one and "filter" not in one] == [
        ["attributes.start_time ASC"],
        ["attributes.end_time DESC"],
        ["attributes.run_name ASC"],
    ]
    # What is no number, is empty or holds a quote makes no filter.
    assert [one["filter"] for one in searches if "filter" in one] == [
        "attributes.status = 'FINISHED'",
        "metrics.`loss` >= 0.5",
        "metrics.`loss` < 0.5",
        "params.`depth` = '3'",
        "tags.`t` = 'v'",
    ]


def test_an_experiment_without_runs_is_searched_without_filters_of_theirs() -> None:
    theirs = Asked({SEARCH_EXPERIMENTS: {"experiments": [{"experiment_id": "0"}]}})
    ours = Asked({SEARCH_EXPERIMENTS: {"experiments": [{"experiment_id": "0"}]}})
    assert compared(theirs, ours).differences == []
    assert [one["filter"] for one in ours.of(SEARCH_RUNS) if "filter" in one] == ["attributes.status = 'FINISHED'"]
    assert ours.of(GET_RUN) == []


def test_of_so_many_runs_everything_is_read_and_the_seed_says_of_which() -> None:
    holds = {
        SEARCH_EXPERIMENTS: {"experiments": [{"experiment_id": "1"}]},
        SEARCH_RUNS: {"runs": [a_run(f"r{number}") for number in range(30)]},
    }

    def chosen(seed: int) -> list[str]:
        ours = Asked(holds)
        compare(Asked(holds), ours, [], 5, seed, never)
        return [one["run_id"] for one in ours.of(GET_RUN)]

    assert len(set(chosen(1))) == 5
    assert chosen(1) == chosen(1) != chosen(2)


def test_only_first_pages_are_compared_and_all_pages_tell_what_there_is() -> None:
    def experiments(read: Read) -> Any:
        assert read.body is not None
        if "page_token" in read.body:
            return {"experiments": [{"experiment_id": "2"}]}
        return {"experiments": [{"experiment_id": "1"}], "next_page_token": "of the first server"}

    def models(read: Read) -> Any:
        if "page_token" in read.query:
            return {"registered_models": [{"name": "b"}]}
        return {"registered_models": [{"name": "a"}], "next_page_token": "2"}

    theirs = Asked({SEARCH_EXPERIMENTS: experiments, SEARCH_MODELS: models})
    ours = Asked({SEARCH_EXPERIMENTS: experiments, SEARCH_MODELS: models})
    assert compared(theirs, ours).differences == []
    assert ours.of(SEARCH_EXPERIMENTS) == [{"view_type": "ALL", "max_results": 200}]
    assert [one.get("page_token") for one in theirs.of(SEARCH_EXPERIMENTS)] == [None, None, "of the first server"]
    assert sorted(one["experiment_id"] for one in ours.of(GET_EXPERIMENT)) == ["1", "2"]
    assert ours.of(SEARCH_LOGGED) == [{"experiment_ids": ["1", "2"], "max_results": 50}]
    assert ours.of(SEARCH_MODELS) == [{"max_results": "200"}]
    assert [one["name"] for one in ours.of(GET_MODEL)] == ["a", "b"]


def test_what_differs_is_asked_again_and_counts_when_it_stays() -> None:
    waits: list[int] = []
    late = {"answers": 0}

    def catches_up(_read: Read) -> Any:
        late["answers"] += 1
        return {"run": {"status": "FINISHED" if late["answers"] == 3 else "RUNNING"}}

    theirs = Asked({"late": {"run": {"status": "FINISHED"}}, "other": {"runs": ["x"]}})
    ours = Asked({"late": catches_up, "other": {"runs": ["y"]}})
    recorded = [Read("late", {"run_id": "ü"}), Read("other", body={"a": 1})]
    found = compare(theirs, ours, recorded, 0, 0, lambda: waits.append(len(ours.reads)))
    assert found.differences == ['other {"a": 1}: runs[0] is "y" here and "x" there']
    assert (found.asked_again, len(waits)) == (2 + 3, 2 + 3)
    assert waits == [1, 2, 4, 5, 6]  # before each answer that is asked for again
    assert str(recorded[0]) == 'late {"run_id": "ü"}'


@pytest.mark.parametrize(
    ("ours", "theirs", "found"),
    [
        ({"a": 1, "next_page_token": "x"}, {"a": 1, "next_page_token": "y"}, []),
        ({"run_uuid": "1", "user_id": "2"}, {}, []),
        ({"a": "", "b": [], "c": {}, "d": None}, {}, []),
        ({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 3}]}}, ["a.b[1].c is 2 here and 3 there"]),
        ({"a": [1]}, {"a": [1, 2]}, ["a is [1] here and [1, 2] there"]),
        ({}, {"a": "x"}, ['a is nothing here and "x" there']),
        ({"a": 0}, {}, ["a is 0 here and nothing there"]),
        (1, 2, ["the answer is 1 here and 2 there"]),
        ({"a": "x" * 300}, {"a": "y"}, [f'a is "{"x" * 199}… here and "y" there']),
        # Tags, params and aliases are in no order that MLflow promises; runs are.
        ({"tags": [{"key": "b"}, {"key": "a"}]}, {"tags": [{"key": "a"}, {"key": "b"}]}, []),
        ({"aliases": [{"alias": "b"}, {"alias": "a"}]}, {"aliases": [{"alias": "a"}, {"alias": "b"}]}, []),
        (
            {"runs": [{"n": 1}, {"n": 2}]},
            {"runs": [{"n": 2}, {"n": 1}]},
            [f"runs[{one}].n is {one + 1} here and {2 - one} there" for one in (0, 1)],
        ),
        (
            {"latest_versions": [{"version": "2"}, {"version": "1"}]},
            {"latest_versions": [{"version": "1"}, {"version": "2"}]},
            [],
        ),
    ],
)
def test_what_counts_as_a_difference(ours: Any, theirs: Any, found: list[str]) -> None:
    assert list(differences(normal(ours), normal(theirs))) == found


def test_the_experiment_0_keeps_its_time_and_place_where_another_came_into_it() -> None:
    theirs = {"experiment_id": "0", "lifecycle_stage": "active", "artifact_location": "s3://x", "creation_time": 1}
    ours = {**theirs, "artifact_location": "mlflow-artifacts:/0", "creation_time": 2}
    merged = {**ours, "experiment_id": "5", "tags": [{"key": "tracklog.import.source"}, {"key": "k", "value": "v"}]}
    assert normal(ours) == normal(theirs) == {"experiment_id": "0", "lifecycle_stage": "active"}
    assert normal(merged) == {**normal(ours), "experiment_id": "5", "tags": [{"key": "k", "value": "v"}]}
    other = {**theirs, "experiment_id": "5"}
    assert normal(other) == other


def test_recorded_reads_are_lines_of_json() -> None:
    lines = ['{"path": "/api/x/", "query": {"a": "1"}}', "", '{"path": "y", "body": {"b": 2}}']
    assert list(recorded_reads(lines)) == [Read("api/x", {"a": "1"}), Read("y", {}, {"b": 2})]


@pytest.mark.parametrize("line", ["[]", '{"query": {}}', '{"path": 3}', "no JSON"])
def test_what_is_no_recorded_read_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="Expecting value" if line == "no JSON" else "is no object with a path"):
        list(recorded_reads([line]))


def test_lists_are_asked_in_parts_of_fifty() -> None:
    ids = [{"experiment_id": str(number)} for number in range(60)]
    random.Random(0).shuffle(ids)
    theirs = Asked({SEARCH_EXPERIMENTS: {"experiments": ids}})
    ours = Asked({SEARCH_EXPERIMENTS: {"experiments": ids}})
    assert compared(theirs, ours).differences == []
    assert [len(one["experiment_ids"]) for one in ours.of(SEARCH_LOGGED)] == [50, 10]
    assert len(ours.of(GET_EXPERIMENT)) == 50
