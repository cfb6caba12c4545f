"""What is done with prompts through `mlflow.genai`; prints what was seen."""

import json
import sys
import uuid
from collections.abc import Callable
from typing import Any

import mlflow
import mlflow.genai
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

client = MlflowClient()
mark = uuid.uuid4().hex[:12]
greeting, chat, fleeting, model = f"greeting-{mark}", f"chat-{mark}", f"fleeting-{mark}", f"model-{mark}"
experiment_id = mlflow.set_experiment(f"prompts {mark}").experiment_id
MESSAGES = [{"role": "system", "content": "You are {{mood}}."}, {"role": "user", "content": "{{question}}"}]
FORMAT = {"type": "object", "properties": {"answer": {"type": "string"}}}


def refusal(call: Callable[[], Any]) -> str:
    try:
        call()
    except MlflowException as refused:
        return str(refused.error_code)
    return "accepted"


def shown(prompt: Any) -> dict[str, Any]:
    """What a person sees of a version of a prompt."""
    return {
        "version": prompt.version,
        "template": prompt.template,
        "message": prompt.commit_message,
        "tags": prompt.tags,
        "response_format": prompt.response_format,
        "model_config": prompt.model_config,
        "variables": sorted(prompt.variables),
        "aliases": sorted(prompt.aliases),
    }


seen: dict[str, Any] = {}
first = mlflow.genai.register_prompt(greeting, "Hello {{name}}!", commit_message="first", tags={"author": "ada"})
second = mlflow.genai.register_prompt(
    greeting,
    "Good day {{name}}.",
    commit_message="politer",
    tags={"author": "bob"},
    model_config={"model_name": "m", "temperature": 0.5},
)
talk = mlflow.genai.register_prompt(chat, MESSAGES, response_format=FORMAT)
seen["first"], seen["second"], seen["chat"] = shown(first), shown(second), shown(talk)

mlflow.genai.set_prompt_alias(greeting, "production", 1)
seen["by_version"] = shown(mlflow.genai.load_prompt(greeting, version=2))
seen["by_alias"] = shown(mlflow.genai.load_prompt(f"prompts:/{greeting}@production"))
seen["by_uri"] = shown(mlflow.genai.load_prompt(f"prompts:/{greeting}/1"))
seen["latest"] = shown(mlflow.genai.load_prompt(f"prompts:/{greeting}@latest"))
seen["loaded_chat"] = shown(mlflow.genai.load_prompt(chat))
seen["formatted"] = mlflow.genai.load_prompt(greeting, version=1).format(name="Eve")
seen["missing"] = [
    mlflow.genai.load_prompt(greeting, version=9, allow_missing=True),
    mlflow.genai.load_prompt(fleeting, allow_missing=True),
]
mlflow.genai.set_prompt_alias(greeting, "production", 2)
seen["moved_alias"] = mlflow.genai.load_prompt(f"prompts:/{greeting}@production", cache_ttl_seconds=0).version
mlflow.genai.delete_prompt_alias(greeting, "production")
seen["deleted_alias"] = refusal(
    lambda: mlflow.genai.load_prompt(f"prompts:/{greeting}@production", cache_ttl_seconds=0)
)

mlflow.genai.set_prompt_tag(greeting, "team", "red")
mlflow.genai.set_prompt_tag(greeting, "spare", "1")
mlflow.genai.delete_prompt_tag(greeting, "spare")
mlflow.genai.set_prompt_version_tag(greeting, 1, "checked", "yes")
mlflow.genai.set_prompt_version_tag(greeting, 1, "spare", "1")
mlflow.genai.delete_prompt_version_tag(greeting, 1, "spare")
mlflow.genai.set_prompt_model_config(greeting, 1, {"model_name": "n", "max_tokens": 7})
seen["tags"] = client.get_prompt(greeting).tags
seen["version_tags"] = client.get_prompt_version(greeting, 1).tags
seen["model_config"] = client.get_prompt_version(greeting, 1).model_config
mlflow.genai.delete_prompt_model_config(greeting, 1)
seen["no_model_config"] = client.get_prompt_version(greeting, 1).model_config

seen["found"] = sorted(one.name for one in mlflow.genai.search_prompts(f"name LIKE '%{mark}'"))
seen["found_by_tag"] = [one.name for one in mlflow.genai.search_prompts(f"tags.team = 'red' AND name LIKE '%{mark}'")]
page = client.search_prompts(f"name LIKE '%{mark}'", max_results=1)
seen["pages"] = [one.name for one in page]
page = client.search_prompts(f"name LIKE '%{mark}'", max_results=1, page_token=page.token)
seen["pages"] += [one.name for one in page]
seen["versions_found"] = [one.version for one in client.search_prompt_versions(greeting)]

with mlflow.start_run() as run:
    mlflow.genai.load_prompt(f"prompts:/{greeting}/1")
    mlflow.genai.load_prompt(f"prompts:/{chat}/1")
seen["linked"] = json.loads(client.get_run(run.info.run_id).data.tags["mlflow.linkedPrompts"])

client.create_registered_model(model)
seen["clashes"] = {
    "a prompt named as a model": refusal(lambda: mlflow.genai.register_prompt(model, "x")),
    "a model named as a prompt": refusal(lambda: client.create_registered_model(greeting)),
    "a prompt read as a model": refusal(lambda: client.get_registered_model(greeting)),
    "a version read as a model's": refusal(lambda: client.get_model_version(greeting, "1")),
}
seen["models_found"] = [one.name for one in client.search_registered_models(f"name LIKE '%{mark}'")]
seen["model_versions_found"] = [one.name for one in client.search_model_versions(f"name LIKE '%{mark}'")]

client.delete_prompt_version(greeting, "1")
seen["versions_left"] = [one.version for one in client.search_prompt_versions(greeting)]
seen["deleted_version"] = mlflow.genai.load_prompt(greeting, version=1, allow_missing=True, cache_ttl_seconds=0)
mlflow.genai.register_prompt(fleeting, "x")
for version in client.search_prompt_versions(fleeting):
    client.delete_prompt_version(fleeting, str(version.version))
client.delete_prompt(fleeting)
seen["deleted_prompt"] = client.get_prompt(fleeting)
seen["names"] = {"greeting": greeting, "chat": chat, "model": model, "fleeting": fleeting}
seen["experiment_id"] = experiment_id
json.dump(seen, sys.stdout)
