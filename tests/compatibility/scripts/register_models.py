"""Register one small model in every way that a training has, and load it by every kind of URI; prints what was seen.

Its argument is an empty folder that the model is saved in.
"""

import json
import sys
import uuid
from collections.abc import Callable
from typing import Any

import mlflow
import mlflow.pyfunc
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.pyfunc.model import PythonModel

client = MlflowClient()
mark = uuid.uuid4().hex[:12]
logged, of_run, of_model, copied = (f"{kind}-{mark}" for kind in ("logged", "of-run", "of-model", "copied"))


class Doubling(PythonModel):
    """Twice what it is given."""

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        return [2 * number for number in model_input]


def loads(uri: str) -> bool:
    """Whether what `uri` names doubles."""
    return bool(mlflow.pyfunc.load_model(uri).predict([1.0, 2.0]) == [2.0, 4.0])


def refusal(call: Callable[[], Any]) -> str:
    try:
        call()
    except MlflowException as refused:
        return str(refused.error_code)
    return "accepted"


with mlflow.start_run() as run:
    info = mlflow.pyfunc.log_model(
        name="doubling", python_model=Doubling(), pip_requirements=[], registered_model_name=logged
    )
    mlflow.pyfunc.save_model(sys.argv[1], python_model=Doubling(), pip_requirements=[])
    mlflow.log_artifacts(sys.argv[1], "by-hand")
run_id = run.info.run_id

by_name = mlflow.register_model(f"runs:/{run_id}/doubling", of_run, tags={"from": "a run"})
by_path = mlflow.register_model(f"runs:/{run_id}/by-hand", of_run)
by_model = mlflow.register_model(f"models:/{info.model_id}", of_model, tags={"from": "a model"})

client.set_registered_model_alias(of_run, "champion", "2")
client.transition_model_version_stage(of_run, "1", "Production")
copies = [
    client.copy_model_version(f"models:/{of_run}/1", copied),
    client.copy_model_version(f"models:/{of_run}@champion", copied),
]
uris = [
    f"models:/{info.model_id}",
    f"models:/{logged}/1",
    f"models:/{of_run}/1",
    f"models:/{of_run}@champion",
    f"models:/{of_run}/latest",
    f"models:/{of_run}/Production",
    f"models:/{of_model}/1",
    f"models:/{copied}/1",
    f"models:/{copied}/2",
]
loaded = {uri: loads(uri) for uri in uris}

client.delete_registered_model(of_run)
json.dump(
    {
        "run_id": run_id,
        "model_id": info.model_id,
        "artifacts": run.info.artifact_uri,
        "names": {"logged": logged, "of_run": of_run, "of_model": of_model, "copied": copied},
        "registered_version": info.registered_model_version,
        "versions": {
            "by name": {"version": by_name.version, "source": by_name.source, "tags": by_name.tags},
            "by path": {"version": by_path.version, "source": by_path.source, "tags": by_path.tags},
            "by model": {"version": by_model.version, "source": by_model.source, "tags": by_model.tags},
        },
        "run_ids": [version.run_id for version in (by_name, by_path, by_model)],
        "copies": [{"version": copy.version, "source": copy.source, "run_id": copy.run_id} for copy in copies],
        "loaded": loaded,
        "copies_outlive_their_source": all(loads(f"models:/{copied}/{number}") for number in (1, 2)),
        "gone": refusal(lambda: mlflow.pyfunc.load_model(f"models:/{of_run}/1")),
        "model_versions_tag": json.loads(client.get_logged_model(info.model_id).tags["mlflow.modelVersions"]),
    },
    sys.stdout,
)
