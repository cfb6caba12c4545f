"""The filter grammar of run search: every entity with every operator, and what the grammar refuses."""

import math

import pytest
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag, ViewType
from mlflow.exceptions import RestException

from tests.compatibility.conftest import fresh_name
from tests.compatibility.rest import Rest, assert_error

ALL = {"alpha", "Beta", "gamma_1", "delta 50%", "epsilon"}
START = 1_700_000_000_000


def dataset(name: str, digest: str, context: str) -> DatasetInput:
    """A dataset used in the given context."""
    return DatasetInput(Dataset(name, digest, "local", "{}"), [InputTag("mlflow.data.context", context)])


@pytest.fixture(scope="module")
def runs(client: MlflowClient) -> tuple[str, dict[str, str]]:
    """One experiment with five runs that differ in everything a filter can name: its id, and run ids by name."""
    experiment_id = client.create_experiment(fresh_name("search"))

    def run(
        name: str, offset_ms: int, user: str, *, metrics: list[Metric], params: list[Param], tags: list[RunTag]
    ) -> str:
        run_id: str = client.create_run(
            experiment_id, start_time=START + offset_ms, run_name=name, tags={"mlflow.user": user}
        ).info.run_id
        client.log_batch(run_id, metrics=metrics, params=params, tags=tags)
        return run_id

    ids = {
        "alpha": run(
            "alpha",
            0,
            "ann",
            metrics=[Metric("loss", 0.1, 1, 0), Metric("acc", 0.9, 1, 0), Metric("val/acc", 1.0, 1, 0)],
            params=[Param("lr", "0.01"), Param("opt", "Adam"), Param("net:depth", "3")],
            tags=[RunTag("team", "Red"), RunTag("a.b", "dots"), RunTag("with space", "x"), RunTag("note", "100%")],
        ),
        "Beta": run(
            "Beta",
            1000,
            "bob",
            metrics=[Metric("loss", 9.0, 1, 0), Metric("loss", 0.5, 1, 1), Metric("acc", 0.9, 1, 0)],
            params=[Param("lr", "0.1"), Param("opt", "adam")],
            tags=[RunTag("team", "red"), RunTag("k-e-y", "dash"), RunTag("note", "100 percent")],
        ),
        "gamma_1": run(
            "gamma_1",
            2000,
            "ann",
            metrics=[Metric("loss", math.nan, 1, 0), Metric("acc", -2.5, 1, 0)],
            params=[Param("lr", "0.001"), Param("opt", "sgd_x")],
            tags=[RunTag("team", "blue"), RunTag("note", 'say "hi"')],
        ),
        "delta 50%": run(
            "delta 50%",
            3000,
            "dora",
            metrics=[Metric("loss", math.inf, 1, 0)],
            params=[Param("opt", "")],
            tags=[RunTag("team", "grün"), RunTag("note", "it's")],
        ),
        "epsilon": run("epsilon", 4000, "eve", metrics=[], params=[], tags=[]),
    }
    client.set_terminated(ids["alpha"], "FINISHED", START + 10_000)
    client.set_terminated(ids["Beta"], "FAILED", START + 20_000)
    client.set_terminated(ids["gamma_1"], "KILLED", START + 30_000)
    client.log_inputs(ids["alpha"], datasets=[dataset("iris", "d1", "training")])
    client.log_inputs(ids["Beta"], datasets=[dataset("iris", "d2", "testing"), dataset("Wine", "d3", "training")])
    deleted = run("deleted", 5000, "ann", metrics=[Metric("loss", 0.1, 1, 0)], params=[], tags=[RunTag("team", "Red")])
    client.delete_run(deleted)
    return experiment_id, ids


