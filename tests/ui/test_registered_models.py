"""The pages of registered models and their versions, and registering from a run and from a logged model."""

import json
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
def name(client: MlflowClient, registry: SeededRegistry) -> str:
    """A registered model of the test's own, of two versions."""
    name = f"own-{uuid.uuid4().hex[:8]}"
    client.create_registered_model(name)
    for run_id, model_id in zip(registry.run_ids, registry.model_ids, strict=True):
        client.create_model_version(name, f"models:/{model_id}", run_id, model_id=model_id, await_creation_for=0)
    return name


def test_the_list_shows_models_with_latest_version_and_aliases(page: TrackingPage, registry: SeededRegistry) -> None:
    page.open("/models")
    row = page.tab.get_by_role("row").filter(has=page.link(registry.model_name))
    expect(row.get_by_role("link", name="Version 2", exact=True)).to_be_visible()
    expect(row.get_by_text("champion")).to_be_visible()
    expect(page.link(registry.prompt_name)).to_have_count(0)


def test_the_search_box_narrows_the_list_of_models(page: TrackingPage, registry: SeededRegistry, name: str) -> None:
    page.open("/models")
    expect(page.link(registry.model_name)).to_be_visible()
    search = page.tab.get_by_placeholder("Search registered models")
    search.fill(name)
    search.press("Enter")
    expect(page.link(name)).to_be_visible()
    expect(page.link(registry.model_name)).to_have_count(0)


def test_a_model_is_made_on_the_page(page: TrackingPage, registry: SeededRegistry) -> None:
    name = f"by-hand-{uuid.uuid4().hex[:8]}"
    page.open("/models")
    page.button("Create Model").click()
    page.tab.get_by_label("Model name").fill(name)
    page.tab.get_by_role("dialog").get_by_role("button", name="Create", exact=True).click()
    expect(page.tab.get_by_role("heading", name=name)).to_be_visible()


def test_a_model_shows_its_description_and_versions(page: TrackingPage, registry: SeededRegistry) -> None:
    page.open(f"/models/{registry.model_name}")
    expect(page.tab.get_by_text("irises")).to_be_visible()
    for number in (1, 2):
        expect(page.link(f"Version {number}")).to_be_visible()
    expect(page.tab.get_by_text("champion")).to_be_visible()


def test_two_versions_are_compared(page: TrackingPage, registry: SeededRegistry) -> None:
    page.open(f"/models/{registry.model_name}")
    for number in (1, 2):
        page.tab.get_by_role("row").filter(has=page.link(f"Version {number}")).get_by_role("checkbox").check()
    page.button("Compare").click()
    expect(page.tab.get_by_role("heading", name="Comparing 2 Versions")).to_be_visible()
    for run_id in registry.run_ids:
        expect(page.link(run_id)).to_be_visible()
    expect(page.tab.get_by_text("Schema Inputs are identical").first).to_be_visible()


def test_a_version_shows_its_run_its_model_and_its_schema(page: TrackingPage, registry: SeededRegistry) -> None:
    page.open(f"/models/{registry.model_name}/versions/1")
    expect(page.link("trained-model")).to_be_visible()
    expect(page.link("classifier")).to_be_visible()
    expect(page.tab.get_by_text("Inputs (1)")).to_be_visible()


def test_a_run_and_a_logged_model_lead_to_their_versions(page: TrackingPage, registry: SeededRegistry) -> None:
    of_version = page.tab.locator(f"a[href*='/models/{registry.model_name}/versions/1']")
    page.open(f"/experiments/{registry.experiment_id}/runs/{registry.run_ids[0]}")
    expect(of_version.first).to_be_visible()
    page.open(f"/experiments/{registry.experiment_id}/models/{registry.model_ids[0]}")
    expect(of_version).to_be_visible()


def test_the_versions_of_a_run_can_be_compared_by_their_address(page: TrackingPage, registry: SeededRegistry) -> None:
    runs = json.dumps({"1": registry.run_ids[0], "2": registry.run_ids[1]})
    page.open(f'/compare-model-versions?name="{registry.model_name}"&runs={runs}')
    expect(page.tab.get_by_role("heading", name="Comparing 2 Versions")).to_be_visible()


