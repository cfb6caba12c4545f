"""What a training script does, begun while the server is away: nothing of it may fail, and nothing be done twice.

Makes the file that it is given when it begins, and prints what it made. The client's own patience is the only one.
"""

import json
import sys
import time
from pathlib import Path

import mlflow
from mlflow import MlflowClient

client = MlflowClient()
Path(sys.argv[1]).touch()
name = f"through an outage {time.time_ns()}"
experiment_id = client.create_experiment(name)
with mlflow.start_run(experiment_id=experiment_id, run_name="patient") as run:
    mlflow.log_metric("loss", 0.5, step=1)
    mlflow.log_param("lr", 0.1)
    mlflow.log_metrics({"a": 1.0, "b": 2.0}, step=2)
    mlflow.log_params({"x": 1, "y": 2})
    mlflow.set_tag("team", "red")
    mlflow.set_tags({"p": "1", "q": "2"})
    model = client.create_logged_model(experiment_id, name="m")

made = {"experiment": name, "run_id": run.info.run_id, "model_id": model.model_id}
json.dump({"version": mlflow.__version__, **made}, sys.stdout)
