"""Fills a server through the stock MLflow client, as `python -m tests.ui.seed URL`, and prints what it made as JSON.

A process of its own, so that the client's settings, caches and warnings stay out of the test run.
"""

import json
import logging
import math
import sys
import time
import uuid
from dataclasses import asdict, dataclass

import mlflow
import numpy
from mlflow import MlflowClient
from mlflow.data.numpy_dataset import from_numpy
from mlflow.entities import Metric, RunTag
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

DEFAULT_EXPERIMENT_ID = "0"
STEPS = 40
TEXT = "a note written by a training run"
DOCUMENT = {"greeting": "a document written by a training run", "numbers": [1, 2, 3]}
IMAGE_SIDE_PIXELS = 64


@dataclass(frozen=True, slots=True)
class Seeded:
    """Names and ids of what the tests look for."""

    experiment_id: str
    experiment_name: str
    other_experiment_id: str
    other_experiment_name: str
    good_run_id: str  # model = a, acc = 0.9: has artifacts, system metrics and a child
    poor_run_id: str  # model = a, acc = 0.3
    other_run_id: str  # model = b, acc = 0.8
    child_run_id: str  # nested below the good run
    doomed_run_id: str  # in the other experiment, for the test that deletes it
    misnamed_run_id: str  # in the default experiment, for the test that renames it
    trained_run_id: str  # has a dataset and logged the model
    model_id: str


def log_training(client: MlflowClient, run_id: str, model: str, accuracy: float) -> None:
    """Log the params, the metrics with their steps, and a tag of one run."""
    now_ms = int(time.time() * 1000)
    metrics = [
        Metric(key, value, now_ms + 1000 * step, step)
        for step in range(STEPS)
        for key, value in (("loss", math.exp(-step / 10)), ("acc", accuracy * (step + 1) / STEPS))
    ]
    client.log_param(run_id, "model", model)
    client.log_param(run_id, "depth", len(model) + STEPS)
    client.log_batch(run_id, metrics=metrics, tags=[RunTag("stage", "exploration")])


def log_artifacts(client: MlflowClient, run_id: str) -> None:
    """Log a text, a document and a picture."""
    shades = numpy.linspace(0, 255, IMAGE_SIDE_PIXELS, dtype=numpy.uint8)
    picture = numpy.stack([numpy.tile(shades, (IMAGE_SIDE_PIXELS, 1))] * 3, axis=-1)
    client.log_text(run_id, TEXT, "notes/note.txt")
    client.log_dict(run_id, DOCUMENT, "document.json")
    client.log_image(run_id, picture, "picture.png")


def log_system_metrics(client: MlflowClient, run_id: str) -> None:
    """Log metrics under the names that the client's own system monitor uses."""
    now_ms = int(time.time() * 1000)
    key = "system/cpu_utilization_percentage"
    client.log_batch(run_id, metrics=[Metric(key, 10.0 + step, now_ms + 1000 * step, step) for step in range(STEPS)])


def train_model(experiment_id: str) -> tuple[str, str]:
    """Fit a small model, log it with its dataset, and return the ids of its run and of itself."""
    features = numpy.array([[0.0], [1.0], [2.0], [3.0]])
    labels = numpy.array([0, 0, 1, 1])
    with mlflow.start_run(experiment_id=experiment_id, run_name="trained-model") as run:
        model = LogisticRegression().fit(features, labels)
        mlflow.log_input(from_numpy(features, targets=labels, name="tiny"), context="training")
        mlflow.log_metric("score", model.score(features, labels))
        info = mlflow.sklearn.log_model(
            model,
            name="classifier",
            signature=infer_signature(features, labels),
            pip_requirements=["scikit-learn"],  # inferring them would start a second Python
        )
    return run.info.run_id, info.model_id


def seed(url: str) -> Seeded:
    """Create two experiments and their runs on the server at `url`."""
    mlflow.set_tracking_uri(url)
    client = MlflowClient(url)
    mark = uuid.uuid4().hex[:8]
    experiment_name, other_experiment_name = f"alpha-{mark}", f"beta-{mark}"
    experiment_id = client.create_experiment(experiment_name)
    other_experiment_id = client.create_experiment(other_experiment_name)

    def run(name: str, **tags: str) -> str:
        run_id: str = client.create_run(experiment_id, run_name=name, tags=tags).info.run_id
        return run_id

    good, poor, other = run("good-run"), run("poor-run"), run("other-run")
    child = run("child-run", **{"mlflow.parentRunId": good})
    for run_id, model, accuracy in ((good, "a", 0.9), (poor, "a", 0.3), (other, "b", 0.8), (child, "c", 0.1)):
        log_training(client, run_id, model, accuracy)
    log_artifacts(client, good)
    # The page's comparison of artifacts breaks, on any server, when one of the runs has none.
    client.log_dict(poor, {"greeting": "another document"}, "document.json")
    log_system_metrics(client, good)
    for run_id in (good, poor, other, child):
        client.set_terminated(run_id)
    trained, model_id = train_model(experiment_id)
    doomed = client.create_run(other_experiment_id, run_name="doomed-run").info.run_id
    client.set_terminated(doomed)
    misnamed = client.create_run(DEFAULT_EXPERIMENT_ID, run_name="misnamed-run").info.run_id
    return Seeded(
        experiment_id=experiment_id,
        experiment_name=experiment_name,
        other_experiment_id=other_experiment_id,
        other_experiment_name=other_experiment_name,
        good_run_id=good,
        poor_run_id=poor,
        other_run_id=other,
        child_run_id=child,
        doomed_run_id=doomed,
        misnamed_run_id=misnamed,
        trained_run_id=trained,
        model_id=model_id,
    )


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    json.dump(asdict(seed(sys.argv[1])), sys.stdout)
