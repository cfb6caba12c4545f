"""The run search finds what its filter says, in its order, page by page, however it is carried out."""

import math
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from query_api.port import ReadModel
from query_api.runs.search import postgresql as postgresql_runs
from query_api.runs.search import sqlite as sqlite_runs
from query_api.runs.search.conditions import RunConditions
from query_api.runs.search.plan import RunPlan
from tests.examples import examples
from tests.unit.query_api.answers import run_ids, run_page
from tests.unit.query_api.conftest import MakeRows
from tests.unit.query_api.sqlite_rows import SqliteRows

NUMBERS = (0.0, 1.0, 2.0, -1.5, math.nan)
TEXTS = ("", "a", "A", "b", "ab")
TIMES = (0, 1, 2)


@dataclass(frozen=True)
class Run:
    """A run as the test knows it."""

    run_id: str
    experiment_id: int
    start_time: int
    end_time: int | None
    status: str
    metrics: dict[str, float]
    params: dict[str, str]
    tags: dict[str, str]
    stage: str


RUNS = st.lists(
    st.builds(
        Run,
        run_id=st.integers(0, 999).map("{:03}".format),
        experiment_id=st.sampled_from((1, 2)),
        start_time=st.sampled_from(TIMES),
        end_time=st.none() | st.sampled_from(TIMES),
        status=st.sampled_from(("RUNNING", "FINISHED")),
        metrics=st.dictionaries(st.sampled_from("mn"), st.sampled_from(NUMBERS)),
        params=st.dictionaries(st.sampled_from("pq"), st.sampled_from(TEXTS)),
        tags=st.dictionaries(st.sampled_from("tu"), st.sampled_from(TEXTS)),
        stage=st.sampled_from(("active", "active", "deleted")),
    ),
    max_size=14,
    unique_by=lambda run: run.run_id,
)

# Each condition is its text and what it means.
CONDITIONS: dict[str, Any] = {
    "metrics.m > 0": lambda run: run.metrics.get("m", math.nan) > 0,
    "metrics.m <= 1": lambda run: run.metrics.get("m", math.nan) <= 1,
    "metrics.m = 1": lambda run: run.metrics.get("m") == 1,
    "metrics.m != 1": lambda run: "m" in run.metrics and run.metrics["m"] != 1,
    "metrics.n < 2": lambda run: run.metrics.get("n", math.nan) < 2,
    "params.p = 'a'": lambda run: run.params.get("p") == "a",
    "params.p != 'a'": lambda run: run.params.get("p", "a") != "a",
    "params.p LIKE 'a%'": lambda run: run.params.get("p", "").startswith("a"),
    "params.p ILIKE 'A_'": lambda run: run.params.get("p", "") == "ab",
    "params.p IS NULL": lambda run: "p" not in run.params,
    "params.p IS NOT NULL": lambda run: "p" in run.params,
    "tags.t = ''": lambda run: run.tags.get("t") == "",
    "tags.t IS NULL": lambda run: "t" not in run.tags,
    "tags.u LIKE '%b'": lambda run: run.tags.get("u", "").endswith("b"),
    "status = 'RUNNING'": lambda run: run.status == "RUNNING",
    "status ILIKE 'fin%'": lambda run: run.status == "FINISHED",
    "start_time >= 1": lambda run: run.start_time >= 1,
    "start_time != 1": lambda run: run.start_time != 1,
    "end_time < 2": lambda run: run.end_time is not None and run.end_time < 2,
    "end_time != 2": lambda run: run.end_time not in (None, 2),
    "run_id IN ('000', '001', '002')": lambda run: run.run_id in ("000", "001", "002"),
    "run_id NOT IN ('000', '001')": lambda run: run.run_id not in ("000", "001"),
    "run_id LIKE '0%'": lambda run: run.run_id.startswith("0"),
}

# Each order term is its text and the value to sort by: a rank, then what it compares.
ORDERS: dict[str, Any] = {
    "metrics.m": lambda run: ranked_number(run.metrics.get("m")),
    "metrics.n": lambda run: ranked_number(run.metrics.get("n")),
    "params.p": lambda run: ranked(run.params.get("p")),
    "params.q": lambda run: ranked(run.params.get("q")),
    "tags.t": lambda run: ranked(run.tags.get("t")),
    "start_time": lambda run: (0, run.start_time),
    "end_time": lambda run: ranked(run.end_time),
    "status": lambda run: (0, run.status),
    "run_id": lambda run: (0, run.run_id),
}


def ranked(value: Any) -> tuple[int, Any]:
    return (1, None) if value is None else (0, value)


def ranked_number(value: float | None) -> tuple[int, Any]:
    if value is None:
        return 2, None
    return (1, None) if math.isnan(value) else (0, value)


