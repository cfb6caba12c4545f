"""The pages of accounts, users and roles of a server that lets users in, as an administrator uses them."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, expect

from tests.eventually import wait_until
from tests.integration.test_users import OPTIONS, OTHER, PASSWORD, Asking, named
from tests.tracklog_server import TracklogServer
from tests.ui.conftest import VIEWPORT, WAIT_MS, missing
from tests.ui.tracking_page import TrackingPage
from tracklog.page.fetch import default_page_folder, is_complete


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TracklogServer]:
    if not is_complete(default_page_folder()):
        missing("The page's files are not installed: tracklog fetch-page")
    folder = tmp_path_factory.mktemp("server")
    with TracklogServer(folder, options=OPTIONS, environment={"MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD}) as server:
        wait_until(lambda: named(server, "admin", PASSWORD).mlflow("GET", "users/current")[0] == 200)
        yield server


@pytest.fixture(scope="module")
def admin(server: TracklogServer) -> Asking:
    return named(server, "admin", PASSWORD)


@pytest.fixture
def browser(context: BrowserContext) -> Browser:
    """The one in which the other tests have their tabs."""
    browser = context.browser
    assert browser is not None
    return browser


@pytest.fixture
def page(browser: Browser, server: TracklogServer) -> Iterator[TrackingPage]:
    """A tab of the administrator's own browser. It may have nothing to complain of."""
    context = browser.new_context(viewport=VIEWPORT, http_credentials={"username": "admin", "password": PASSWORD})
    context.set_default_timeout(WAIT_MS)
    page = TrackingPage(context, server.url)
    yield page
    context.close()
    assert page.complaints == []


def fresh(name: str) -> str:
    return f"{name}-{uuid4().hex[:8]}"


def new_user(admin: Asking) -> str:
    name = fresh("ada")
    assert admin.mlflow("POST", "users/create", {"username": name, "password": OTHER})[0] == 200
    return name


def new_role(admin: Asking) -> dict[str, Any]:
    wanted = {"name": fresh("readers"), "workspace": "default"}
    role: dict[str, Any] = admin.ask("POST", "/api/3.0/mlflow/roles/create", wanted)[1]["role"]
    return role


def part(page: TrackingPage, component: str) -> Locator:
    """A control by the name that the page gives it for its own measurements."""
    return page.tab.locator(f"[data-component-id='{component}']")


def test_the_own_account_is_shown_with_its_roles(page: TrackingPage) -> None:
    page.open("/account")
    expect(page.tab.get_by_text("Logged in as")).to_contain_text("admin")
    expect(page.tab.get_by_text("You have not been assigned to any roles.")).to_be_visible()
    page.tab.get_by_role("tab", name="Permissions").click()
    expect(page.button("Change password")).to_be_visible()


def test_a_user_is_made_and_deleted(page: TrackingPage, admin: Asking) -> None:
    name = fresh("kim")
    page.open("/admin")
    page.button("Create User").click()
    part(page, "admin.create_user_modal.username").fill(name)
    part(page, "admin.create_user_modal.password").fill(OTHER)
    part(page, "admin.create_user_modal.submit").click()
    page.tab.get_by_role("checkbox", name=f"Select user {name}").check()
    assert admin.mlflow("GET", f"users/get?username={name}")[0] == 200
    part(page, "admin.users.bulk_delete_button").click()
    page.tab.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.tab.get_by_text(name)).to_have_count(0)
    assert admin.mlflow("GET", f"users/get?username={name}")[0] == 404


def test_a_role_is_made_and_shown(page: TrackingPage, admin: Asking) -> None:
    name = fresh("lookers")
    page.open("/admin")
    page.tab.get_by_role("tab", name="Roles").click()
    page.button("Create Role").click()
    part(page, "admin.create_role_modal.name").fill(name)
    part(page, "admin.create_role_modal.description").fill("May look")
    part(page, "admin.create_role_modal.submit").click()
    page.link(name).click()
    expect(page.tab.get_by_text("May look")).to_be_visible()


def test_a_role_is_given_another_name_and_a_grant(page: TrackingPage, admin: Asking) -> None:
    role, name = new_role(admin), fresh("editors")
    page.open(f"/admin/roles/{role['id']}")
    page.button("Edit role").click()
    part(page, "admin.edit_role_modal.name").fill(name)
    part(page, "admin.role_permissions.add").click()
    part(page, "admin.edit_role_modal.review").click()
    page.button("Apply changes").click()
    expect(page.tab.get_by_role("heading", name=name, exact=True)).to_be_visible()
    expect(page.tab.get_by_role("row").filter(has_text="READ")).to_be_visible()
    shown = admin.ask("GET", f"/api/3.0/mlflow/roles/get?role_id={role['id']}")[1]["role"]
    assert (shown["name"], [one["permission"] for one in shown["permissions"]]) == (name, ["READ"])


def test_what_a_user_may_do_is_shown_and_taken_back(page: TrackingPage, admin: Asking) -> None:
    role, name = new_role(admin), new_user(admin)
    admin.ask("POST", "/api/3.0/mlflow/roles/assign", {"role_id": role["id"], "username": name})
    grant = {"username": name, "resource_type": "experiment", "resource_id": "0", "permission": "EDIT"}
    assert admin.ask("POST", "/api/3.0/mlflow/users/permissions/grant", grant)[0] == 200
    page.open(f"/admin/users/{name}")
    expect(page.tab.get_by_text(role["name"])).to_be_visible()
    page.tab.get_by_role("tab", name="Permissions").click()
    expect(page.tab.get_by_role("row").filter(has_text="EDIT")).to_be_visible()
    page.button("Edit access").click()
    page.button("Remove experiment 0").click()
    part(page, "admin.edit_access_modal.review").click()
    page.button("Apply changes").click()
    expect(page.tab.get_by_role("row").filter(has_text="EDIT")).to_have_count(0)
    assert admin.ask("GET", f"/api/3.0/mlflow/users/permissions/list?username={name}")[1]["permissions"] == []


def test_the_own_password_is_changed(browser: Browser, server: TracklogServer, admin: Asking) -> None:
    """The page then asks with the old one for a new login, which is refused as it should be."""
    name, new = new_user(admin), "another long password"
    assert admin.mlflow("PATCH", "users/update-admin", {"username": name, "is_admin": True})[0] == 200
    context = browser.new_context(viewport=VIEWPORT, http_credentials={"username": name, "password": OTHER})
    context.set_default_timeout(WAIT_MS)
    page = TrackingPage(context, server.url)
    page.open("/account")
    page.button("Change password").click()
    part(page, "account.current_password").fill(OTHER)
    for field in ("new", "confirm"):
        part(page, f"account.{field}_password").fill(new)
    with page.tab.expect_response("**/users/update-password") as answer:
        page.button("Update password").click()
    assert answer.value.status == 200
    context.close()
    assert named(server, name, new).mlflow("GET", "users/current")[0] == 200


def test_the_sign_up_page_makes_a_user(page: TrackingPage, server: TracklogServer, admin: Asking) -> None:
    name = fresh("lea")
    page.tab.goto(f"{server.url}/signup")
    page.tab.get_by_label("Name").fill(name)
    page.tab.get_by_label("Password").fill(OTHER)
    page.button("Create user").click()
    expect(page.tab.get_by_text(f"The user {name} is there now.")).to_be_visible()
    assert admin.mlflow("GET", f"users/get?username={name}")[0] == 200
    page.link("To the page").click()
    expect(page.link("Experiments")).to_be_visible()