FOUND: list[tuple[str, set[str]]] = [
    ("", ALL),
    # Metrics: the latest value; NaN matches only !=.
    ("metrics.loss = 0.5", {"Beta"}),
    ("metrics.loss = 9", set()),
    ("metrics.loss != 0.5", {"alpha", "gamma_1", "delta 50%"}),
    ("metrics.loss > 0.1", {"Beta", "delta 50%"}),
    ("metrics.loss >= 0.1", {"alpha", "Beta", "delta 50%"}),
    ("metrics.loss < 0.5", {"alpha"}),
    ("metrics.loss <= 0.5", {"alpha", "Beta"}),
    ("metrics.loss = 1.7976931348623157e308", {"delta 50%"}),
    ("metric.acc = 0.9", {"alpha", "Beta"}),
    ("metrics.acc < -1", {"gamma_1"}),
    ("metrics.acc = -2.5", {"gamma_1"}),
    ("metrics.acc > 5e-1", {"alpha", "Beta"}),
    ("metrics.`val/acc` = 1", {"alpha"}),
    ('metrics."val/acc" >= 1.0', {"alpha"}),
    ("metrics.never > 0", set()),
    ("metrics.never != 0", set()),
    # Params.
    ("params.lr = '0.1'", {"Beta"}),
    ('param.lr = "0.1"', {"Beta"}),
    ("parameter.lr = '0.1'", {"Beta"}),
    ("parameters.lr = '0.1'", {"Beta"}),
    ("params.lr != '0.1'", {"alpha", "gamma_1"}),
    ("params.opt LIKE 'ad%'", {"Beta"}),
    ("params.opt ILIKE 'ad%'", {"alpha", "Beta"}),
    ("params.opt ilike 'AD_M'", {"alpha", "Beta"}),
    ("params.opt LIKE '%'", {"alpha", "Beta", "gamma_1", "delta 50%"}),
    ("params.opt LIKE 'Adam'", {"alpha"}),
    ("params.opt LIKE 'da'", set()),
    ("params.opt = ''", {"delta 50%"}),
    ("params.lr IS NULL", {"delta 50%", "epsilon"}),
    ("params.lr IS NOT NULL", {"alpha", "Beta", "gamma_1"}),
    ("params.lr is null", {"delta 50%", "epsilon"}),
    ("params.never IS NULL", ALL),
    ("params.`net:depth` = '3'", {"alpha"}),
    # Tags.
    ("tags.team = 'red'", {"Beta"}),
    ("tag.team = 'red'", {"Beta"}),
    ("tags.team != 'red'", {"alpha", "gamma_1", "delta 50%"}),
    ("tags.team LIKE 'r%'", {"Beta"}),
    ("tags.team ILIKE 'R%'", {"alpha", "Beta"}),
    ("tags.team LIKE '_e_'", {"alpha", "Beta"}),
    ("tags.team LIKE 'gr_n'", {"delta 50%"}),
    ("tags.team = 'grün'", {"delta 50%"}),
    ("tags.team IS NULL", {"epsilon"}),
    ("tags.team IS NOT NULL", {"alpha", "Beta", "gamma_1", "delta 50%"}),
    ("tags.a.b = 'dots'", {"alpha"}),
    ("tags.`a.b` = 'dots'", {"alpha"}),
    ("tags.`with space` = 'x'", {"alpha"}),
    ('tags."with space" = "x"', {"alpha"}),
    ("tags.'k-e-y' = 'dash'", {"Beta"}),
    ("tags.note = '100%'", {"alpha"}),
    ("tags.note LIKE '100%'", {"alpha", "Beta"}),
    ('tags.note = "it\'s"', {"delta 50%"}),
    ("tags.note = 'say \"hi\"'", {"gamma_1"}),
    ("tags.mlflow.user = 'ann'", {"alpha", "gamma_1"}),
    ("tags.`mlflow.runName` = 'Beta'", {"Beta"}),
    # Text attributes.
    ("run_name = 'alpha'", {"alpha"}),
    ("attributes.run_name = 'alpha'", {"alpha"}),
    ("attribute.run_name = 'alpha'", {"alpha"}),
    ("attr.run_name = 'alpha'", {"alpha"}),
    ("run.run_name = 'alpha'", {"alpha"}),
    ("`run name` = 'alpha'", {"alpha"}),
    ("attributes.`Run name` = 'alpha'", {"alpha"}),
    ("attributes.`Run Name` = 'alpha'", {"alpha"}),
    ("`run_name` = 'alpha'", {"alpha"}),
    ("run_name != 'alpha'", ALL - {"alpha"}),
    ("run_name LIKE '%a'", {"alpha", "Beta"}),
    ("run_name ILIKE 'b%'", {"Beta"}),
    ("run_name LIKE 'gamma_1'", {"gamma_1"}),
    ("status = 'FINISHED'", {"alpha"}),
    ("attributes.status != 'RUNNING'", {"alpha", "Beta", "gamma_1"}),
    ("status = 'finished'", set()),
    ("status LIKE 'F%'", {"alpha", "Beta"}),
    ("status ILIKE 'kill%'", {"gamma_1"}),
    ("user_id = 'ann'", {"alpha", "gamma_1"}),
    ("user_id != 'ann'", {"Beta", "delta 50%", "epsilon"}),
    ("user_id LIKE 'd%'", {"delta 50%"}),
    ("run_id = '{alpha}'", {"alpha"}),
    ("run_id != '{alpha}'", ALL - {"alpha"}),
    ("run_id IN ('{alpha}', '{Beta}')", {"alpha", "Beta"}),
    ("attributes.run_id in ('{alpha}')", {"alpha"}),
    ("run_id NOT IN ('{alpha}', '{Beta}')", ALL - {"alpha", "Beta"}),
    ("run_id LIKE '{alpha}%'", {"alpha"}),
    ("artifact_uri LIKE '%{alpha}/artifacts'", {"alpha"}),
    # Numeric attributes.
    (f"start_time = {START}", {"alpha"}),
    (f"attributes.start_time != {START}", ALL - {"alpha"}),
    (f"start_time > {START + 2000}", {"delta 50%", "epsilon"}),
    (f"start_time >= {START + 2000}", {"gamma_1", "delta 50%", "epsilon"}),
    (f"start_time < {START + 1000}", {"alpha"}),
    (f"start_time <= {START + 1000}", {"alpha", "Beta"}),
    (f"created = {START}", {"alpha"}),
    (f"Created < {START + 1000}", {"alpha"}),
    (f"end_time > {START + 10_000}", {"Beta", "gamma_1"}),
    (f"end_time = {START + 10_000}", {"alpha"}),
    (f"end_time != {START + 10_000}", {"Beta", "gamma_1"}),
    # Datasets.
    ("dataset.name = 'iris'", {"alpha", "Beta"}),
    ("datasets.name = 'iris'", {"alpha", "Beta"}),
    ("dataset.name != 'iris'", {"Beta"}),
    ("dataset.name LIKE 'w%'", set()),
    ("dataset.name ILIKE 'w%'", {"Beta"}),
    ("dataset.name IN ('iris', 'Wine')", {"alpha", "Beta"}),
    ("dataset.name NOT IN ('iris')", {"Beta"}),
    ("dataset.digest = 'd1'", {"alpha"}),
    ("dataset.digest IN ('d1', 'd3')", {"alpha", "Beta"}),
    ("dataset.digest LIKE 'd_'", {"alpha", "Beta"}),
    ("dataset.context = 'testing'", {"Beta"}),
    ("dataset.context ILIKE 'TRAIN%'", {"alpha", "Beta"}),
    ("dataset.context IN ('testing')", {"Beta"}),
    # Conjunctions.
    ("metrics.loss < 1 AND params.lr = '0.1'", {"Beta"}),
    ("metrics.loss < 1 and params.opt ILIKE 'adam' And tags.team = 'Red'", {"alpha"}),
    ("metrics.loss > 0.05 AND metrics.loss < 0.2", {"alpha"}),
    ("tags.team = 'red' AND tags.team = 'Red'", set()),
    ("  status = 'FINISHED'  ", {"alpha"}),
    ("status='FINISHED'", {"alpha"}),
    ("metrics.loss<0.2", {"alpha"}),
    ("dataset.name = 'iris' AND dataset.context = 'testing' AND status = 'FAILED'", {"Beta"}),
]