def in_order(runs: list[Run], order_by: list[str]) -> list[Run]:
    """Sorted by the last key first; missing values stay behind in both directions."""
    ordered = sorted(runs, key=lambda run: run.run_id)
    ordered.sort(key=lambda run: run.start_time, reverse=True)
    for text in reversed(order_by):
        key, _, direction = text.partition(" ")
        by_rank: dict[int, list[Run]] = {}
        for run in ordered:
            by_rank.setdefault(ORDERS[key](run)[0], []).append(run)
        ordered = []
        for rank in sorted(by_rank):
            group = by_rank[rank]
            if ORDERS[key](group[0])[1] is not None:
                group = sorted(group, key=lambda run: ORDERS[key](run)[1], reverse=direction == "DESC")
            ordered += group
    return ordered


@pytest.fixture(
    params=["as estimated", "walk and look up", "walk and test by sets", "start from a condition", "probe first"]
)
def plan(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The way to carry a search out, whatever the estimates say."""
    chosen = str(request.param)

    async def planned(
        read_model: ReadModel, conditions: RunConditions, counted_runs: int, many_runs: int
    ) -> RunPlan | None:
        if chosen == "probe first" and counted_runs < many_runs:
            return None
        indexed = frozenset(
            index
            for index, condition in enumerate(conditions.search.conditions)
            if conditions.matching_runs(condition) is not None
        )
        if chosen == "walk and test by sets":
            return RunPlan(None, indexed)
        if chosen == "start from a condition" and indexed:
            return RunPlan(min(indexed), frozenset())
        return RunPlan(None, frozenset())

    monkeypatch.setattr(postgresql_runs, "PROBED_RUNS", 4)
    if chosen != "as estimated":
        for dialect in (sqlite_runs, postgresql_runs):
            monkeypatch.setattr(dialect, "plan_by_counts", planned)
    return chosen


def fill(rows: SqliteRows, runs: list[Run]) -> None:
    for experiment_id in (1, 2):
        rows.experiment(experiment_id)
    for run in runs:
        rows.run(
            run.run_id,
            experiment_id=run.experiment_id,
            metrics=run.metrics,
            params=run.params,
            tags=run.tags,
            status=run.status,
            start_time_ms=run.start_time,
            end_time_ms=run.end_time,
            lifecycle_stage=run.stage,
        )


@pytest.mark.slow
@settings(
    max_examples=examples(60),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    runs=RUNS,
    conditions=st.lists(st.sampled_from(sorted(CONDITIONS)), max_size=3, unique=True),
    order=st.lists(
        st.tuples(st.sampled_from(sorted(ORDERS)), st.sampled_from(("", " ASC", " DESC"))),
        max_size=2,
        unique_by=lambda one: one[0],
    ),
    experiments=st.sampled_from((["1"], ["2", "1", "2"])),
    view=st.sampled_from(("ACTIVE_ONLY", "DELETED_ONLY", "ALL")),
    page_size=st.integers(1, 5),
)
async def test_every_way_finds_the_same_runs_in_the_same_order(
    plan: str,
    make_rows: MakeRows,
    runs: list[Run],
    conditions: list[str],
    order: list[tuple[str, str]],
    experiments: list[str],
    view: str,
    page_size: int,
) -> None:
    rows = make_rows()
    fill(rows, runs)
    order_by = [key + direction for key, direction in order]
    stages = {"ACTIVE_ONLY": ("active",), "DELETED_ONLY": ("deleted",), "ALL": ("active", "deleted")}[view]
    wanted = [
        run
        for run in runs
        if str(run.experiment_id) in experiments
        and run.stage in stages
        and all(CONDITIONS[condition](run) for condition in conditions)
    ]
    found = await run_ids(
        rows,
        " AND ".join(conditions),
        order_by,
        experiment_ids=experiments,
        run_view_type=view,
        max_results=page_size,
    )
    assert found == [run.run_id for run in in_order(wanted, order_by)]


@pytest.fixture
def many_ties(make_rows: MakeRows) -> SqliteRows:
    """300 runs in which a metric has two values, NaN, or is missing, and start times repeat."""
    rows = make_rows()
    rows.experiment(1)
    for number in range(300):
        metrics = {} if number % 10 == 0 else {"m": (0.5, 0.5, math.nan, 1.0)[number % 4]}
        rows.run(f"{(number * 7919) % 1000:03}", metrics=metrics, params={"p": "x"}, start_time_ms=number % 3)
    return rows


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize("page_size", [7, 100, 1000])
async def test_pages_cross_ties_nans_and_missing_values_without_a_gap(
    plan: str, many_ties: SqliteRows, direction: str, page_size: int
) -> None:
    everything = {
        run_id: (rank, value, -start_time)
        for run_id, start_time, rank, value in many_ties.connection.execute(
            "SELECT run_id, start_time_ms, CASE WHEN m.key IS NULL THEN 2 ELSE m.value IS NULL END,"
            " coalesce(m.value, 0) FROM runs r LEFT JOIN latest_metrics m ON m.run_number = r.run_number"
        )
    }
    sign = 1 if direction == "ASC" else -1
    expected = sorted(
        everything, key=lambda one: (everything[one][0], sign * everything[one][1], everything[one][2], one)
    )
    found = await run_ids(many_ties, "params.p = 'x'", [f"metrics.m {direction}"], max_results=page_size)
    assert found == expected
    behind = await run_ids(many_ties, "", ["status", f"metrics.m {direction}"], max_results=page_size)
    assert behind == expected


async def test_the_effective_lifecycle_decides_what_a_view_shows(rows: SqliteRows) -> None:
    rows.experiment(2, lifecycle_stage="deleted", lifecycle_us=100)
    rows.run("before", experiment_id=2, lifecycle_us=50)
    rows.run("restored", experiment_id=2, lifecycle_us=150)
    assert await run_ids(rows, experiment_ids=["2"]) == ["restored"]
    assert await run_ids(rows, experiment_ids=["2"], run_view_type=2) == ["before"]
    assert await run_ids(rows, experiment_ids=["2"], run_view_type="3") == ["before", "restored"]


async def test_the_name_of_a_run_is_filtered_by_its_tag_and_ordered_by_itself(rows: SqliteRows) -> None:
    rows.run("a", name="z", tags={"mlflow.runName": "z"})
    rows.run("b", name="y")
    assert await run_ids(rows, "run_name = 'y'") == []
    assert await run_ids(rows, "run_name LIKE '%'") == ["a"]
    assert await run_ids(rows, order_by=["run_name"]) == ["b", "a"]


async def test_each_dataset_condition_may_be_met_by_another_dataset(rows: SqliteRows) -> None:
    number = rows.run("a")
    rows.dataset(number, "d", "1", tags={"mlflow.data.context": "train"})
    rows.dataset(number, "e", "2", tags={"mlflow.data.context": "eval"})
    rows.dataset(rows.run("b"), "d", "1")
    assert await run_ids(rows, "dataset.name = 'd' AND dataset.digest = '2'") == ["a"]
    assert await run_ids(rows, "dataset.name = 'd'") == ["a", "b"]
    assert await run_ids(rows, "datasets.name IN ('d', 'x')") == ["a", "b"]
    assert await run_ids(rows, "dataset.name NOT IN ('d')") == ["a"]
    assert await run_ids(rows, "dataset.context != 'train'") == ["a"]
    assert await run_ids(rows, "dataset.context ILIKE 'TR%'") == ["a"]


async def test_runs_of_more_experiments_than_are_walked_are_sorted_together(
    rows: SqliteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows.experiment(2)
    rows.run("a", start_time_ms=1)
    rows.run("b", start_time_ms=2, experiment_id=2)
    rows.run("c", start_time_ms=3)
    for dialect in (sqlite_runs, postgresql_runs):
        monkeypatch.setattr(dialect, "MAX_EXPERIMENTS_WALKED", 1)
    assert await run_ids(rows, experiment_ids=["1", "2"], max_results=1) == ["c", "b", "a"]


async def test_a_long_list_of_run_ids_is_no_difficulty(rows: SqliteRows) -> None:
    rows.run("a")
    listed = ", ".join(f"'{number}'" for number in range(2_000))
    assert await run_ids(rows, f"run_id IN ({listed}, 'a')") == ["a"]
    assert await run_ids(rows, f"run_id NOT IN ({listed})") == ["a"]


@pytest.mark.slow
async def test_the_largest_filter_and_order_are_no_difficulty(rows: SqliteRows) -> None:
    for run_id in ("a", "b"):
        rows.run(run_id, metrics={f"m{number}": 1 for number in range(60)})
    filter_text = " AND ".join(f"metrics.m{number} > 0" for number in range(60))
    for experiments in (["1"], [str(number) for number in range(1, 11)]):
        order_by = [f"metrics.m{number}" for number in range(20)]
        found = await run_ids(rows, filter_text, order_by, experiment_ids=experiments, max_results=1)
        assert found == ["a", "b"]


@pytest.mark.parametrize("order_by", [[], ["start_time ASC"], ["metrics.m"], ["metrics.m DESC"], ["params.p"]])
async def test_a_page_costs_the_same_however_many_runs_there_are(order_by: list[str]) -> None:
    async def effort(runs: int) -> int:
        rows = SqliteRows()
        rows.experiment(1)
        for number in range(runs):
            rows.run(f"{number}", metrics={"m": number}, params={"p": f"{number:05}", "q": "x"}, start_time_ms=number)
        steps = 0

        def step() -> None:
            nonlocal steps
            steps += 1

        rows.connection.set_progress_handler(step, 1)
        assert len((await run_page(rows, order_by=order_by, max_results=5))[0]) == 5
        rows.connection.close()
        return steps

    assert await effort(1_000) < 1.1 * await effort(50)
