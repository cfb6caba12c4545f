"""Tables of writes to experiments, runs and logged models: which are accepted, which refused, and with which code."""

import pytest

from tests.compatibility.conftest import Subjects
from tests.compatibility.rest import Case, Rest, assert_answer, bad, invalid, missing, ok, send

UNKNOWN_RUN = "0" * 32
UNKNOWN_MODEL = "m-" + "0" * 32
NOTED = '{"run_id": "r", "artifact_path": "m", "utc_time_created": "2026-01-01", "flavors": {}}'
"""What an older client says of a model that it logged."""


def metric(**fields: object) -> dict[str, object]:
    """A valid log-metric body for the subject run, with changes."""
    return {"run_id": "<run_id>", "key": "m", "value": 1.0, "timestamp": 1, "step": 0, **fields}


EXPERIMENTS = [
    ok("create", "POST", "experiments/create", {"name": "<new>"}),
    ok("create with tags", "POST", "experiments/create", {"name": "<new>", "tags": [{"key": "a", "value": "b"}]}),
    Case("create an existing name", "POST", "experiments/create", {"name": "<experiment_name>"}, 400,
         "RESOURCE_ALREADY_EXISTS"),
    Case("create a deleted name", "POST", "experiments/create", {"name": "<deleted_experiment_name>"}, 400,
         "RESOURCE_ALREADY_EXISTS"),
    invalid("create with 501 characters", "POST", "experiments/create", {"name": "x" * 501}),
    invalid("create at a location with a fragment", "POST", "experiments/create",
            {"name": "<new>", "artifact_location": "s3://b/p#x"}),
    invalid("create at a run location", "POST", "experiments/create",
            {"name": "<new>", "artifact_location": "runs:/x/y"}),
    ok("get", "GET", "experiments/get", {"experiment_id": "<experiment_id>"}),
    ok("get a deleted one", "GET", "experiments/get", {"experiment_id": "<deleted_experiment_id>"}),
    ok("get by name", "GET", "experiments/get-by-name", {"experiment_name": "<experiment_name>"}),
    ok("get a deleted one by name", "GET", "experiments/get-by-name",
       {"experiment_name": "<deleted_experiment_name>"}),
    missing("get by unknown name", "GET", "experiments/get-by-name", {"experiment_name": "<new>"}),
    invalid("get by no name", "GET", "experiments/get-by-name", {}),
    missing("update an unknown one", "POST", "experiments/update", {"experiment_id": "987654321", "new_name": "<new>"}),
    invalid("update without a name", "POST", "experiments/update", {"experiment_id": "<experiment_id>"}),
    bad("update to a taken name", "POST", "experiments/update",
        {"experiment_id": "<experiment_id>", "new_name": "Default"}),
    Case("update a deleted one", "POST", "experiments/update",
         {"experiment_id": "<deleted_experiment_id>", "new_name": "<new>"}, 500, "INVALID_STATE"),
    missing("delete an unknown one", "POST", "experiments/delete", {"experiment_id": "987654321"}),
    missing("delete a deleted one", "POST", "experiments/delete", {"experiment_id": "<deleted_experiment_id>"}),
    missing("restore an active one", "POST", "experiments/restore", {"experiment_id": "<experiment_id>"}),
    missing("restore an unknown one", "POST", "experiments/restore", {"experiment_id": "987654321"}),
    invalid("delete an id that is no number", "POST", "experiments/delete", {"experiment_id": "abc"}),
    ok("set a tag", "POST", "experiments/set-experiment-tag",
       {"experiment_id": "<experiment_id>", "key": "present", "value": "yes"}),
    invalid("set a tag without a key", "POST", "experiments/set-experiment-tag",
            {"experiment_id": "<experiment_id>", "value": "v"}),
    invalid("set a tag with a bad key", "POST", "experiments/set-experiment-tag",
            {"experiment_id": "<experiment_id>", "key": "a#b", "value": "v"}),
    invalid("set a tag with a key of 251", "POST", "experiments/set-experiment-tag",
            {"experiment_id": "<experiment_id>", "key": "k" * 251, "value": "v"}),
    invalid("set a tag with a value of 20001", "POST", "experiments/set-experiment-tag",
            {"experiment_id": "<experiment_id>", "key": "k", "value": "v" * 20001}),
    missing("set a tag of an unknown one", "POST", "experiments/set-experiment-tag",
            {"experiment_id": "987654321", "key": "k", "value": "v"}),
    invalid("set a tag of a deleted one", "POST", "experiments/set-experiment-tag",
            {"experiment_id": "<deleted_experiment_id>", "key": "k", "value": "v"}),
    missing("delete a missing tag", "POST", "experiments/delete-experiment-tag",
            {"experiment_id": "<experiment_id>", "key": "absent"}),
    missing("delete a tag of an unknown one", "POST", "experiments/delete-experiment-tag",
            {"experiment_id": "987654321", "key": "k"}),
]  # fmt: skip

