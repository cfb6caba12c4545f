"""What webhooks are sent, byte for byte, whatever the server: a real MLflow must be started with
MLFLOW_WEBHOOK_ALLOWED_SCHEMES=http,https, MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS=true and MLFLOW_WEBHOOK_CACHE_TTL=0.
"""

import base64
import hashlib
import hmac
import re
import uuid
from collections.abc import Iterator
from typing import Any, Final

import pytest

from schemas.webhook_events import MLFLOW_PAIRS
from tests.compatibility.conftest import fresh_name
from tests.compatibility.rest import Rest
from tests.eventually import wait_until
from tests.services.webhook_receiver import Received, WebhookReceiver

SECRET: Final = "grün: a secret"
MARK: Final = {"key": "mlflow.prompt.is_prompt", "value": "true"}


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebhookReceiver]:
    with WebhookReceiver(tmp_path_factory.mktemp("receiver")) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def path(rest: Rest, receiver: WebhookReceiver) -> Iterator[str]:
    """The path at the receiver that a webhook for everything of MLflow's leads to."""
    path = f"/200/{uuid.uuid4().hex}"
    events = [{"entity": entity, "action": action} for entity, action in MLFLOW_PAIRS]
    made = sent(rest, "POST", "webhooks", name="all", url=receiver.url(path), events=events, secret=SECRET)
    webhook_id = made["webhook"]["webhook_id"]
    assert SECRET not in str(made)
    yield path
    sent(rest, "DELETE", f"webhooks/{webhook_id}")


