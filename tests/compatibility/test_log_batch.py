"""log_batch: its limits, and that a refused batch stores nothing."""

from collections.abc import Sequence

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from tests.compatibility.rest import Rest, assert_error
from tests.present import present


def metric(key: str = "m", value: float = 1.0, step: int = 0) -> dict[str, object]:
    """One metric as a batch carries it."""
    return {"key": key, "value": value, "timestamp": 1, "step": step}


def pairs(count: int, prefix: str = "k") -> list[dict[str, str]]:
    """`count` params or tags with different keys."""
    return [{"key": f"{prefix}{i}", "value": str(i)} for i in range(count)]


def test_metrics_params_and_tags_are_stored_together(client: MlflowClient, run_id: str) -> None:
    client.log_batch(
        run_id,
        metrics=[Metric("loss", 0.5, 10, 0), Metric("loss", 0.4, 20, 1), Metric("acc", 0.9, 20, 1)],
        params=[Param("lr", "0.1"), Param("depth", "3")],
        tags=[RunTag("kind", "trial")],
    )
    data = client.get_run(run_id).data
    assert data.metrics == {"loss": 0.4, "acc": 0.9}
    assert data.params == {"lr": "0.1", "depth": "3"}
    assert data.tags["kind"] == "trial"
    assert len(client.get_metric_history(run_id, "loss")) == 2


def test_an_empty_batch_is_accepted(client: MlflowClient, rest: Rest, run_id: str) -> None:
    client.log_batch(run_id)
    assert rest.post("runs/log-batch", {"run_id": run_id}).json() == {}


def test_the_last_of_equal_tags_wins(client: MlflowClient, run_id: str) -> None:
    client.log_batch(run_id, tags=[RunTag("t", "1"), RunTag("t", "2"), RunTag("t", "3")])
    assert client.get_run(run_id).data.tags["t"] == "3"


@pytest.mark.parametrize(
    ("metrics", "params", "tags"),
    [(1000, 0, 0), (0, 100, 0), (0, 0, 100), (800, 100, 100)],
    ids=["1000-metrics", "100-params", "100-tags", "1000-altogether"],
)
def test_the_largest_batches_are_accepted(
    rest: Rest, client: MlflowClient, run_id: str, metrics: int, params: int, tags: int
) -> None:
    answer = rest.post(
        "runs/log-batch",
        {
            "run_id": run_id,
            "metrics": [metric(step=i) for i in range(metrics)],
            "params": pairs(params),
            "tags": pairs(tags, "t"),
        },
    )
    assert (answer.status_code, answer.json()) == (200, {})
    data = client.get_run(run_id).data
    assert len(client.get_metric_history(run_id, "m")) == metrics
    assert len(data.params) == params
    assert len([key for key in data.tags if key.startswith("t")]) == tags


@pytest.mark.parametrize(
    ("metrics", "params", "tags"),
    [(1001, 0, 0), (0, 101, 0), (0, 0, 101), (801, 100, 100), (901, 50, 50)],
    ids=["1001-metrics", "101-params", "101-tags", "1001-altogether", "1001-in-another-mix"],
)
def test_larger_batches_are_refused_and_store_nothing(
    rest: Rest, client: MlflowClient, run_id: str, metrics: int, params: int, tags: int
) -> None:
    before = client.get_run(run_id).data
    answer = rest.post(
        "runs/log-batch",
        {
            "run_id": run_id,
            "metrics": [metric(step=i) for i in range(metrics)],
            "params": pairs(params),
            "tags": pairs(tags, "t"),
        },
    )
    assert_error(answer, 400, "INVALID_PARAMETER_VALUE")
    after = client.get_run(run_id).data
    assert (after.metrics, after.params, after.tags) == (before.metrics, before.params, before.tags)