@pytest.mark.parametrize(("text", "expected"), FOUND, ids=[text or "no filter" for text, _ in FOUND])
def test_filter_finds(client: MlflowClient, runs: tuple[str, dict[str, str]], text: str, expected: set[str]) -> None:
    experiment_id, ids = runs
    for name, run_id in ids.items():
        text = text.replace("{" + name + "}", run_id)
    found = client.search_runs([experiment_id], filter_string=text)
    assert {run.info.run_name for run in found} == expected


REFUSED = [
    " ",
    "metrics.loss",
    "metrics.loss >",
    "loss > 1",
    "metrics.loss > 'a'",
    "metrics.loss > '0.5'",
    "metrics.loss > nan",
    "metrics.loss > inf",
    "metrics.loss > +1",
    "metrics.loss > 1E+2",
    "metrics.loss > 0x10",
    "metrics.loss LIKE '1%'",
    "metrics.loss IN (1)",
    "metrics.loss IS NULL",
    "metrics.loss == 1",
    "metrics.loss <> 1",
    "metrics.val/acc > 1",
    "Metrics.loss > 1",
    "metricz.loss > 1",
    "params.lr = 0.1",
    "params.lr = abc",
    "params.lr > '0.1'",
    "params.lr IN ('0.1')",
    "params.lr NOT LIKE '0.1'",
    "tags.team = red",
    "tags.team > 'red'",
    "tags.team IN ('red')",
    "tags.k-e-y = 'dash'",
    "tags.with space = 'x'",
    "status > 'A'",
    "status IN ('FINISHED')",
    "status IS NULL",
    "run_name IN ('a')",
    "run_id IN ()",
    "run_id IN '{alpha}'",
    "run_id = 5",
    "Status = 'FINISHED'",
    "lifecycle_stage = 'active'",
    "experiment_id = '0'",
    "start_time = 'x'",
    "start_time LIKE '1%'",
    "start_time IN (1, 2)",
    "dataset.name > 'a'",
    "dataset.profile = 'x'",
    "dataset.name IS NULL",
    "status = 'FINISHED' OR status = 'FAILED'",
    "NOT status = 'FINISHED'",
    "(status = 'FINISHED')",
    "status = 'FINISHED'; status = 'FAILED'",
    "status = 'FINISHED' -- comment",
    "status = 'FINISHED",
    "tags.team = 'a' 'b'",
]


