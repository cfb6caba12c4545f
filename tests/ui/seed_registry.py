"""Fills the registry of a server through the stock client, as `python -m tests.ui.seed_registry URL`.

Prints what it made as JSON. A process of its own, as that of `seed`.
"""

import json
import logging
import sys
import uuid
from dataclasses import asdict, dataclass
from tempfile import TemporaryDirectory

import mlflow
import mlflow.genai
from mlflow import MlflowClient
from sklearn.linear_model import LinearRegression

from tests.ui.seed import train_model


@dataclass(frozen=True, slots=True)
class SeededRegistry:
    """Names and ids of what the tests look for."""

    experiment_id: str  # has two runs, each of which logged a model
    run_ids: list[str]
    model_ids: list[str]
    model_name: str  # a registered model of two versions; the first has an alias and a tag
    prompt_name: str  # of two versions, the first of which has an alias; registered in the experiment
    chat_name: str  # a prompt of messages
    saved_run_id: str  # has a model among its artifacts


def seed_registry(url: str) -> SeededRegistry:
    """Register two versions of a model and of a prompt on the server at `url`."""
    mlflow.set_tracking_uri(url)
    client = MlflowClient(url)
    mark = uuid.uuid4().hex[:8]
    model_name, prompt_name, chat_name = f"iris-{mark}", f"greeting-{mark}", f"chat-{mark}"
    experiment_id = mlflow.set_experiment(f"registry-{mark}").experiment_id
    trained = [train_model(experiment_id) for _ in range(2)]
    saved_run_id = save_model(experiment_id)
    for number, (_, model_id) in enumerate(trained, 1):
        mlflow.register_model(f"models:/{model_id}", model_name, tags={"number": str(number)})
    client.update_registered_model(model_name, "Tells *irises* apart.")
    client.set_registered_model_alias(model_name, "champion", "1")
    mlflow.genai.register_prompt(prompt_name, "Hello {{name}}!", commit_message="first", tags={"author": "ada"})
    mlflow.genai.register_prompt(prompt_name, "Good day {{name}}, how are you?", commit_message="politer")
    mlflow.genai.set_prompt_alias(prompt_name, "production", 1)
    messages = [{"role": "system", "content": "You are kind."}, {"role": "user", "content": "{{question}}"}]
    mlflow.genai.register_prompt(chat_name, messages)
    with mlflow.start_run(run_name="asks-prompt"):
        mlflow.genai.load_prompt(f"prompts:/{prompt_name}/1")
    return SeededRegistry(
        experiment_id=experiment_id,
        run_ids=[run_id for run_id, _ in trained],
        model_ids=[model_id for _, model_id in trained],
        model_name=model_name,
        prompt_name=prompt_name,
        chat_name=chat_name,
        saved_run_id=saved_run_id,
    )


def save_model(experiment_id: str) -> str:
    """Save a small model among the artifacts of a run, as its own files, and return the id of the run."""
    model = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
    with mlflow.start_run(experiment_id=experiment_id, run_name="saves-model") as run, TemporaryDirectory() as folder:
        mlflow.sklearn.save_model(model, f"{folder}/line", pip_requirements=["scikit-learn"])
        mlflow.log_artifacts(f"{folder}/line", "line")
    return str(run.info.run_id)


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    json.dump(asdict(seed_registry(sys.argv[1])), sys.stdout)