INVALID_ENTITIES: Sequence[tuple[str, dict[str, object]]] = (
    ("metric key with a comma", {"metrics": [metric("a,b")]}),
    ("metric key that climbs", {"metrics": [metric("../a")]}),
    ("metric key too long", {"metrics": [metric("k" * 251)]}),
    ("metric without a key", {"metrics": [{"value": 1.0, "timestamp": 1}]}),
    ("metric without a value", {"metrics": [{"key": "m", "timestamp": 1}]}),
    ("metric without a timestamp", {"metrics": [{"key": "m", "value": 1.0}]}),
    ("metric with a negative timestamp", {"metrics": [{"key": "m", "value": 1.0, "timestamp": -1}]}),
    ("param key with a hash", {"params": [{"key": "a#b", "value": "1"}]}),
    ("param without a key", {"params": [{"value": "1"}]}),
    ("param key twice", {"params": [{"key": "a", "value": "1"}, {"key": "a", "value": "1"}]}),
    ("tag key with a question mark", {"tags": [{"key": "a?", "value": "1"}]}),
    ("tag without a key", {"tags": [{"value": "1"}]}),
    ("params that are no list", {"params": "a"}),
)


@pytest.mark.parametrize(
    "entities", [e for _, e in INVALID_ENTITIES], ids=[n.replace(" ", "-") for n, _ in INVALID_ENTITIES]
)
def test_one_invalid_entity_refuses_the_whole_batch(
    rest: Rest, client: MlflowClient, run_id: str, entities: dict[str, object]
) -> None:
    good: dict[str, list[object]] = {
        "metrics": [metric("good")],
        "params": [{"key": "good", "value": "1"}],
        "tags": [{"key": "good", "value": "1"}],
    }
    body: dict[str, object] = {"run_id": run_id, **good}
    for field, values in entities.items():
        body[field] = [*good[field], *values] if isinstance(values, list) else values
    assert_error(rest.post("runs/log-batch", body), 400, "INVALID_PARAMETER_VALUE")
    data = client.get_run(run_id).data
    assert (data.metrics, data.params) == ({}, {})
    assert "good" not in data.tags


def test_a_changed_param_refuses_the_whole_batch(rest: Rest, client: MlflowClient, run_id: str) -> None:
    client.log_param(run_id, "lr", "0.1")
    body = {
        "run_id": run_id,
        "metrics": [metric("good")],
        "params": [{"key": "new", "value": "1"}, {"key": "lr", "value": "0.2"}],
        "tags": [{"key": "good", "value": "1"}],
    }
    assert_error(rest.post("runs/log-batch", body), 400, "INVALID_PARAMETER_VALUE")
    data = client.get_run(run_id).data
    assert (data.metrics, data.params) == ({}, {"lr": "0.1"})
    assert "good" not in data.tags


def test_the_client_splits_more_than_1000_metrics(client: MlflowClient, run_id: str) -> None:
    client.log_batch(run_id, metrics=[Metric("m", float(i), i, i) for i in range(2100)])
    assert [m.value for m in client.get_metric_history(run_id, "m")] == [float(i) for i in range(2100)]


def test_a_batch_of_more_than_a_megabyte_is_accepted(rest: Rest, client: MlflowClient, run_id: str) -> None:
    params = [{"key": f"p{i}", "value": "v" * 6000} for i in range(100)]
    tags = [{"key": f"t{i}", "value": "v" * 8000} for i in range(100)]
    answer = rest.post("runs/log-batch", {"run_id": run_id, "params": params, "tags": tags})
    assert answer.status_code == 200
    data = client.get_run(run_id).data
    assert len(data.params) == 100
    assert data.tags["t99"] == "v" * 8000


def test_what_is_logged_in_the_background_is_there_after_waiting(client: MlflowClient, run_id: str) -> None:
    pending = [client.log_metric(run_id, "m", float(i), timestamp=i, step=i, synchronous=False) for i in range(20)]
    pending += [client.log_param(run_id, f"p{i}", i, synchronous=False) for i in range(5)]
    pending += [client.set_tag(run_id, "t", "v", synchronous=False)]
    for operation in pending:
        present(operation).wait()
    data = client.get_run(run_id).data
    assert [m.value for m in client.get_metric_history(run_id, "m")] == [float(i) for i in range(20)]
    assert (len(data.params), data.tags["t"], data.metrics["m"]) == (5, "v", 19.0)