def register(page: TrackingPage, name: str) -> None:
    """Fill in the dialogue that asks for the model to register in: a new one of this name."""
    page.button("Register model").click()
    dialog = page.tab.get_by_role("dialog")
    dialog.get_by_role("combobox").click()
    page.tab.get_by_text("Create New Model").last.click()
    dialog.get_by_role("textbox").last.fill(name)
    dialog.get_by_role("button", name="Register", exact=True).click()
    expect(dialog).to_have_count(0)


def test_a_model_among_the_files_of_a_run_is_registered(
    page: TrackingPage, client: MlflowClient, registry: SeededRegistry
) -> None:
    name = f"from-run-{uuid.uuid4().hex[:8]}"
    page.open(f"/experiments/{registry.experiment_id}/runs/{registry.saved_run_id}/artifacts/line")
    register(page, name)
    assert client.get_model_version(name, "1").source == f"runs:/{registry.saved_run_id}/line"
    page.open(f"/models/{name}/versions/1")
    expect(page.link("saves-model")).to_be_visible()


def test_a_logged_model_is_registered(page: TrackingPage, client: MlflowClient, registry: SeededRegistry) -> None:
    name = f"from-model-{uuid.uuid4().hex[:8]}"
    page.open(f"/experiments/{registry.experiment_id}/models/{registry.model_ids[1]}")
    register(page, name)
    assert client.get_model_version(name, "1").source == f"models:/{registry.model_ids[1]}"


def test_aliases_and_tags_of_a_version_are_edited(page: TrackingPage, client: MlflowClient, name: str) -> None:
    page.open(f"/models/{name}/versions/1")
    page.tab.get_by_role("button", name="Edit aliases").or_(page.button("Add")).first.click()
    page.tab.get_by_role("dialog").get_by_role("combobox").fill("challenger")
    page.tab.keyboard.press("Enter")
    page.button("Save aliases").click()
    expect(page.tab.get_by_role("main").get_by_text("challenger")).to_be_visible()
    page.button("Tags").click()
    page.tab.get_by_role("textbox", name="tag name").fill("checked")
    page.tab.get_by_role("textbox", name="tag value").fill("yes")
    page.tab.get_by_role("main").get_by_role("button", name="Add", exact=True).last.click()
    expect(page.tab.get_by_role("cell", name="checked", exact=True)).to_be_visible()
    version = client.get_model_version_by_alias(name, "challenger")
    assert (version.version, version.tags) == ("1", {"checked": "yes"})


def test_a_version_is_moved_to_another_stage(page: TrackingPage, client: MlflowClient, name: str) -> None:
    page.open(f"/models/{name}/versions/1")
    page.tab.get_by_role("switch").click()
    page.button("Disable").click()
    page.tab.get_by_text("None", exact=True).click()
    page.tab.get_by_role("menuitem").filter(has_text="Production").click()
    page.tab.get_by_role("dialog").get_by_role("button", name="OK").click()
    expect(page.tab.get_by_role("main").get_by_text("Production", exact=True)).to_be_visible()
    assert client.get_model_version(name, "1").current_stage == "Production"


def test_a_description_is_edited(page: TrackingPage, name: str) -> None:
    page.open(f"/models/{name}")
    page.button("Edit").first.click()
    page.tab.get_by_role("main").get_by_role("textbox").last.fill("A *new* description")
    page.button("Save").click()
    expect(page.tab.get_by_text("A new description")).to_be_visible()


def test_a_version_is_promoted_to_another_model(page: TrackingPage, client: MlflowClient, name: str) -> None:
    promoted = f"promoted-{uuid.uuid4().hex[:8]}"
    page.open(f"/models/{name}/versions/1")
    page.button("Promote model").click()
    dialog = page.tab.get_by_role("dialog")
    dialog.get_by_role("combobox").click()
    page.tab.get_by_text("Create New Model").last.click()
    dialog.get_by_role("textbox").last.fill(promoted)
    dialog.get_by_role("button", name="Promote").click()
    expect(page.link(promoted)).to_be_visible()
    assert client.get_model_version(promoted, "1").source == f"models:/{name}/1"


def test_a_version_is_deleted(page: TrackingPage, client: MlflowClient, name: str) -> None:
    page.open(f"/models/{name}/versions/2")
    page.button("Open header dropdown menu").click()
    page.tab.get_by_role("menuitem", name="Delete").click()
    page.tab.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.link("Version 1")).to_be_visible()
    expect(page.link("Version 2")).to_have_count(0)
