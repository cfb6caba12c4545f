"""The page of webhooks, in the settings: one is made, tested, and told of what happens."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from playwright.sync_api import expect

from tests.eventually import wait_until
from tests.services.webhook_receiver import WebhookReceiver
from tests.ui.tracking_page import TrackingPage


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[WebhookReceiver]:
    with WebhookReceiver(tmp_path) as receiver:
        yield receiver


@pytest.fixture
def client(server_url: str) -> Iterator[MlflowClient]:
    """The stock client, which leaves no webhook: another test sees a page without any."""
    client = MlflowClient(server_url)
    yield client
    for webhook in client.list_webhooks():
        client.delete_webhook(webhook.webhook_id)


def test_a_webhook_is_made_tested_and_told(page: TrackingPage, client: MlflowClient, receiver: WebhookReceiver) -> None:
    page.open("/settings/webhooks")
    page.button("Create webhook").click()
    dialog = page.tab.get_by_role("dialog")
    url = receiver.url("/200/page")
    fields = {
        "My webhook": "of-the-page",
        "https://example.com/webhook": url,
        "Optional description": "made by hand",
        "Optional secret key": "a secret",
    }
    for placeholder, text in fields.items():
        dialog.get_by_placeholder(placeholder, exact=True).fill(text)
    dialog.get_by_text("Registered model created", exact=True).click()
    page.screenshot("webhook-dialog")
    dialog.get_by_role("button", name="Create").click()
    expect(page.tab.get_by_text("of-the-page")).to_be_visible()
    (made,) = client.list_webhooks()
    assert (made.name, made.url, made.description, made.status) == ("of-the-page", url, "made by hand", "ACTIVE")
    assert [str(event) for event in made.events] == ["registered_model.created"]
    page.button("Test").click()
    wait_until(lambda: len(receiver.received("/200/page")) == 1)
    client.create_registered_model("told-by-the-page")
    wait_until(lambda: len(receiver.received("/200/page")) == 2)
    test, told = receiver.received("/200/page")
    assert (test.said["data"]["name"], told.said["data"]["name"]) == ("example_model", "told-by-the-page")
    assert told.headers["x-mlflow-signature"].startswith("v1,")
