"""The pages of prompts: their list, one of them, the difference of two versions, and those of an experiment."""

import uuid

import pytest
from mlflow import MlflowClient
from playwright.sync_api import expect

from tests.ui.seed_registry import SeededRegistry
from tests.ui.tracking_page import TrackingPage


@pytest.fixture
def client(server_url: str) -> MlflowClient:
    """The stock client, to see what the page did."""
    return MlflowClient(server_url)


@pytest.fixture
def name(client: MlflowClient) -> str:
    """A prompt of the test's own, of one version."""
    name = f"own-{uuid.uuid4().hex[:8]}"
    client.create_prompt(name)
    client.create_prompt_version(name, "First {{word}}")
    return name


def test_the_list_shows_prompts_and_no_models(page: TrackingPage, registry: SeededRegistry) -> None:
    page.open("/prompts")
    row = page.tab.get_by_role("row").filter(has=page.link(registry.prompt_name))
    expect(row.get_by_text("Version 2")).to_be_visible()
    expect(row.get_by_text("author")).to_be_visible()
    expect(page.link(registry.chat_name)).to_be_visible()
    expect(page.link(registry.model_name)).to_have_count(0)


def test_a_prompt_shows_its_versions_and_the_text_of_the_latest(page: TrackingPage, registry: SeededRegistry) -> None:
    page.open(f"/prompts/{registry.prompt_name}")
    expect(page.tab.get_by_role("heading", name="Viewing version 2")).to_be_visible()
    expect(page.tab.get_by_text("Good day {{name}}, how are you?")).to_be_visible()
    expect(page.tab.get_by_text("politer")).to_be_visible()
    expect(page.tab.get_by_text("production")).to_be_visible()


def test_a_prompt_of_messages_shows_them(page: TrackingPage, registry: SeededRegistry) -> None:
    page.open(f"/prompts/{registry.chat_name}")
    expect(page.tab.get_by_text("You are kind.")).to_be_visible()
    expect(page.tab.get_by_text("{{question}}")).to_be_visible()


def test_two_versions_of_a_prompt_are_compared(page: TrackingPage, registry: SeededRegistry) -> None:
    page.open(f"/prompts/{registry.prompt_name}")
    page.tab.get_by_text("Compare", exact=True).click()
    expect(page.tab.get_by_role("heading", name="Comparing version 2 with version 1")).to_be_visible()
    page.tab.get_by_text("Text", exact=True).click()
    expect(page.button("Switch sides")).to_be_visible()
    page.screenshot("prompt-diff")
    page.button("Switch sides").click()
    expect(page.tab.get_by_role("heading", name="Comparing version 1 with version 2")).to_be_visible()


def test_an_experiment_lists_the_prompts_that_were_registered_in_it(
    page: TrackingPage, registry: SeededRegistry
) -> None:
    page.open(f"/experiments/{registry.experiment_id}/prompts")
    expect(page.link(registry.prompt_name)).to_be_visible()
    page.open("/experiments/0/prompts")
    expect(page.tab.get_by_text("Create your first prompt")).to_be_visible()
    expect(page.link(registry.prompt_name)).to_have_count(0)


def test_a_prompt_is_made_on_the_page(page: TrackingPage, registry: SeededRegistry) -> None:
    name = f"by-hand-{uuid.uuid4().hex[:8]}"
    page.open("/prompts")
    page.button("Create prompt").click()
    dialog = page.tab.get_by_role("dialog")
    dialog.get_by_role("textbox").nth(0).fill(name)
    dialog.get_by_role("textbox").nth(1).fill("Say {{word}}!")
    dialog.get_by_role("button", name="Create", exact=True).click()
    expect(page.tab.get_by_role("heading", name=name)).to_be_visible()
    expect(page.tab.get_by_text("Say {{word}}!")).to_be_visible()


def test_versions_are_made_given_an_alias_and_deleted(page: TrackingPage, client: MlflowClient, name: str) -> None:
    page.open(f"/prompts/{name}")
    page.button("Create prompt version").click()
    dialog = page.tab.get_by_role("dialog")
    dialog.get_by_role("textbox").first.fill("Second {{word}}")
    dialog.get_by_role("button", name="Create", exact=True).click()
    expect(page.tab.get_by_role("heading", name="Viewing version 2")).to_be_visible()
    page.tab.get_by_role("row").filter(has_text="Version 1").get_by_role("button", name="Add").click()
    dialog.get_by_role("combobox").fill("beta")
    page.tab.keyboard.press("Enter")
    page.button("Save aliases").click()
    expect(page.tab.get_by_role("main").get_by_text("beta").first).to_be_visible()
    expect(page.tab.get_by_role("heading", name="Viewing version 1")).to_be_visible()
    assert client.get_prompt_version_by_alias(name, "beta").version == 1
    page.button("Delete version").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(page.tab.get_by_role("heading", name="Viewing version 2")).to_be_visible()
    assert [version.version for version in client.search_prompt_versions(name)] == [2]
