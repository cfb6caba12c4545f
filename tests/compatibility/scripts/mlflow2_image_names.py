"""What the MLflow 2 client makes of the names of images that it logs at steps, on their way up and down; as JSON.

`log_image` itself needs NumPy, which the skinny client comes without: the names are made as it makes them.
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
import requests
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.utils.uri import validate_path_is_safe

MOST_STEPS = int(sys.argv[1])
SENT = [20, 25, 37, 99, 100, 999, 2520, 23, 230]


def names(step: int) -> list[str]:
    name = f"images/loss curve%step%{step}%timestamp%1700000000000%g{step:07}-4567"
    return [f"{name}.png", f"{name}%compressed.webp"]


def asked(name: str) -> str | None:
    try:
        return str(validate_path_is_safe(name))
    except mlflow.MlflowException:
        return None


def url(path: str) -> str:
    return str(requests.Request("PUT", f"http://host/root/{path}").prepare().url).removeprefix("http://host/root/")


with mlflow.start_run() as run:
    for step in SENT:
        for name in names(step):
            mlflow.log_text(name, name)
    with TemporaryDirectory() as folder:
        fetched = Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, dst_path=folder))
        down = sorted(path.read_text() for path in fetched.rglob("*") if path.is_file())
    repository = get_artifact_repository(run.info.artifact_uri)
    alone = []
    for step in SENT:
        with TemporaryDirectory() as folder:
            alone.append(Path(repository.download_artifacts(names(step)[0], folder)).read_text())
json.dump(
    {
        "down": down,
        "sent": sorted(name for step in SENT for name in names(step)),
        "alone": alone,
        "asked_alone": [names(step)[0] for step in SENT],
        # Name by name: the URL of its upload, what a listing makes the client ask for, and the URL of that.
        "names": [
            [name, url(name), told, None if told is None else url(f"images/{told}")]
            for step in range(MOST_STEPS + 1)
            for name in names(step)
            for told in [asked(name.removeprefix("images/"))]
        ],
    },
    sys.stdout,
)
