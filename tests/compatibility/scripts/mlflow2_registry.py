"""The registry's calls of an MLflow 2 client, skinny: no pandas, no NumPy, so no model runs; prints what was seen."""

import json
import sys
import tempfile
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import Model

warnings.simplefilter("ignore", FutureWarning)  # stages are deprecated

client = MlflowClient()
mark = uuid.uuid4().hex[:12]
name, copied, prompt = f"model-{mark}", f"copied-{mark}", f"prompt-{mark}"

with mlflow.start_run() as run, tempfile.TemporaryDirectory() as folder:
    described = Model(artifact_path="model", run_id=run.info.run_id)
    described.add_flavor("words", said="hello")
    described.save(Path(folder) / "MLmodel")
    (Path(folder) / "words.txt").write_text("hello")
    mlflow.log_artifacts(folder, "model")
uri = f"runs:/{run.info.run_id}/model"
versions = [mlflow.register_model(uri, name, tags={"number": str(number)}) for number in (1, 2, 3)]
client.set_registered_model_alias(name, "champion", "2")
client.transition_model_version_stage(name, "1", "Production")
client.transition_model_version_stage(name, "3", "Production", archive_existing_versions=True)
client.update_model_version(name, "1", "the first")
client.set_model_version_tag(name, "1", "checked", "yes")
client.set_registered_model_tag(name, "team", "red")
copy = client.copy_model_version(f"models:/{name}@champion", copied)


def words(of: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        fetched = Path(mlflow.artifacts.download_artifacts(of, dst_path=folder))
        return (fetched / "words.txt").read_text()


refused: dict[str, Callable[[], object]] = {
    "taken": lambda: client.create_registered_model(name),
    "unknown model": lambda: client.get_registered_model("never-made"),
    "unknown version": lambda: client.get_model_version(name, "9"),
    "unknown alias": lambda: client.get_model_version_by_alias(name, "never"),
    "filter": lambda: client.search_registered_models("name OR"),
    "source": lambda: client.create_model_version(name, "/etc/passwd"),
}
refusals = {}
for what, call in refused.items():
    try:
        call()
    except MlflowException as refusal:
        refusals[what] = refusal.error_code

mlflow.register_prompt(prompt, "Hello {{name}}!", commit_message="first")
mlflow.register_prompt(prompt, "Hi {{name}}!")
client.set_prompt_alias(prompt, "production", 1)

model = client.get_registered_model(name)
seen = {
    "version": mlflow.__version__,
    "numbers": [version.version for version in versions],
    "sources": {version.source for version in versions} == {f"{run.info.artifact_uri}/model"},
    "run": {version.run_id for version in versions} == {run.info.run_id},
    "stages": [client.get_model_version(name, str(number)).current_stage for number in (1, 2, 3)],
    "aliases": model.aliases,
    "tags": model.tags,
    "first": [client.get_model_version(name, "1").description, client.get_model_version(name, "1").tags],
    "latest": sorted(version.version for version in client.get_latest_versions(name)),
    "copy": [copy.name, copy.version, copy.source] == [copied, "1", f"models:/{name}/2"],
    "words": [
        words(of)
        for of in (
            f"models:/{name}/1",
            f"models:/{name}@champion",
            f"models:/{name}/latest",
            f"models:/{name}/Production",
            f"models:/{copied}/1",
        )
    ],
    "found": [found.name for found in client.search_registered_models(f"name LIKE '%{mark}' AND tags.team = 'red'")]
    == [name],
    "versions_found": [
        found.version for found in client.search_model_versions(f"name = '{name}'", order_by=["version_number ASC"])
    ],
    "refusals": refusals,
    "prompts": [
        mlflow.load_prompt(prompt, version=2).template,
        mlflow.load_prompt(f"prompts:/{prompt}@production").template,
    ],
}
client.delete_model_version(name, "2")
seen["after_delete"] = client.get_registered_model(name).aliases
client.rename_registered_model(name, f"{name}-renamed")
seen["renamed"] = client.get_registered_model(f"{name}-renamed").name == f"{name}-renamed"
client.delete_registered_model(f"{name}-renamed")
seen["left"] = [found.name for found in client.search_registered_models(f"name LIKE '%{mark}%'")] == [copied]
json.dump(seen, sys.stdout)
