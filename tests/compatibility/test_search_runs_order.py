"""The order of run search: every key, missing values and NaN last, ties; and its pages."""

import math

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import RestException

from tests.compatibility.conftest import fresh_name
from tests.compatibility.rest import Rest, assert_error

START = 1_700_000_000_000

# name: (start offset, end offset, status, user, metric, param, tag)
RUNS: dict[str, tuple[int, int | None, str, str, float | None, str | None, str | None]] = {
    "a": (5, 50, "FINISHED", "zoe", 2.0, "10", "B"),
    "b": (4, None, "RUNNING", "ann", math.nan, "9", "a"),
    "c": (3, 30, "FAILED", "bob", -1.0, None, None),
    "d": (2, 40, "KILLED", "ann", None, "", "b"),
    "e": (1, None, "SCHEDULED", "cat", math.inf, "9", None),
    "f": (1, 10, "FINISHED", "cat", 2.0, None, "a"),
}


@pytest.fixture(scope="module")
def experiment(client: MlflowClient) -> tuple[str, dict[str, str]]:
    """Six runs that differ in everything an order can name: the experiment id, and run ids by name."""
    experiment_id = client.create_experiment(fresh_name("order"))
    ids = {}
    for name, (start, end, status, user, metric, param, tag) in RUNS.items():
        run_id = client.create_run(
            experiment_id, start_time=START + start, run_name=name, tags={"mlflow.user": user}
        ).info.run_id
        client.log_batch(
            run_id,
            metrics=[] if metric is None else [Metric("m", metric, 1, 0)],
            params=[] if param is None else [Param("p", param)],
            tags=[] if tag is None else [RunTag("t", tag)],
        )
        if end is not None:
            client.set_terminated(run_id, status, START + end)
        elif status != "RUNNING":
            client.update_run(run_id, status=status)
        ids[name] = run_id
    return experiment_id, ids


def in_order(client: MlflowClient, experiment: tuple[str, dict[str, str]], order_by: list[str]) -> str:
    """Return the names of the runs in the order found; of the two that start together the smaller id comes first."""
    return "".join(run.info.run_name for run in client.search_runs([experiment[0]], order_by=order_by))


def by_id(experiment: tuple[str, dict[str, str]], names: str, *, descending: bool = False) -> str:
    """Order names by the ids of their runs, the last tie-break."""
    return "".join(sorted(names, key=lambda name: experiment[1][name], reverse=descending))


ORDERS = [
    # `{ef}` stands for e and f in the order of their run ids.
    ([], "abcd{ef}"),
    (["start_time DESC"], "abcd{ef}"),
    (["start_time"], "{ef}dcba"),
    (["attributes.start_time ASC"], "{ef}dcba"),
    (["created ASC"], "{ef}dcba"),
    (["Created DESC"], "abcd{ef}"),
    (["end_time ASC"], "fcdab" + "e"),
    (["end_time DESC"], "adcfb" + "e"),
    (["run_name DESC"], "fedcba"),
    (["attribute.run_name"], "abcdef"),
    (["`run_name` ASC"], "abcdef"),
    (["status ASC"], "caf" + "dbe"),
    (["status DESC"], "ebdafc"),
    (["user_id ASC", "run_name DESC"], "dbcfea"),
    (["user_id"], "bdc{ef}a"),
    (["metrics.m ASC"], "cafebd"),
    (["metrics.m DESC"], "eafcbd"),
    (["metric.m"], "cafebd"),
    (["params.p ASC"], "dabecf"),
    (["params.p DESC"], "beadcf"),
    (["tags.t ASC"], "abfdce"),
    (["tags.t DESC"], "dbface"),
    (["tags.`t` DESC", "run_name ASC"], "dbface"),
    (["metrics.m DESC", "run_name DESC"], "efacbd"),
    (["metrics.never"], "abcd{ef}"),
    (["params.never DESC"], "abcd{ef}"),
]


@pytest.mark.parametrize(("order_by", "expected"), ORDERS, ids=[", ".join(o) or "default" for o, _ in ORDERS])
def test_runs_come_in_order(
    client: MlflowClient, experiment: tuple[str, dict[str, str]], order_by: list[str], expected: str
) -> None:
    expected = expected.replace("{ef}", by_id(experiment, "ef"))
    assert in_order(client, experiment, order_by) == expected


