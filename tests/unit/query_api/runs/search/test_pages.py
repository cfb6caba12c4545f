"""Pages of runs, what a request may ask, and what a token is good for."""

import base64

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from query_api.filter.pages import fingerprint, page_token, sort_values
from query_api.runs.search.search import search_runs
from schemas.errors import InvalidParameterValue
from schemas.messages.runs import SearchRuns
from tests.unit.query_api.answers import run_ids, run_page
from tests.unit.query_api.conftest import MakeRows
from tests.unit.query_api.sqlite_rows import SqliteRows


@pytest.fixture
def three_runs(rows: SqliteRows) -> SqliteRows:
    for number in range(3):
        rows.run(f"run{number}", start_time_ms=number, metrics={"m": number}, params={"p": "x"})
    return rows


async def test_a_token_comes_only_when_there_are_more(three_runs: SqliteRows) -> None:
    assert await run_page(three_runs, max_results=3) == (["run2", "run1", "run0"], "")
    found, token = await run_page(three_runs, max_results=2)
    assert (found, bool(token)) == (["run2", "run1"], True)
    assert await run_page(three_runs, max_results=2, page_token=token) == (["run0"], "")


async def test_the_size_of_a_page_may_change_on_the_way(three_runs: SqliteRows) -> None:
    _, token = await run_page(three_runs, max_results=1)
    assert await run_page(three_runs, max_results=1000, page_token=token) == (["run1", "run0"], "")


async def test_runs_that_came_after_the_first_page_neither_repeat_nor_hide_others(three_runs: SqliteRows) -> None:
    _, token = await run_page(three_runs, max_results=1)
    three_runs.run("newer", start_time_ms=9)
    three_runs.run("between", start_time_ms=1)
    assert await run_page(three_runs, page_token=token) == (["between", "run1", "run0"], "")


@pytest.mark.parametrize("max_results", [0, -1, 50_001])
async def test_the_size_of_a_page_is_bounded(rows: SqliteRows, max_results: int) -> None:
    with pytest.raises(InvalidParameterValue):
        await run_page(rows, max_results=max_results)


@pytest.mark.parametrize(
    "other",
    [
        {"filter": "metrics.m > 0"},
        {"order_by": ["start_time ASC"]},
        {"experiment_ids": ["1", "2"]},
        {"run_view_type": "ALL"},
    ],
)
async def test_a_token_of_another_search_is_refused(three_runs: SqliteRows, other: dict[str, object]) -> None:
    _, token = await run_page(three_runs, max_results=1)
    with pytest.raises(InvalidParameterValue):
        await run_page(three_runs, page_token=token, **other)


async def test_a_token_survives_ids_in_another_order(three_runs: SqliteRows) -> None:
    three_runs.experiment(2)
    _, token = await run_page(three_runs, max_results=1, experiment_ids=["1", "2"])
    assert await run_page(three_runs, page_token=token, experiment_ids=["2", "1"]) == (["run1", "run0"], "")


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "!!!!",
        base64.b64encode(b'{"offset": 1}').decode(),
        base64.b64encode(b"[]").decode(),
        base64.b64encode(b'["x", [1, "run1"]]').decode(),
        "=" * 8,
        "ü",
    ],
)
async def test_a_token_that_was_never_given_out_is_refused(three_runs: SqliteRows, token: str) -> None:
    with pytest.raises(InvalidParameterValue):
        await run_page(three_runs, page_token=token)


@pytest.mark.parametrize("values", [[], [1], ["1", "a"], [True, "a"], [1.0, "a"], [2**70, "a"], [1, None], [1, "a", 1]])
def test_a_token_with_other_values_than_the_order_has_is_refused(values: list[object]) -> None:
    search = fingerprint("x")
    token = base64.b64encode(
        orjson.dumps([search, values]) if 2**70 not in values else b'["%b",[%d,"a"]]' % (search.encode(), 2**70)
    ).decode()
    with pytest.raises(InvalidParameterValue):
        sort_values(token, search, [int, str])