@pytest.mark.parametrize("text", REFUSED)
def test_filter_is_refused(client: MlflowClient, runs: tuple[str, dict[str, str]], text: str) -> None:
    with pytest.raises(RestException) as refusal:
        client.search_runs([runs[0]], filter_string=text)
    assert refusal.value.error_code == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("status = 'FINISHED' user_id = 'ann'", {"alpha"}), ("status = 'FINISHED' AND", {"alpha"})],
    ids=["missing-and", "trailing-and"],
)
def test_a_missing_or_trailing_and_is_tolerated(
    client: MlflowClient, runs: tuple[str, dict[str, str]], text: str, expected: set[str]
) -> None:
    assert {run.info.run_name for run in client.search_runs([runs[0]], filter_string=text)} == expected


def test_filters_see_deleted_runs_only_when_the_view_does(
    client: MlflowClient, runs: tuple[str, dict[str, str]]
) -> None:
    names = {
        view: {r.info.run_name for r in client.search_runs([runs[0]], "tags.team = 'Red'", run_view_type=view)}
        for view in (ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL)
    }
    assert list(names.values()) == [{"alpha"}, {"deleted"}, {"alpha", "deleted"}]


def test_no_experiments_give_no_runs_and_unknown_ones_are_ignored(
    client: MlflowClient, rest: Rest, runs: tuple[str, dict[str, str]]
) -> None:
    assert rest.post("runs/search", {}).json() == {}
    assert rest.post("runs/search", {"experiment_ids": []}).json() == {}
    assert len(client.search_runs([runs[0], "987654321"])) == len(ALL)
    assert_error(rest.post("runs/search", {"experiment_ids": ["x"]}), 400, "INVALID_PARAMETER_VALUE")
