"""A training by hand with nested runs, inputs, artifacts and a system tag or two; prints what the script can see."""

import json
import math
import sys
import tempfile
from pathlib import Path

import mlflow
import pandas as pd

experiment = mlflow.set_experiment("fluent training")
frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [2.0, 4.0, 6.0]})

with mlflow.start_run(run_name="parent", tags={"purpose": "search"}, description="a *search* over depth") as parent:
    mlflow.log_params({"folds": 3, "metric": "rmse"})
    dataset = mlflow.data.from_pandas(frame, name="line", targets="y")  # type: ignore[attr-defined]  # put there by MLflow
    mlflow.log_input(dataset, context="training", tags={"split": "all"})
    for depth in range(3):
        with mlflow.start_run(run_name=f"depth {depth}", nested=True):
            mlflow.log_param("depth", depth)
            for step in range(4):
                mlflow.log_metrics({"rmse": 1.0 / (1 + step + depth), "step squared": step**2}, step=step)
    mlflow.log_metric("diverged", math.nan)
    mlflow.log_metric("unbounded", math.inf)
    mlflow.log_text("some words", "notes/words.txt")
    mlflow.log_dict({"best": {"depth": 2}}, "best.json")
    mlflow.log_table({"x": [1, 2], "y": ["a", "b"]}, "table.json")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sub").mkdir()
        (Path(folder) / "sub" / "data.bin").write_bytes(b"\x00\x01")
        mlflow.log_artifacts(folder, artifact_path="folder")

failed_run_id = ""
try:
    with mlflow.start_run(run_name="fails") as failed:
        failed_run_id = failed.info.run_id
        raise ValueError("as intended")
except ValueError:
    pass

with mlflow.start_run(run_id=parent.info.run_id):
    mlflow.log_metric("resumed", 1.0)

children = mlflow.search_runs(
    experiment_ids=[experiment.experiment_id],
    filter_string=f"tags.mlflow.parentRunId = '{parent.info.run_id}'",
    order_by=["metrics.rmse ASC"],
)
root = f"runs:/{parent.info.run_id}"
json.dump(
    {
        "experiment_id": experiment.experiment_id,
        "parent_run_id": parent.info.run_id,
        "failed_run_id": failed_run_id,
        "children_depths": children["params.depth"].tolist(),
        "children_rmse": children["metrics.rmse"].tolist(),
        "children_status": sorted(set(children["status"])),
        "words": mlflow.artifacts.load_text(f"{root}/notes/words.txt"),
        "best": mlflow.artifacts.load_dict(f"{root}/best.json"),
        "table": mlflow.load_table("table.json", run_ids=[parent.info.run_id]).to_dict("list"),
        "files": sorted(f.path for f in mlflow.artifacts.list_artifacts(run_id=parent.info.run_id)),
    },
    sys.stdout,
)
