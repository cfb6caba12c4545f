"""Weaknesses of MLflow's authentication that were published, tried here, with the ways that got around their repairs.

tests/repository/test_weaknesses.py says of each of them where it is tried; most are in the files about users and
permissions.
"""

import contextlib
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any, Final

import pytest

from schemas.rest.route import Permission
from tests.eventually import wait_until
from tests.integration.test_permissions import Accounts, Owned, accounts_of, what_is_owned
from tests.integration.test_users import OPTIONS, PASSWORD, Asking, named
from tests.tracklog_server import TracklogServer
from tracklog.serving.route_catalog import every_endpoint
from tracklog.web.route_table import Endpoint

PREFIX: Final = "/ml"
OPEN: Final = {Permission.PUBLIC, Permission.SECRET}
CLOSED: Final = [one for one in every_endpoint() if one.route.permission not in OPEN]
SHORT: Final = ("", "x", "eleven char", "password1234")


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    environment = {"MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD}
    folder = tmp_path_factory.mktemp("weaknesses")
    with TracklogServer(folder, options=OPTIONS, environment=environment) as server:
        yield accounts_of(server)


@pytest.fixture(scope="module")
def owned(accounts: Accounts) -> Owned:
    return what_is_owned(accounts.owner, "planted-name")


@pytest.fixture(scope="module")
def others(accounts: Accounts) -> Owned:
    """What is of the one who asks."""
    return what_is_owned(accounts.other, "of-bob")


def with_values(endpoint: Endpoint) -> str:
    """The path, with something in the place of its variables."""
    parts = endpoint.path.split("{")
    return parts[0] + "".join(f"x{part.partition('}')[2]}" for part in parts[1:])


def test_without_credentials_no_route_answers(accounts: Accounts) -> None:
    """Sign-up, jobs, traces, artifacts of models, multipart uploads, GraphQL: each was open once."""
    nobody = Asking(accounts.server, None)
    answered = []
    for endpoint in CLOSED:
        for method in {endpoint.method, "HEAD" if endpoint.method == "GET" else endpoint.method}:
            status, _ = nobody.ask(method, with_values(endpoint), None if method in ("GET", "HEAD") else {})
            if status != 401:
                answered.append((method, endpoint.path, status))
    assert answered == []
    assert len(CLOSED) > 250


def test_a_prefix_opens_no_route(tmp_path_factory: pytest.TempPathFactory) -> None:
    environment = {"MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD}
    options = (*OPTIONS, "--static-prefix", PREFIX)
    server = TracklogServer(tmp_path_factory.mktemp("prefix"), options=options, environment=environment)
    server.spawn()
    nobody = Asking(server, None)
    try:
        wait_until(lambda: is_up(nobody))
        for path in ("/", "/api/2.0/mlflow/experiments/get?experiment_id=0", "/graphql", "/signup", "/metrics"):
            for spelled in (f"{PREFIX}{path}", f"{PREFIX}/{path}", path, f"/health{path}", f"{PREFIX}/health/..{path}"):
                assert nobody.ask("GET", spelled)[0] in (401, 404), spelled
    finally:
        server.stop()


def is_up(nobody: Asking) -> bool:
    try:
        return nobody.ask("GET", f"{PREFIX}/health")[0] == 200
    except urllib.error.URLError:
        return False


@pytest.mark.parametrize("header", ["Bearer x", "Bearer ", "Bearer a.b.c", "Basic", "Basic \u00ff", "Negotiate x", "x"])
def test_credentials_of_any_other_kind_are_401(accounts: Accounts, header: str) -> None:
    for path in (
        "/api/2.0/mlflow/experiments/get?experiment_id=0",
        "/v1/traces",
        "/api/2.0/mlflow-artifacts/artifacts",
    ):
        assert Asking(accounts.server, header).ask("GET", path)[0] == 401


def test_no_way_takes_a_short_or_well_known_password(accounts: Accounts) -> None:
    for password in SHORT:
        user = {"username": "new", "password": password}
        assert accounts.admin.mlflow("POST", "users/create", user)[0] == 400
        changed = {"username": "bob", "password": password}
        assert accounts.admin.mlflow("PATCH", "users/update-password", changed)[0] == 400
        form = f"username=new&password={password.replace(' ', '+')}"
        status = posted(accounts, "/api/2.0/mlflow/users/create-ui", form)
        assert status in (400, 403)  # 403 where the form is not of a session
    listed = json.dumps(accounts.admin.mlflow("GET", "users/list")[1])
    assert '"new"' not in listed


def posted(accounts: Accounts, path: str, form: str) -> int:
    """The status of the answer to a form of the administrator."""
    headers = {"Authorization": str(accounts.admin._authorization), "Content-Type": "application/x-www-form-urlencoded"}
    request = urllib.request.Request(f"{accounts.server.url}{path}", form.encode(), headers, method="POST")
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_what_is_judged_is_what_is_carried_out(accounts: Accounts, owned: Owned, others: Owned) -> None:
    """An id in the query beside one in the body, twice in one of them, by the older name, in another spelling."""
    theirs, mine = owned.experiment_id, others.experiment_id
    run, own_run = owned.run_id, others.run_id
    tag = {"key": "k", "value": "v"}
    tried: list[tuple[str, str, Any]] = [
        ("POST", f"runs/create?experiment_id={mine}", {"experiment_id": theirs}),
        ("POST", f"runs/create?experiment_id={theirs}", {"experiment_id": mine}),
        ("POST", "runs/create", {"experimentId": theirs}),
        ("POST", "runs/create", {"experiment_id": mine, "experimentId": theirs}),
        ("GET", f"experiments/get?experiment_id={mine}&experiment_id={theirs}", None),
        ("GET", f"experiments/get?experiment_id={theirs}&experiment_id={mine}", None),
        ("GET", f"experiments/get?experimentId={theirs}", None),
        ("GET", f"experiments/get?experiment_id={mine}", {"experiment_id": theirs}),
        ("GET", f"runs/get?run_id={own_run}&run_uuid={run}", None),
        ("GET", f"runs/get?run_uuid={own_run}&run_id={run}", None),
        ("GET", f"runs/get?run_id={own_run}&run_id={run}", None),
        ("POST", "runs/set-tag", {"run_id": own_run, "run_uuid": run, **tag}),
        ("POST", "runs/set-tag", {"run_id": run, "run_uuid": own_run, **tag}),
        ("POST", "runs/log-batch", {"run_id": own_run, "run_uuid": run, "tags": [tag]}),
        ("GET", f"artifacts/list?run_id={own_run}&run_uuid={run}", None),
        ("GET", f"experiments/get?experiment_id={theirs}%00", None),
        ("GET", f"experiments/get?experiment_id=%2B{theirs}", None),
        ("GET", f"experiments/get?experiment_id=0{theirs}", None),
        ("GET", f"experiments/get?experiment_id=%20{theirs}", None),
    ]
    for method, path, body in tried:
        answer = accounts.other.mlflow(method, path, body)[1]
        assert "planted-name" not in json.dumps(answer), (method, path, body)
        assert f'"{theirs}"' not in json.dumps(answer), (method, path, body)
    kept = accounts.owner.mlflow("GET", f"runs/get?run_id={run}")[1]["run"]
    assert [one for one in kept["data"].get("tags", []) if one["key"] == "k"] == []
    found = accounts.owner.mlflow("POST", "runs/search", {"experiment_ids": [theirs]})[1]
    assert [one["info"]["run_id"] for one in found["runs"]] == [run]


def test_a_body_that_names_a_field_twice_is_judged_by_what_counts(
    accounts: Accounts, owned: Owned, others: Owned
) -> None:
    for first, last in ((owned.run_id, others.run_id), (others.run_id, owned.run_id)):
        body = f'{{"run_id": "{first}", "run_id": "{last}", "key": "twice", "value": "v"}}'.encode()
        headers = {"Authorization": str(accounts.other._authorization), "Content-Type": "application/json"}
        url = f"{accounts.server.url}/api/2.0/mlflow/runs/set-tag"
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen(urllib.request.Request(url, body, headers, method="POST")).close()
    kept = accounts.owner.mlflow("GET", f"runs/get?run_id={owned.run_id}")[1]["run"]
    assert "twice" not in json.dumps(kept)


def test_a_workspace_is_told_of_to_nobody_who_is_not_known(accounts: Accounts) -> None:
    for workspace in ("default", "nowhere", "No Such"):
        url = f"{accounts.server.url}/api/2.0/mlflow/experiments/get?experiment_id=0"
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(urllib.request.Request(url, headers={"X-MLFLOW-WORKSPACE": workspace}))
        assert refusal.value.code == 401
        refusal.value.close()


def test_a_prompt_stays_its_owners_without_its_tag(accounts: Accounts) -> None:
    marker = "mlflow.prompt.is_prompt"
    new = {"name": "a prompt", "tags": [{"key": marker, "value": "true"}]}
    assert accounts.owner.mlflow("POST", "registered-models/create", new)[0] == 200
    accounts.owner.mlflow("DELETE", "registered-models/delete-tag", {"name": "a prompt", "key": marker})
    assert accounts.owner.mlflow("GET", "registered-models/get?name=a%20prompt")[0] == 200
    assert accounts.other.mlflow("GET", "registered-models/get?name=a%20prompt")[0] == 403


def test_who_gets_a_name_that_was_somebodys_has_nothing_of_theirs(accounts: Accounts) -> None:
    def new() -> Asking:
        user = {"username": "zoe", "password": "zoe has a long password"}
        assert accounts.admin.mlflow("POST", "users/create", user)[0] == 200
        return named(accounts.server, "zoe", user["password"])

    former = new()
    had = what_is_owned(former, "of the former zoe")
    assert accounts.admin.mlflow("DELETE", "users/delete", {"username": "zoe"})[0] == 200
    later = new()
    wait_until(lambda: later.mlflow("GET", "users/current")[0] == 200)
    assert later.mlflow("GET", f"runs/get?run_id={had.run_id}")[0] == 403
    assert later.mlflow("GET", f"experiments/get?experiment_id={had.experiment_id}")[0] == 403


def test_a_password_may_be_of_any_letters_on_every_route(accounts: Accounts) -> None:
    password = "пароль ist länger als zwölf"
    assert accounts.admin.mlflow("POST", "users/create", {"username": "Øyvind", "password": password})[0] == 200
    oyvind = named(accounts.server, "Øyvind", password)
    mine = what_is_owned(oyvind, "of Øyvind")
    path = f"/api/2.0/mlflow-artifacts/artifacts/{mine.experiment_id}/{mine.run_id}/artifacts/a.txt"
    assert oyvind.ask("GET", path)[0] == 200
    assert oyvind.ask("POST", "/graphql", {"query": "{ __typename }"})[0] == 200
