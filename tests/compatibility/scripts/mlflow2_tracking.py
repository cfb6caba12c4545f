"""The tracking calls of an MLflow 2 client, skinny: no pandas, no NumPy; prints what the script can see."""

import json
import math
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException

client = MlflowClient()
name = f"mlflow 2 {time.time_ns()}"
experiment = mlflow.set_experiment(name)
experiment_id = experiment.experiment_id
client.set_experiment_tag(experiment_id, "team", "red")

with mlflow.start_run(run_name="outer") as run:
    mlflow.log_param("lr", 0.1)
    mlflow.log_params({"depth": 3, "kind": "tree"})
    for step in range(5):
        mlflow.log_metric("loss", 1 / (1 + step), step=step)
    mlflow.log_metrics({"nan": math.nan, "inf": math.inf})
    mlflow.set_tags({"a": "1", "b": "2"})
    mlflow.delete_tag("b")
    mlflow.log_text("words", "notes/words.txt")
    mlflow.log_dict({"a": 1}, "data.json")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "with space.bin").write_bytes(b"\x00\x01")
        mlflow.log_artifacts(folder, "folder")
    with mlflow.start_run(run_name="inner", nested=True) as inner:
        mlflow.log_metric("loss", 0.01)
run_id = run.info.run_id

client.log_batch(
    run_id, metrics=[Metric("batch", 1.5, 1, 0)], params=[Param("batch", "x")], tags=[RunTag("batch", "y")]
)
client.log_inputs(
    run_id, [DatasetInput(Dataset("iris", "d", "local", "{}"), [InputTag("mlflow.data.context", "training")])]
)
refused: dict[str, Callable[[], object]] = {
    "param": lambda: client.log_param(run_id, "lr", 0.2),
    "experiment": lambda: client.create_experiment(name),
    "run": lambda: client.get_run("0" * 32),
    "filter": lambda: client.search_runs([experiment_id], "metrics.loss OR"),
}
refusals = {}
for what, call in refused.items():
    try:
        call()
    except MlflowException as refusal:
        refusals[what] = refusal.error_code

spare = client.create_run(experiment_id)
client.delete_run(spare.info.run_id)
deleted = client.search_runs([experiment_id], run_view_type=ViewType.DELETED_ONLY)
client.restore_run(spare.info.run_id)
client.set_terminated(spare.info.run_id, "KILLED")

pages, token = [], None
while True:
    page = client.search_runs([experiment_id], max_results=1, order_by=["metrics.loss ASC"], page_token=token)
    pages += [found.info.run_name for found in page]
    token = page.token
    if not token:
        break

client.rename_experiment(experiment_id, f"{name} renamed")
data = client.get_run(run_id).data
with tempfile.TemporaryDirectory() as folder:
    fetched = Path(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="folder", dst_path=folder))
    content = (fetched / "with space.bin").read_bytes()
    words = mlflow.artifacts.load_text(f"runs:/{run_id}/notes/words.txt")
parent, inputs = client.get_parent_run(inner.info.run_id), client.get_run(run_id).inputs
assert inputs is not None
json.dump(
    {
        "version": mlflow.__version__,
        "params": data.params,
        "metrics": {key: str(value) for key, value in data.metrics.items()},
        "tags": {key: value for key, value in data.tags.items() if not key.startswith("mlflow.")},
        "loss": [(m.step, m.value) for m in client.get_metric_history(run_id, "loss")],
        "status": client.get_run(run_id).info.status,
        "parent": parent is not None and parent.info.run_id == run_id,
        "dataset": inputs.dataset_inputs[0].dataset.name,
        "refusals": refusals,
        "deleted": [found.info.run_id for found in deleted] == [spare.info.run_id],
        "spare_status": client.get_run(spare.info.run_id).info.status,
        "pages": pages[:2],
        "page_count": len(pages),
        "found": [
            found.info.run_name
            for found in client.search_runs([experiment_id], "metrics.loss < 0.3 AND params.kind = 'tree'")
        ],
        "experiment": [e.tags["team"] for e in client.search_experiments(filter_string=f"name = '{name} renamed'")],
        "files": sorted(f.path for f in client.list_artifacts(run_id)),
        "words": words,
        "content": list(content),
    },
    sys.stdout,
)