@given(
    st.lists(
        st.integers(-(2**63), 2**63 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
    )
)
def test_a_token_carries_its_values_exactly(values: list[int | float | str]) -> None:
    assert sort_values(page_token("s", values), "s", [type(value) for value in values]) == tuple(values)


async def test_a_crafted_rank_finds_nothing_rather_than_fail(three_runs: SqliteRows) -> None:
    identity = fingerprint("runs", [1], "", ["metrics.m"], "active")
    for rank in (7, -1, 2**63 - 1):
        token = page_token(identity, [rank, 0.0, 0, "a"])
        found, _ = await run_page(three_runs, order_by=["metrics.m"], page_token=token)
        assert found == (["run0", "run1", "run2"] if rank < 0 else [])


@pytest.mark.parametrize("ids", [[], ["999"], ["-1"], ["99999999999999999999999"]])
async def test_no_experiment_or_an_unknown_one_has_no_runs(three_runs: SqliteRows, ids: list[str]) -> None:
    assert await search_runs(three_runs, SearchRuns(experiment_ids=ids)) == b"{}"


@pytest.mark.parametrize("ids", [[" 1 "], ["01"], ["1", "1"], ["1", "999"]])
async def test_experiment_ids_are_read_leniently(three_runs: SqliteRows, ids: list[str]) -> None:
    assert await run_ids(three_runs, experiment_ids=ids) == ["run2", "run1", "run0"]


@pytest.mark.parametrize("experiment_id", ["abc", "", "1.0"])
async def test_what_is_no_experiment_id_is_refused(rows: SqliteRows, experiment_id: str) -> None:
    with pytest.raises(InvalidParameterValue):
        await run_ids(rows, experiment_ids=[experiment_id])


@pytest.mark.parametrize("view_type", ["BOGUS", "active_only", 0, 4, "0", "", None])
async def test_a_view_type_is_a_name_or_a_number(three_runs: SqliteRows, view_type: str | int | None) -> None:
    if view_type in ("", None):
        assert len(await run_ids(three_runs, run_view_type=view_type)) == 3
        return
    with pytest.raises(InvalidParameterValue):
        await run_ids(three_runs, run_view_type=view_type)


@pytest.mark.parametrize(
    "order_by",
    [
        ["metrics.m", "metrics.m"],
        ["start_time", "created DESC"],
        ["metrics.m", "metric.m DESC"],
        [f"metrics.m{number}" for number in range(21)],
    ],
)
async def test_an_order_names_each_key_once_and_not_too_many(rows: SqliteRows, order_by: list[str]) -> None:
    with pytest.raises(InvalidParameterValue):
        await run_ids(rows, order_by=order_by)


async def test_a_bad_request_is_refused_even_without_experiments(rows: SqliteRows) -> None:
    with pytest.raises(InvalidParameterValue):
        await run_ids(rows, "nonsense", experiment_ids=[])


async def test_a_run_in_a_search_has_dataset_inputs_and_model_outputs_but_no_model_inputs(rows: SqliteRows) -> None:
    number = rows.run("a")
    rows.dataset(number, "d", "x")
    rows.insert("model_inputs", run_number=number, model_id="m-1")
    rows.insert("model_outputs", run_number=number, model_id="m-2", step=3)
    (run,) = orjson.loads(await search_runs(rows, SearchRuns(experiment_ids=["1"])))["runs"]
    assert run["inputs"] == {
        "dataset_inputs": [{"dataset": {"name": "d", "digest": "x", "source_type": "local", "source": "here"}}]
    }
    assert run["outputs"] == {"model_outputs": [{"model_id": "m-2", "step": 3}]}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filter_text=st.text(max_size=30), order=st.text(max_size=20), token=st.text(max_size=20))
async def test_any_text_is_answered_or_refused(make_rows: MakeRows, filter_text: str, order: str, token: str) -> None:
    rows = make_rows()
    rows.experiment(1)
    for request in ({"filter": filter_text}, {"order_by": [order]}, {"page_token": token}):
        try:
            await run_page(rows, **request)
        except InvalidParameterValue:
            continue
