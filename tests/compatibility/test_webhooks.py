"""Webhooks through MLflow's client and its routes: made, read, changed, tested, deleted.

A real MLflow must be started as tests/compatibility/test_webhook_deliveries.py says.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from tests.compatibility.conftest import fresh_name
from tests.compatibility.rest import Rest, assert_error
from tests.eventually import wait_for_the_next_millisecond
from tests.services.webhook_receiver import WebhookReceiver

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "webhooks.md"
URL = "https://127.0.0.1:1/hook"
VERSION_CREATED = {"entity": "MODEL_VERSION", "action": "CREATED"}


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebhookReceiver]:
    with WebhookReceiver(tmp_path_factory.mktemp("receiver")) as receiver:
        yield receiver


@pytest.fixture(autouse=True)
def _leaves_no_webhook(client: MlflowClient) -> Iterator[None]:
    """Each would be told of what other tests do."""
    yield
    for webhook in client.list_webhooks(max_results=1000):
        client.delete_webhook(webhook.webhook_id)


@pytest.fixture
def webhook_id(client: MlflowClient) -> str:
    made: str = client.create_webhook(fresh_name("hook"), URL, ["model_version.created"]).webhook_id
    return made


def created(rest: Rest, **fields: Any) -> Any:
    """The answer to a request to create one, with these fields or without those that are None."""
    whole = {"name": "hook", "url": URL, "events": [VERSION_CREATED], **fields}
    return rest.send("POST", "webhooks", json={name: value for name, value in whole.items() if value is not None})


# --- its life ---------------------------------------------------------------------------------------------------------


def test_a_webhook_reads_back_whole_and_without_its_secret(client: MlflowClient, rest: Rest) -> None:
    events: list[Any] = ["prompt_tag.set", "model_version.created", "model_version_alias.deleted"]
    made = client.create_webhook("a.webhook_1-x", URL, events, description="tells", secret="planted", status="DISABLED")
    for webhook in (made, client.get_webhook(made.webhook_id)):
        assert (webhook.name, webhook.url, webhook.description) == ("a.webhook_1-x", URL, "tells")
        assert [str(event) for event in webhook.events] == sorted(events)
        assert webhook.status == "DISABLED"
        assert webhook.creation_timestamp == webhook.last_updated_timestamp > 0
    answer = rest.send("GET", f"webhooks/{made.webhook_id}")
    assert list(answer.json()["webhook"]) == [
        "webhook_id",
        "name",
        "description",
        "url",
        "events",
        "status",
        "creation_timestamp",
        "last_updated_timestamp",
    ]
    assert "planted" not in answer.text


def test_a_webhook_is_active_and_has_no_description_unless_it_is_given(rest: Rest) -> None:
    webhook = created(rest).json()["webhook"]
    assert webhook["status"] == "ACTIVE"
    assert "description" not in webhook
    assert webhook["events"] == [VERSION_CREATED]


def test_names_are_not_unique(client: MlflowClient) -> None:
    name = fresh_name("hook")
    ids = {client.create_webhook(name, URL, ["prompt.created"]).webhook_id for _ in range(2)}
    assert len(ids) == 2


def test_an_update_changes_what_it_names(client: MlflowClient, webhook_id: str) -> None:
    before = client.get_webhook(webhook_id)
    wait_for_the_next_millisecond()
    after = client.update_webhook(
        webhook_id, name="other", description="d", url="https://127.0.0.1:2/x", events=["prompt.created"]
    )
    assert (after.name, after.description, after.url) == ("other", "d", "https://127.0.0.1:2/x")
    assert [str(event) for event in after.events] == ["prompt.created"]
    assert after.status == before.status
    assert after.creation_timestamp == before.creation_timestamp
    assert after.last_updated_timestamp > before.last_updated_timestamp
    assert client.update_webhook(webhook_id, status="DISABLED").status == "DISABLED"
    assert client.update_webhook(webhook_id, status="ACTIVE").name == "other"


def test_what_is_empty_changes_nothing_but_clears_the_description(rest: Rest, webhook_id: str) -> None:
    path = f"webhooks/{webhook_id}"
    before = rest.send("PATCH", path, json={"description": "d"}).json()["webhook"]
    after = rest.send("PATCH", path, json={"name": "", "url": "", "events": []}).json()["webhook"]
    assert {**after, "last_updated_timestamp": 0} == {**before, "last_updated_timestamp": 0}
    cleared = rest.send("PATCH", path, json={"description": "", "secret": ""}).json()["webhook"]
    assert not cleared.get("description")


def test_an_empty_update_moves_the_time(rest: Rest, webhook_id: str) -> None:
    before = rest.send("GET", f"webhooks/{webhook_id}").json()["webhook"]
    wait_for_the_next_millisecond()
    after = rest.send("PATCH", f"webhooks/{webhook_id}", json={}).json()["webhook"]
    assert after["last_updated_timestamp"] > before["last_updated_timestamp"]


def test_a_deleted_webhook_is_gone_for_every_request(client: MlflowClient, rest: Rest, webhook_id: str) -> None:
    client.delete_webhook(webhook_id)
    assert webhook_id not in [webhook.webhook_id for webhook in client.list_webhooks()]
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/test")):
        answer = rest.send(method, f"webhooks/{webhook_id}{path}", json=None if method == "GET" else {})
        assert_error(answer, 404, "RESOURCE_DOES_NOT_EXIST")


def test_an_id_is_of_one_webhook_in_its_letter_case(rest: Rest, webhook_id: str) -> None:
    assert_error(rest.send("GET", f"webhooks/{webhook_id.upper()}"), 404, "RESOURCE_DOES_NOT_EXIST")


# --- lists ------------------------------------------------------------------------------------------------------------


def test_webhooks_are_listed_by_pages_the_newest_first(client: MlflowClient, rest: Rest) -> None:
    ids = []
    for number in range(3):
        ids.append(client.create_webhook(f"hook{number}", URL, ["prompt.created"]).webhook_id)
        wait_for_the_next_millisecond()
    first = client.list_webhooks(max_results=2)
    second = client.list_webhooks(max_results=2, page_token=first.token)
    assert [webhook.webhook_id for webhook in (*first, *second)] == ids[::-1]
    assert not second.token
    assert "next_page_token" not in rest.get("webhooks", {"max_results": 3}).json()


def test_without_webhooks_the_list_is_empty(rest: Rest) -> None:
    assert rest.send("GET", "webhooks").json() == {}


def test_the_client_meets_no_webhook_of_our_events_alone(client: MlflowClient, rest: Rest, is_mlflow: bool) -> None:
    if is_mlflow:
        pytest.skip("it has no others than its own")
    ours = "/api/tracklog/v1/webhooks"
    body = {"name": "ours", "url": URL, "events": ["run.finished"]}
    webhook_id = rest.post(ours, body).json()["webhook"]["webhook_id"]
    assert client.list_webhooks() == []
    for ask in (client.get_webhook, client.test_webhook, client.delete_webhook):
        with pytest.raises(MlflowException, match=f"{ours}/{webhook_id}") as refused:
            ask(webhook_id)
        assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    both = {"events": ["run.finished", "prompt.created"]}
    assert rest.send("PATCH", f"{ours}/{webhook_id}", json=both).status_code == 200
    assert [str(event) for event in client.list_webhooks()[0].events] == ["prompt.created"]
    client.update_webhook(webhook_id, events=["model_version.created"])
    assert rest.get(f"{ours}/{webhook_id}").json()["webhook"]["events"] == ["model_version.created", "run.finished"]


@pytest.mark.parametrize("max_results", ["-1", "1001"])
def test_a_page_has_a_size(rest: Rest, max_results: str) -> None:
    assert_error(rest.get("webhooks", {"max_results": max_results}), 400, "INVALID_PARAMETER_VALUE")


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "a" * 64, "-a", "a-", "a b", "ä", "a/b", "a\n"])
def test_a_bad_name_is_refused(rest: Rest, name: str) -> None:
    assert_error(created(rest, name=name), 400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("name", ["a", "a" * 63, "a.b_c-d", "0"])
def test_a_good_name_is_kept(rest: Rest, name: str) -> None:
    assert created(rest, name=name).json()["webhook"]["name"] == name


@pytest.mark.parametrize("field", ["name", "url", "events"])
def test_what_is_missing_is_named(rest: Rest, field: str) -> None:
    answer = created(rest, **{field: None})
    assert_error(answer, 400, "INVALID_PARAMETER_VALUE")
    assert field in answer.json()["message"]


def test_a_webhook_of_nothing_is_refused(rest: Rest) -> None:
    assert created(rest, events=[]).status_code == 400


def test_an_event_is_named_once(rest: Rest) -> None:
    assert_error(created(rest, events=[VERSION_CREATED, VERSION_CREATED]), 400, "BAD_REQUEST")


@pytest.mark.parametrize(
    ("entity", "action"), [("MODEL_VERSION", "UPDATED"), ("PROMPT", "SET"), ("MODEL_VERSION", "SET")]
)
def test_a_pair_that_does_not_go_together_is_refused(rest: Rest, entity: str, action: str) -> None:
    assert_error(created(rest, events=[{"entity": entity, "action": action}]), 400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("url", ["ftp://example.com", "https://", "example.com", "/hook", "gopher://127.0.0.1/"])
def test_a_bad_url_is_refused_at_creation_and_at_update(rest: Rest, webhook_id: str, url: str) -> None:
    assert_error(created(rest, url=url), 400, "INVALID_PARAMETER_VALUE")
    assert_error(rest.send("PATCH", f"webhooks/{webhook_id}", json={"url": url}), 400, "INVALID_PARAMETER_VALUE")


def test_what_mlflow_swallows_or_breaks_on_is_refused(rest: Rest, is_mlflow: bool) -> None:
    if is_mlflow:
        pytest.skip("a misspelt status is ACTIVE there, and an event that nobody knows 500")
    assert_error(created(rest, status="DISABELD"), 400, "INVALID_PARAMETER_VALUE")
    for event in ({"entity": "MODEL"}, {"entity": "model_version", "action": "created"}, "model_version.created", {}):
        assert_error(created(rest, events=[event]), 400, "INVALID_PARAMETER_VALUE")


def test_the_example_of_the_docs_makes_a_webhook(client: MlflowClient, server_url: str) -> None:
    (example,) = re.findall(r"```python\n(from mlflow .*?)```", PAGE.read_text(), re.DOTALL)
    for shown, here in (("http://127.0.0.1:5000", server_url), ("https://deploy.example.com/models", URL)):
        assert shown in example
        example = example.replace(shown, here)
    exec(example, {})
    (made,) = client.list_webhooks()
    assert (made.name, made.url, made.status) == ("deployments", URL, "ACTIVE")
    assert [str(event) for event in made.events] == ["model_version.created", "model_version_alias.created"]


# --- tests ------------------------------------------------------------------------------------------------------------


def test_a_test_sends_an_example_of_the_first_event(client: MlflowClient, receiver: WebhookReceiver) -> None:
    url = receiver.url(f"/200/{fresh_name()}")
    made = client.create_webhook("hook", url, ["prompt.created", "model_version.created"], status="DISABLED")
    result = client.test_webhook(made.webhook_id)
    assert (result.success, result.response_status, result.response_body) == (True, 200, "ok")
    (one,) = receiver.received(url.removeprefix(receiver.url("")))
    assert one.event == "model_version.created"
    assert one.said["data"]["name"] == "example_model"


def test_a_test_may_be_of_any_event(client: MlflowClient, receiver: WebhookReceiver) -> None:
    url = receiver.url(f"/200/{fresh_name()}")
    made = client.create_webhook("hook", url, ["prompt.created"], secret="s3cret")
    assert client.test_webhook(made.webhook_id, "prompt_alias.deleted").success
    (one,) = receiver.received(url.removeprefix(receiver.url("")))
    assert one.said["data"] == {"name": "example_prompt", "alias": "example_alias"}
    assert one.headers["x-mlflow-signature"].startswith("v1,")


def test_a_test_says_what_the_receiver_answered(client: MlflowClient, receiver: WebhookReceiver) -> None:
    made = client.create_webhook("hook", receiver.url("/404"), ["prompt.created"])
    result = client.test_webhook(made.webhook_id)
    assert (result.success, result.response_status, result.response_body) == (False, 404, "ok")


def test_a_test_says_that_nobody_answers(client: MlflowClient, webhook_id: str, is_mlflow: bool) -> None:
    if is_mlflow:
        pytest.skip("it tries for seconds, and answers with the text of an exception")
    result = client.test_webhook(webhook_id)
    assert (result.success, result.response_status) == (False, None)
    assert result.error_message
    assert "Errno" not in result.error_message


def test_a_test_of_a_pair_that_does_not_go_together_is_refused(rest: Rest, webhook_id: str) -> None:
    body = {"event": {"entity": "PROMPT", "action": "SET"}}
    assert_error(rest.send("POST", f"webhooks/{webhook_id}/test", json=body), 400, "INVALID_PARAMETER_VALUE")


def test_the_client_is_told_what_is_wrong(client: MlflowClient) -> None:
    with pytest.raises(MlflowException) as refused:
        client.get_webhook("none")
    assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"