RUNS = [
    ok("create", "POST", "runs/create", {"experiment_id": "<experiment_id>"}),
    ok("create with a name twice alike", "POST", "runs/create",
       {"experiment_id": "<experiment_id>", "run_name": "n", "tags": [{"key": "mlflow.runName", "value": "n"}]}),
    invalid("create with two names", "POST", "runs/create",
            {"experiment_id": "<experiment_id>", "run_name": "n", "tags": [{"key": "mlflow.runName", "value": "o"}]}),
    bad("create with a tag twice", "POST", "runs/create",
        {"experiment_id": "<experiment_id>", "tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]}),
    ok("create with a key that set-tag would refuse", "POST", "runs/create",
       {"experiment_id": "<experiment_id>", "tags": [{"key": "a#b", "value": "1"}]}),
    missing("create in an unknown experiment", "POST", "runs/create", {"experiment_id": "987654321"}),
    invalid("create in a deleted experiment", "POST", "runs/create", {"experiment_id": "<deleted_experiment_id>"}),
    invalid("create in an id that is no number", "POST", "runs/create", {"experiment_id": "abc"}),
    bad("create without an experiment", "POST", "runs/create", {}),
    ok("update a status by number", "POST", "runs/update", {"run_id": "<run_id>", "status": 1}),
    ok("update nothing", "POST", "runs/update", {"run_id": "<run_id>"}),
    ok("update by the older id name", "POST", "runs/update", {"run_uuid": "<run_id>"}),
    ok("update to an empty name", "POST", "runs/update", {"run_id": "<run_id>", "run_name": ""}),
    missing("update an unknown run", "POST", "runs/update", {"run_id": UNKNOWN_RUN, "status": "FAILED"}),
    invalid("update a deleted run", "POST", "runs/update", {"run_id": "<deleted_run_id>", "status": "FAILED"}),
    invalid("update no run", "POST", "runs/update", {"status": "FAILED"}),
    missing("delete an unknown run", "POST", "runs/delete", {"run_id": UNKNOWN_RUN}),
    ok("delete a deleted run", "POST", "runs/delete", {"run_id": "<deleted_run_id>"}),
    missing("restore an unknown run", "POST", "runs/restore", {"run_id": UNKNOWN_RUN}),
    ok("restore an active run", "POST", "runs/restore", {"run_id": "<run_id>"}),
]  # fmt: skip

METRICS = [
    ok("log", "POST", "runs/log-metric", metric()),
    ok("log by the older id name", "POST", "runs/log-metric",
       {"run_uuid": "<run_id>", "key": "m", "value": 1.0, "timestamp": 1}),
    ok("log NaN", "POST", "runs/log-metric", metric(key="nan", value="NaN")),
    ok("log Infinity", "POST", "runs/log-metric", metric(key="inf", value="Infinity")),
    ok("log -Infinity", "POST", "runs/log-metric", metric(key="inf", value="-Infinity")),
    ok("log a truth", "POST", "runs/log-metric", metric(key="truth", value=True)),
    ok("log a negative step", "POST", "runs/log-metric", metric(key="step", step=-7)),
    ok("log at time zero", "POST", "runs/log-metric", metric(key="zero", timestamp=0)),
    invalid("log without a key", "POST", "runs/log-metric", {"run_id": "<run_id>", "value": 1.0, "timestamp": 1}),
    invalid("log without a value", "POST", "runs/log-metric", {"run_id": "<run_id>", "key": "m", "timestamp": 1}),
    invalid("log without a time", "POST", "runs/log-metric", {"run_id": "<run_id>", "key": "m", "value": 1.0}),
    invalid("log at a negative time", "POST", "runs/log-metric", metric(timestamp=-1)),
    invalid("log null", "POST", "runs/log-metric", metric(value=None)),
    missing("log to an unknown run", "POST", "runs/log-metric", metric(run_id=UNKNOWN_RUN)),
    invalid("log to a deleted run", "POST", "runs/log-metric", metric(run_id="<deleted_run_id>")),
    bad("log for an unknown model", "POST", "runs/log-metric", metric(model_id=UNKNOWN_MODEL)),
    invalid("log for a dataset name without a digest", "POST", "runs/log-metric", metric(dataset_name="d")),
    invalid("log for a dataset digest without a name", "POST", "runs/log-metric", metric(dataset_digest="d")),
    invalid("log a batch for a dataset name without a digest", "POST", "runs/log-batch",
            {"run_id": "<run_id>", "metrics": [{"key": "m", "value": 1, "timestamp": 1, "dataset_name": "d"}]}),
]  # fmt: skip

PARAMS_AND_TAGS = [
    ok("log a param again", "POST", "runs/log-parameter", {"run_id": "<run_id>", "key": "fixed", "value": "1"}),
    ok("log a param by the older id name", "POST", "runs/log-parameter",
       {"run_uuid": "<run_id>", "key": "fixed", "value": "1"}),
    invalid("change a param", "POST", "runs/log-parameter", {"run_id": "<run_id>", "key": "fixed", "value": "2"}),
    invalid("log a param without a key", "POST", "runs/log-parameter", {"run_id": "<run_id>", "value": "2"}),
    missing("log a param to an unknown run", "POST", "runs/log-parameter",
            {"run_id": UNKNOWN_RUN, "key": "k", "value": "2"}),
    invalid("log a param to a deleted run", "POST", "runs/log-parameter",
            {"run_id": "<deleted_run_id>", "key": "k", "value": "2"}),
    ok("set a tag", "POST", "runs/set-tag", {"run_id": "<run_id>", "key": "present", "value": "yes"}),
    ok("set a tag by the older id name", "POST", "runs/set-tag",
       {"run_uuid": "<run_id>", "key": "present", "value": "yes"}),
    invalid("set a tag without a key", "POST", "runs/set-tag", {"run_id": "<run_id>", "value": "v"}),
    missing("set a tag of an unknown run", "POST", "runs/set-tag", {"run_id": UNKNOWN_RUN, "key": "k", "value": "v"}),
    invalid("set a tag of a deleted run", "POST", "runs/set-tag",
            {"run_id": "<deleted_run_id>", "key": "k", "value": "v"}),
    missing("delete a missing tag", "POST", "runs/delete-tag", {"run_id": "<run_id>", "key": "absent"}),
    missing("delete a tag of an unknown run", "POST", "runs/delete-tag", {"run_id": UNKNOWN_RUN, "key": "k"}),
    invalid("delete a tag of a deleted run", "POST", "runs/delete-tag", {"run_id": "<deleted_run_id>", "key": "k"}),
    missing("log a batch to an unknown run", "POST", "runs/log-batch", {"run_id": UNKNOWN_RUN}),
    invalid("log a batch to a deleted run", "POST", "runs/log-batch",
            {"run_id": "<deleted_run_id>", "tags": [{"key": "k", "value": "v"}]}),
    invalid("log a batch to no run", "POST", "runs/log-batch", {}),
]  # fmt: skip

INPUTS_AND_OUTPUTS = [
    ok("log no inputs", "POST", "runs/log-inputs", {"run_id": "<run_id>"}),
    missing("log inputs of an unknown run", "POST", "runs/log-inputs", {"run_id": UNKNOWN_RUN, "datasets": []}),
    invalid("log inputs of no run", "POST", "runs/log-inputs", {"datasets": []}),
    invalid("log inputs of a deleted run", "POST", "runs/log-inputs",
            {"run_id": "<deleted_run_id>",
             "datasets": [{"dataset": {"name": "n", "digest": "d", "source_type": "t", "source": "s"}}]}),
    invalid("log no outputs", "POST", "runs/outputs", {"run_id": "<run_id>"}),
    invalid("log outputs of no run", "POST", "runs/outputs", {"models": [{"model_id": "<model_id>", "step": 0}]}),
    missing("log outputs of an unknown run", "POST", "runs/outputs",
            {"run_id": UNKNOWN_RUN, "models": [{"model_id": "<model_id>", "step": 0}]}),
    invalid("log outputs of a deleted run", "POST", "runs/outputs",
            {"run_id": "<deleted_run_id>", "models": [{"model_id": "<model_id>", "step": 0}]}),
]  # fmt: skip

LOGGED_MODELS = [
    ok("create", "POST", "logged-models", {"experiment_id": "<experiment_id>"}),
    invalid("create without an experiment", "POST", "logged-models", {"name": "x"}),
    missing("create in an unknown experiment", "POST", "logged-models", {"experiment_id": "987654321"}),
    invalid("create in a deleted experiment", "POST", "logged-models", {"experiment_id": "<deleted_experiment_id>"}),
    ok("get", "GET", "logged-models/<model_id>", {}),
    missing("get an unknown one", "GET", f"logged-models/{UNKNOWN_MODEL}", {}),
    invalid("finalize without a status", "PATCH", "logged-models/<model_id>", {"model_id": "<model_id>"}),
    missing("finalize an unknown one", "PATCH", f"logged-models/{UNKNOWN_MODEL}",
            {"model_id": UNKNOWN_MODEL, "status": "LOGGED_MODEL_READY"}),
    ok("finalize by number", "PATCH", "logged-models/<model_id>", {"model_id": "<model_id>", "status": 1}),
    ok("tag", "PATCH", "logged-models/<model_id>/tags", {"tags": [{"key": "a", "value": "1"}]}),
    missing("tag an unknown one", "PATCH", f"logged-models/{UNKNOWN_MODEL}/tags", {"tags": [{"key": "a"}]}),
    missing("delete a missing tag", "DELETE", "logged-models/<model_id>/tags/absent", {}),
    missing("delete an unknown one", "DELETE", f"logged-models/{UNKNOWN_MODEL}", {}),
    bad("log a param again", "POST", "logged-models/<model_id>/params",
        {"model_id": "<model_id>", "params": [{"key": "fixed", "value": "1"}]}),
    missing("delete a tag of an unknown one", "DELETE", f"logged-models/{UNKNOWN_MODEL}/tags/k", {}),
    ok("log a param of any key", "POST", "logged-models/<model_id>/params",
       {"model_id": "<model_id>", "params": [{"key": "a?<new>"}]}),
    ok("log no param", "POST", "logged-models/<model_id>/params", {"model_id": "<model_id>"}),
    bad("log a param twice", "POST", "logged-models/<model_id>/params",
        {"model_id": "<model_id>", "params": [{"key": "d"}, {"key": "d"}]}),
    missing("log a param of an unknown one", "POST", f"logged-models/{UNKNOWN_MODEL}/params",
            {"model_id": UNKNOWN_MODEL, "params": [{"key": "d"}]}),
    ok("set a tag twice", "PATCH", "logged-models/<model_id>/tags", {"tags": [{"key": "a"}, {"key": "a"}]}),
    invalid("note no model", "POST", "runs/log-model", {"run_id": "<run_id>"}),
    invalid("note what is no JSON", "POST", "runs/log-model", {"run_id": "<run_id>", "model_json": "{"}),
    invalid("note a model without its fields", "POST", "runs/log-model", {"run_id": "<run_id>", "model_json": "{}"}),
    missing("note a model of an unknown run", "POST", "runs/log-model",
            {"run_id": UNKNOWN_RUN, "model_json": NOTED}),
    invalid("note a model of a deleted run", "POST", "runs/log-model",
            {"run_id": "<deleted_run_id>", "model_json": NOTED}),
]  # fmt: skip


@pytest.mark.parametrize("case", EXPERIMENTS, ids=str)
def test_experiment(rest: Rest, subjects: Subjects, case: Case) -> None:
    assert_answer(send(rest, case, subjects), case)


@pytest.mark.parametrize("case", RUNS, ids=str)
def test_run(rest: Rest, subjects: Subjects, case: Case) -> None:
    assert_answer(send(rest, case, subjects), case)


@pytest.mark.parametrize("case", METRICS, ids=str)
def test_metric(rest: Rest, subjects: Subjects, case: Case) -> None:
    assert_answer(send(rest, case, subjects), case)


@pytest.mark.parametrize("case", PARAMS_AND_TAGS, ids=str)
def test_param_or_tag(rest: Rest, subjects: Subjects, case: Case) -> None:
    assert_answer(send(rest, case, subjects), case)


@pytest.mark.parametrize("case", INPUTS_AND_OUTPUTS, ids=str)
def test_input_or_output(rest: Rest, subjects: Subjects, case: Case) -> None:
    assert_answer(send(rest, case, subjects), case)


@pytest.mark.parametrize("case", LOGGED_MODELS, ids=str)
def test_logged_model(rest: Rest, subjects: Subjects, case: Case) -> None:
    assert_answer(send(rest, case, subjects), case)


KEYED_WRITES = [
    ("runs/log-metric", {"run_id": "<run_id>", "value": 1.0, "timestamp": 1}),
    ("runs/log-parameter", {"run_id": "<run_id>", "value": "v"}),
    ("runs/set-tag", {"run_id": "<run_id>", "value": "v"}),
    ("experiments/set-experiment-tag", {"experiment_id": "<experiment_id>", "value": "v"}),
]
BAD_KEYS = [
    *("/a", "a/", "a//b", "./a", "a/./b", "../a", "a/../b", ".", "..", "a#b", "a?b", "a%b", "a,b", "a;b", "a\\b"),
    *("a\tb", "a\nb", "k" * 251),
]


@pytest.mark.parametrize("key", BAD_KEYS, ids=lambda key: repr(key)[:20])
@pytest.mark.parametrize(("path", "body"), KEYED_WRITES, ids=[path.rpartition("/")[2] for path, _ in KEYED_WRITES])
def test_a_bad_key_is_refused(rest: Rest, subjects: Subjects, path: str, body: dict[str, object], key: str) -> None:
    case = invalid("bad key", "POST", path, {**body, "key": key})
    assert_answer(send(rest, case, subjects), case)