def sent(rest: Rest, method: str, path: str, **body: Any) -> Any:
    answer = rest.send(method, path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


class Story:
    """Requests about one model, and what was told of it."""

    def __init__(self, rest: Rest, receiver: WebhookReceiver, path: str, name: str) -> None:
        self._rest, self._receiver, self._path, self.name = rest, receiver, path, name

    def send(self, method: str, path: str, **body: Any) -> Any:
        return sent(self._rest, method, path, name=self.name, **body)

    def received(self, count: int) -> list[Received]:
        """As many deliveries as there must be, once, in the order in which they began; doubles are left out."""

        def of_this() -> dict[str, Received]:
            received = self._receiver.received(self._path)
            return {one.delivery_id: one for one in received if one.said["data"].get("name") == self.name}

        wait_until(lambda: len(of_this()) >= count)
        assert len(of_this()) == count
        return sorted(of_this().values(), key=lambda one: one.said["timestamp"])

    def bodies(self, count: int) -> list[str]:
        """Without timestamp, and with NAME for the model."""
        bodies = [one.body.decode("ascii").replace(self.name, "NAME") for one in self.received(count)]
        return [re.sub(r'"timestamp": "[0-9T:.-]{26}\+00:00", ', "", body) for body in bodies]


@pytest.fixture
def story(rest: Rest, receiver: WebhookReceiver, path: str) -> Story:
    return Story(rest, receiver, path, fresh_name("told"))


def test_a_model_and_its_versions(story: Story) -> None:
    story.send("POST", "registered-models/create", description="désc\n", tags=[{"key": "k", "value": 'ü 😀\x7f"'}])
    story.send("POST", "model-versions/create", source="s3://b/x", tags=[{"key": "k", "value": "v"}])
    story.send("POST", "model-versions/create", source=f"models:/{story.name}/1", description="d")
    story.send("POST", "model-versions/set-tag", version="1", key="k", value="v")
    story.send("POST", "model-versions/set-tag", version="1", key="k", value="v")
    story.send("DELETE", "model-versions/delete-tag", version="1", key="k")
    story.send("DELETE", "model-versions/delete-tag", version="1", key="absent")
    story.send("POST", "registered-models/alias", alias="a", version="1")
    story.send("POST", "registered-models/alias", alias="a", version="2")
    story.send("DELETE", "registered-models/alias", alias="a")
    story.send("DELETE", "registered-models/alias", alias="absent")
    assert story.bodies(11) == [
        r'{"entity": "registered_model", "action": "created", "data": {"name": "NAME", "tags": {"k": "\u00fc'
        r' \ud83d\ude00\u007f\""}, "description": "d\u00e9sc\n"}}',
        '{"entity": "model_version", "action": "created", "data": {"name": "NAME", "version": "1", "source":'
        ' "s3://b/x", "run_id": null, "tags": {"k": "v"}, "description": null}}',
        '{"entity": "model_version", "action": "created", "data": {"name": "NAME", "version": "2", "source":'
        ' "models:/NAME/1", "run_id": null, "tags": {}, "description": "d"}}',
        *2
        * (
            '{"entity": "model_version_tag", "action": "set", "data": {"name": "NAME", "version": "1", "key": "k",'
            ' "value": "v"}}',
        ),
        '{"entity": "model_version_tag", "action": "deleted", "data": {"name": "NAME", "version": "1", "key": "k"}}',
        '{"entity": "model_version_tag", "action": "deleted", "data": {"name": "NAME", "version": "1", "key":'
        ' "absent"}}',
        '{"entity": "model_version_alias", "action": "created", "data": {"name": "NAME", "alias": "a", "version":'
        ' "1"}}',
        '{"entity": "model_version_alias", "action": "created", "data": {"name": "NAME", "alias": "a", "version":'
        ' "2"}}',
        '{"entity": "model_version_alias", "action": "deleted", "data": {"name": "NAME", "alias": "a"}}',
        '{"entity": "model_version_alias", "action": "deleted", "data": {"name": "NAME", "alias": "absent"}}',
    ]


def test_a_prompt_and_its_versions(story: Story) -> None:
    kind = {"key": "_mlflow_prompt_type", "value": "text"}
    form = {"key": "_mlflow_prompt_response_format", "value": "{}"}
    text = {"key": "mlflow.prompt.text", "value": "Hi {{x}}"}
    story.send("POST", "registered-models/create", tags=[kind, {"key": "k", "value": "v"}, MARK])
    story.send("POST", "model-versions/create", source="dummy-source", description="c", tags=[form, kind, MARK, text])
    story.send("POST", "model-versions/create", source="dummy-source", tags=[MARK])
    story.send("POST", "registered-models/set-tag", key="k", value="v")
    story.send("DELETE", "registered-models/delete-tag", key="absent")
    story.send("POST", "model-versions/set-tag", version="1", key="k", value="v")
    story.send("DELETE", "model-versions/delete-tag", version="1", key="k")
    story.send("POST", "registered-models/alias", alias="a", version="1")
    story.send("DELETE", "registered-models/alias", alias="a")
    assert story.bodies(9) == [
        '{"entity": "prompt", "action": "created", "data": {"name": "NAME", "tags": {"k": "v"}, "description": ""}}',
        '{"entity": "prompt_version", "action": "created", "data": {"name": "NAME", "version": "1", "template": "Hi'
        ' {{x}}", "tags": {"_mlflow_prompt_response_format": "{}"}, "description": "c"}}',
        '{"entity": "prompt_version", "action": "created", "data": {"name": "NAME", "version": "2", "template": null,'
        ' "tags": {}, "description": null}}',
        '{"entity": "prompt_tag", "action": "set", "data": {"name": "NAME", "key": "k", "value": "v"}}',
        '{"entity": "prompt_tag", "action": "deleted", "data": {"name": "NAME", "key": "absent"}}',
        '{"entity": "prompt_version_tag", "action": "set", "data": {"name": "NAME", "version": "1", "key": "k",'
        ' "value": "v"}}',
        '{"entity": "prompt_version_tag", "action": "deleted", "data": {"name": "NAME", "version": "1", "key": "k"}}',
        '{"entity": "prompt_alias", "action": "created", "data": {"name": "NAME", "alias": "a", "version": "1"}}',
        '{"entity": "prompt_alias", "action": "deleted", "data": {"name": "NAME", "alias": "a"}}',
    ]


def test_models_with_versions_of_prompts_and_the_mark_that_comes_late(story: Story) -> None:
    story.send("POST", "registered-models/create")
    story.send("POST", "model-versions/create", source="dummy-source", tags=[MARK])
    story.send("POST", "registered-models/set-tag", **MARK)
    story.send("POST", "model-versions/create", source="s3://b/x")
    story.send("DELETE", "registered-models/delete-tag", key=MARK["key"])
    story.send("POST", "registered-models/alias", alias="a", version="1")
    assert [one.event for one in story.received(5)] == [
        "registered_model.created",
        "prompt_version.created",
        "prompt_tag.set",
        "model_version.created",
        "model_version_alias.created",
    ]


def test_nothing_of_mlflows_is_said_of_what_it_does_not_tell(story: Story) -> None:
    story.send("POST", "registered-models/create")
    story.send("POST", "model-versions/create", source="s3://b/x")
    story.send("POST", "registered-models/set-tag", key="k", value="v")
    story.send("DELETE", "registered-models/delete-tag", key="k")
    story.send("PATCH", "registered-models/update", description="new")
    story.send("PATCH", "model-versions/update", version="1", description="new")
    story.send("POST", "model-versions/transition-stage", version="1", stage="Production")
    story.send("POST", "registered-models/alias", alias="last", version="1")
    story.send("DELETE", "model-versions/delete", version="1")
    story.send("DELETE", "registered-models/delete")
    story.send("POST", "registered-models/create", description="again")
    assert [one.event for one in story.received(4)] == [
        "registered_model.created",
        "model_version.created",
        "model_version_alias.created",
        "registered_model.created",
    ]


def test_tags_are_told_by_their_keys_and_versions_by_their_numbers(is_mlflow: bool, story: Story) -> None:
    story.send("POST", "registered-models/create", tags=[{"key": key, "value": ""} for key in "zak"])
    story.send("POST", "model-versions/create", source="s3://b/x")
    story.send("POST", "model-versions/set-tag", version="01", key="k", value="v")
    created, _, tag_set = story.received(3)
    assert list(created.said["data"]["tags"]) == list("zak" if is_mlflow else "akz")
    assert tag_set.said["data"]["version"] == ("01" if is_mlflow else "1")


def test_a_version_of_a_logged_model_is_told_with_the_run_of_it(is_mlflow: bool, rest: Rest, story: Story) -> None:
    run_id = sent(rest, "POST", "runs/create", experiment_id="0")["run"]["info"]["run_id"]
    made = sent(rest, "POST", "logged-models", experiment_id="0", name="x", source_run_id=run_id)
    model_id = made["model"]["info"]["model_id"]
    story.send("POST", "registered-models/create")
    story.send("POST", "model-versions/create", source=f"models:/{model_id}", model_id=model_id)
    _, created = story.received(2)
    assert created.said["data"]["run_id"] == (None if is_mlflow else run_id)


def test_a_receiver_can_verify_what_it_got(story: Story) -> None:
    story.send("POST", "registered-models/create")
    (one,) = story.received(1)
    assert one.headers["content-type"] == "application/json"
    assert str(uuid.UUID(one.delivery_id)) == one.delivery_id
    signed = f"{one.delivery_id}.{one.headers['x-mlflow-timestamp']}.".encode() + one.body
    code = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
    assert one.headers["x-mlflow-signature"] == "v1," + base64.b64encode(code).decode()