def test_ids_and_locations_order_runs(client: MlflowClient, experiment: tuple[str, dict[str, str]]) -> None:
    assert in_order(client, experiment, ["run_id"]) == by_id(experiment, "abcdef")
    assert in_order(client, experiment, ["run_id DESC"]) == by_id(experiment, "abcdef", descending=True)
    assert in_order(client, experiment, ["artifact_uri desc"]) == by_id(experiment, "abcdef", descending=True)


@pytest.mark.parametrize(
    "order_by",
    [
        ["start_time UP"],
        ["metrics.m ASC DESC"],
        ["start_time ASC, run_name DESC"],
        ["nothing"],
        ["nothing.m"],
        ["experiment_id"],
        ["duration"],
        ["lifecycle_stage"],
        [""],
        ["`run name`"],
    ],
    ids=str,
)
def test_order_is_refused(client: MlflowClient, experiment: tuple[str, dict[str, str]], order_by: list[str]) -> None:
    with pytest.raises(RestException) as refusal:
        client.search_runs([experiment[0]], order_by=order_by)
    assert refusal.value.error_code == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize("order_by", [o for o, _ in ORDERS], ids=[", ".join(o) or "default" for o, _ in ORDERS])
@pytest.mark.parametrize("size", [1, 4])
def test_pages_joined_are_the_whole_in_any_order(
    client: MlflowClient, experiment: tuple[str, dict[str, str]], order_by: list[str], size: int
) -> None:
    pages, token = [], None
    for _ in range(len(RUNS) + 1):
        page = client.search_runs([experiment[0]], order_by=order_by, max_results=size, page_token=token)
        pages.append("".join(run.info.run_name for run in page))
        token = page.token
        if not token:
            break
    assert "".join(pages) == in_order(client, experiment, order_by)
    assert [len(page) for page in pages] == ([1] * 6 if size == 1 else [4, 2])


PAGED_ORDERS = [
    ["params.p DESC"],
    ["tags.t"],
    ["end_time DESC"],
    ["metrics.m"],
    ["user_id", "params.p DESC"],
    ["status DESC", "end_time ASC"],
    ["params.p", "tags.t DESC"],
    ["tags.t DESC", "metrics.m DESC"],
    ["metrics.m", "end_time", "tags.t"],
]


@pytest.mark.parametrize("order_by", PAGED_ORDERS, ids=", ".join)
@pytest.mark.parametrize("text", ["", "user_id != 'zoe'", "tags.mlflow.user LIKE '%'", "start_time > 0"])
def test_pages_of_a_filtered_search_joined_are_the_whole(
    client: MlflowClient, experiment: tuple[str, dict[str, str]], order_by: list[str], text: str
) -> None:
    seen, token = "", None
    while len(seen) <= len(RUNS):
        page = client.search_runs([experiment[0]], text, order_by=order_by, max_results=1, page_token=token)
        seen += "".join(run.info.run_name for run in page)
        token = page.token
        if not token:
            break
    whole = client.search_runs([experiment[0]], text, order_by=order_by)
    assert seen == "".join(run.info.run_name for run in whole)


def test_a_last_page_that_is_exactly_full_has_no_token(
    client: MlflowClient, experiment: tuple[str, dict[str, str]]
) -> None:
    assert not client.search_runs([experiment[0]], max_results=6).token
    assert client.search_runs([experiment[0]], max_results=5).token


def test_pages_work_together_with_a_filter(client: MlflowClient, experiment: tuple[str, dict[str, str]]) -> None:
    seen, token = "", None
    while True:
        page = client.search_runs(
            [experiment[0]], "params.p LIKE '%'", order_by=["metrics.m DESC"], max_results=1, page_token=token
        )
        seen += "".join(run.info.run_name for run in page)
        token = page.token
        if not token:
            break
    assert seen == "eabd"


@pytest.mark.parametrize("max_results", [0, -1, 50001])
def test_page_sizes_out_of_range_are_refused(
    rest: Rest, experiment: tuple[str, dict[str, str]], max_results: int
) -> None:
    answer = rest.post("runs/search", {"experiment_ids": [experiment[0]], "max_results": max_results})
    assert_error(answer, 400, "INVALID_PARAMETER_VALUE")


def test_an_empty_token_is_none_and_a_broken_one_is_refused(rest: Rest, experiment: tuple[str, dict[str, str]]) -> None:
    body = {"experiment_ids": [experiment[0]], "max_results": 2}
    assert rest.post("runs/search", {**body, "page_token": ""}).json() == rest.post("runs/search", body).json()
    for token in ("%%%", "AAAA", "e30="):
        answer = rest.post("runs/search", {**body, "page_token": token})
        assert_error(answer, 400, "INVALID_PARAMETER_VALUE")
