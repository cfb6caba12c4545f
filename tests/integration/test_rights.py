"""Roles and grants over HTTP, and by MLflow's own client: embedded, on PostgreSQL, and beside a real MLflow server."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import uuid4

import pytest

from tests.eventually import wait_until
from tests.integration.test_users import OPTIONS, OTHER, PASSWORD, Asking, Serving, admin, named, new_user, server
from tests.mlflow_server import mlflow_server as running_mlflow
from tests.tracklog_server import TracklogServer

__all__ = ["admin", "server"]

ON_ALL: Final = {"resource_type": "experiment", "resource_pattern": "*"}


def fresh(name: str) -> str:
    return f"{name}-{uuid4().hex[:8]}"


@pytest.fixture
def ada(server: TracklogServer, admin: Asking) -> Asking:
    """A user of a name of her own, who was granted nothing."""
    return new_user(admin, server, fresh("ada"))


def ask(asking: Asking, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    return asking.ask(method, f"/api/3.0/mlflow/{path}", body)


def told(asking: Asking, method: str, path: str, body: Any = None) -> Any:
    """What is answered with 200."""
    status, answer = ask(asking, method, path, body)
    assert status == 200, answer
    return answer


def name_of(asking: Asking) -> str:
    return str(asking.mlflow("GET", "users/current")[1]["user"]["username"])


def new_role(admin: Asking, name: str = "readers") -> int:
    role = told(admin, "POST", "roles/create", {"name": fresh(name), "workspace": "default"})["role"]
    return int(role["id"])


STOCK_CLIENT: Final = """
import sys, mlflow
from mlflow.exceptions import MlflowException
from mlflow.server.auth.client import AuthServiceClient

client = AuthServiceClient(sys.argv[1])
password = "a long password of theirs"
user = client.create_user("hanna", password)
role = client.create_role("default", "lookers", "may look")
assert (role.name, role.workspace, role.description, role.permissions) == ("lookers", "default", "may look", [])
assert client.update_role(role.id, name="readers").description == "may look"
grant = client.add_role_permission(role.id, "experiment", "*", "READ")
assert (grant.role_id, grant.resource_type, grant.resource_pattern, grant.permission) == (
    role.id, "experiment", "*", "READ"
)
assert client.update_role_permission(grant.id, "EDIT").permission == "EDIT"
assert [one.permission for one in client.list_role_permissions(role.id)] == ["EDIT"]
assignment = client.assign_role("hanna", role.id)
assert (assignment.user_id, assignment.role_id) == (user.id, role.id)
assert [one.user_id for one in client.list_role_users(role.id)] == [user.id]
assert [one.name for one in client.list_user_roles("hanna")] == ["readers"]
assert "readers" in [one.name for one in client.list_roles("default")]
assert role.id in [one.id for one in client.list_all_roles()]
level = client.get_user_permission("hanna", "experiment", "0")
assert (level.allowed, level.permission) == (True, "EDIT")
client.grant_user_permission("hanna", "experiment", "0", "DENY")
level = client.get_user_permission("hanna", "experiment", "0")
assert (level.allowed, level.permission) == (False, "DENY")
try:
    client.grant_user_permission("hanna", "experiment", "0", "READ")
except MlflowException as error:
    assert error.error_code == "RESOURCE_ALREADY_EXISTS", error
else:
    raise AssertionError("granted twice")
client.revoke_user_permission("hanna", "experiment", "0")
client.unassign_role("hanna", role.id)
client.remove_role_permission(grant.id)
assert client.get_role(role.id).permissions == []
client.delete_role(role.id)
try:
    client.get_role(role.id)
except MlflowException as error:
    assert error.error_code == "RESOURCE_DOES_NOT_EXIST", error
else:
    raise AssertionError("the role is still there")
client.delete_user("hanna")
"""


def test_the_stock_client_works(server: TracklogServer, admin: Asking) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    settings = {
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_TRACKING_USERNAME": "admin",
        "MLFLOW_TRACKING_PASSWORD": PASSWORD,
    }
    command = (sys.executable, "-c", STOCK_CLIENT, server.url)
    done = subprocess.run(command, env={**environment, **settings}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_user_sees_the_own_rights_alone(server: TracklogServer, admin: Asking, ada: Asking) -> None:
    mine, others, username = new_role(admin), new_role(admin), name_of(ada)
    for role_id in (mine, others):
        told(admin, "POST", "roles/permissions/add", {"role_id": role_id, **ON_ALL, "permission": "READ"})
    told(admin, "POST", "roles/assign", {"username": username, "role_id": mine})
    grant = {"username": username, "resource_type": "experiment", "resource_id": "0", "permission": "MANAGE"}
    told(admin, "POST", "users/permissions/grant", grant)

    personal = f"__user_{ada.mlflow('GET', 'users/current')[1]['user']['id']}__"
    assert {one["name"] for one in told(ada, "GET", "roles/list?workspace=default")["roles"]} >= {personal}
    assert [one["id"] for one in told(ada, "GET", f"users/roles/list?username={username}")["roles"]][:1] == [mine]
    rights = told(ada, "GET", "users/current/permissions")
    assert rights == told(ada, "GET", f"users/permissions/list?username={username}")
    assert not rights["is_admin"]
    assert {(one["role_id"], one["resource_pattern"], one["permission"]) for one in rights["permissions"]} >= {
        (mine, "*", "READ")
    }
    assert {one["role_name"] for one in rights["permissions"]} >= {personal}
    assert told(ada, "GET", f"roles/get?role_id={mine}")["role"]["id"] == mine

    for path in (
        f"roles/get?role_id={others}",
        "roles/get?role_id=99999999",
        f"roles/permissions/list?role_id={others}",
        f"roles/users/list?role_id={mine}",
        "roles/list",
        "users/roles/list?username=admin",
        "users/permissions/list?username=admin",
        "users/permissions/list?username=nobody",
        "users/permissions/get?username=admin&resource_type=experiment&resource_id=0",
    ):
        assert ask(ada, "GET", path)[0] == 403, path


def test_a_user_changes_no_rights(server: TracklogServer, admin: Asking, ada: Asking) -> None:
    role_id, username = new_role(admin), name_of(ada)
    for method, path, body in (
        ("POST", "roles/create", {"name": "mine", "workspace": "default"}),
        ("PATCH", "roles/update", {"role_id": role_id, "name": "mine"}),
        ("DELETE", "roles/delete", {"role_id": role_id}),
        ("POST", "roles/permissions/add", {"role_id": role_id, **ON_ALL, "permission": "MANAGE"}),
        ("PATCH", "roles/permissions/update", {"role_permission_id": 1, "permission": "MANAGE"}),
        ("DELETE", "roles/permissions/remove", {"role_permission_id": 1}),
        ("POST", "roles/assign", {"username": username, "role_id": role_id}),
        ("DELETE", "roles/unassign", {"username": username, "role_id": role_id}),
    ):
        assert ask(ada, method, path, body)[0] == 403, path
    wide = {"username": username, "resource_type": "experiment", "resource_id": "*"}
    assert ask(ada, "POST", "users/permissions/grant", {**wide, "permission": "MANAGE"})[0] == 403
    assert ask(ada, "POST", "users/permissions/revoke", wide)[0] == 403


def test_a_grant_follows_the_model_and_not_its_name(server: TracklogServer, admin: Asking, ada: Asking) -> None:
    first, second, username = fresh("m"), fresh("n"), name_of(ada)
    assert admin.mlflow("POST", "registered-models/create", {"name": first})[0] == 200
    model = {"username": username, "resource_type": "registered_model"}
    told(admin, "POST", "users/permissions/grant", {**model, "resource_id": first, "permission": "EDIT"})
    assert admin.mlflow("POST", "registered-models/rename", {"name": first, "new_name": second})[0] == 200
    assert admin.mlflow("POST", "registered-models/create", {"name": first})[0] == 200

    def level(name: str) -> str:
        query = f"username={username}&resource_type=registered_model&resource_id={name}"
        return str(told(admin, "GET", f"users/permissions/get?{query}")["permission"])

    def shown() -> list[str]:
        rights = told(ada, "GET", "users/current/permissions")["permissions"]
        return [one["resource_pattern"] for one in rights if one["resource_type"] == "registered_model"]

    assert (level(first), level(second), shown()) == ("NO_PERMISSIONS", "EDIT", [second])
    assert admin.mlflow("DELETE", "registered-models/delete", {"name": second})[0] == 200
    assert admin.mlflow("POST", "registered-models/create", {"name": second})[0] == 200
    assert (level(second), shown()) == ("NO_PERMISSIONS", [])


def test_a_prompt_has_its_own_grants(server: TracklogServer, admin: Asking, ada: Asking) -> None:
    name, username = fresh("p"), name_of(ada)
    marker = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    assert admin.mlflow("POST", "registered-models/create", {"name": name, "tags": marker})[0] == 200
    grant = {"username": username, "resource_type": "prompt", "resource_id": name, "permission": "USE"}
    told(admin, "POST", "users/permissions/grant", grant)
    query = f"username={username}&resource_id={name}"
    assert told(admin, "GET", f"users/permissions/get?{query}&resource_type=prompt")["permission"] == "USE"
    of_models = told(admin, "GET", f"users/permissions/get?{query}&resource_type=registered_model")
    assert of_models["permission"] == "NO_PERMISSIONS"


def test_a_role_that_says_nothing_is_not_shown(server: TracklogServer, admin: Asking, ada: Asking) -> None:
    username = name_of(ada)
    grant = {"username": username, "resource_type": "run", "resource_id": "*"}
    told(admin, "POST", "users/permissions/grant", {**grant, "permission": "READ"})
    (personal,) = told(admin, "GET", f"users/roles/list?username={username}")["roles"]
    assert told(admin, "GET", f"roles/get?role_id={personal['id']}")["role"] == personal
    told(admin, "POST", "users/permissions/revoke", grant)
    assert told(admin, "GET", f"users/roles/list?username={username}")["roles"] == []
    assert personal["id"] not in {role["id"] for role in told(admin, "GET", "roles/list")["roles"]}
    role = {"name": fresh("plain"), "workspace": "default", "description": ""}
    assert told(admin, "POST", "roles/create", role)["role"]["description"] is None


def test_users_are_listed_with_their_roles(server: TracklogServer, admin: Asking, ada: Asking) -> None:
    role_id, username = new_role(admin), name_of(ada)
    told(admin, "POST", "roles/permissions/add", {"role_id": role_id, **ON_ALL, "permission": "READ"})
    told(admin, "POST", "roles/assign", {"username": username, "role_id": role_id})
    listed = {user["username"]: user["roles"] for user in admin.mlflow("GET", "users/list")[1]["users"]}
    assert listed[username] == [told(admin, "GET", f"roles/get?role_id={role_id}")["role"]]
    assert role_id not in {role["id"] for role in listed["admin"]}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "roles/create", {"name": 1, "workspace": []}),
        ("POST", "roles/create", {"name": "x" * 501, "workspace": "default"}),
        ("POST", "roles/create", {"name": "x", "workspace": "default", "description": "d" * 5001}),
        ("PATCH", "roles/update", {"role_id": None, "name": "x"}),
        ("PATCH", "roles/update", {"role_id": 2**64, "name": "x"}),
        ("DELETE", "roles/delete", {}),
        ("DELETE", "roles/delete", []),
        ("POST", "roles/permissions/add", {"role_id": {}, **ON_ALL, "permission": "READ"}),
        ("PATCH", "roles/permissions/update", {"role_permission_id": "x", "permission": "READ"}),
        ("DELETE", "roles/permissions/remove", {"role_permission_id": []}),
        ("POST", "roles/assign", {"username": [], "role_id": 1}),
        ("POST", "users/permissions/grant", {"username": "admin", "resource_type": {}, "resource_id": "*"}),
        ("POST", "users/permissions/revoke", "text"),
        ("GET", "roles/get?role_id=x", None),
        ("GET", "users/permissions/get?username=admin&resource_type=run&resource_id=7", None),
    ],
    ids=str,
)
def test_bad_input_is_answered_in_mlflows_shape(admin: Asking, method: str, path: str, body: Any) -> None:
    status, answer = ask(admin, method, path, body)
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    ("grants", "level"),
    [
        ([], "NO_PERMISSIONS"),
        ([("experiment", "0", "READ")], "READ"),
        ([("experiment", "0", "READ"), ("experiment", "*", "EDIT")], "EDIT"),
        ([("experiment", "0", "EDIT"), ("experiment", "*", "READ")], "EDIT"),
        ([("experiment", "0", "DENY"), ("experiment", "*", "MANAGE")], "DENY"),
        ([("experiment", "0", "MANAGE"), ("experiment", "*", "DENY")], "DENY"),
        ([("run", "*", "MANAGE")], "NO_PERMISSIONS"),
        ([("workspace", "*", "USE")], "NO_PERMISSIONS"),
        ([("workspace", "*", "MANAGE"), ("experiment", "0", "DENY")], "MANAGE"),
    ],
    ids=str,
)
def test_all_grants_on_an_experiment_come_to_one_level(
    server: TracklogServer, admin: Asking, ada: Asking, grants: list[tuple[str, str, str]], level: str
) -> None:
    role_id, username = new_role(admin), name_of(ada)
    told(admin, "POST", "roles/assign", {"username": username, "role_id": role_id})
    for resource_type, pattern, permission in grants:
        on = {"resource_type": resource_type, "resource_pattern": pattern, "permission": permission}
        told(admin, "POST", "roles/permissions/add", {"role_id": role_id, **on})
    query = f"username={username}&resource_type=experiment&resource_id=0"
    found = told(ada, "GET", f"users/permissions/get?{query}")
    assert found == {"allowed": level in ("USE", "EDIT", "MANAGE"), "permission": level}


def test_the_history_says_who_granted_what(server: TracklogServer, admin: Asking, ada: Asking) -> None:
    username = name_of(ada)
    grant = {"username": username, "resource_type": "experiment", "resource_id": "0"}
    told(admin, "POST", "users/permissions/grant", {**grant, "permission": "READ"})
    told(admin, "POST", "users/permissions/revoke", grant)
    events = admin.ask("GET", f"/api/tracklog/v1/events?stream=user/{username}")[1]["events"]
    assert [(event["type"], event["actor"]["user"]) for event in events[1:]] == [
        ("user.granted", "admin"),
        ("user.revoked", "admin"),
    ]


# --- beside MLflow ----------------------------------------------------------------------------------------------------


class Peer(NamedTuple):
    """A server that this test started, which is not ours."""

    url: str


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """A real MLflow server that knows the same administrator, and grants nothing by default."""
    folder = tmp_path_factory.mktemp("mlflow")
    settings = folder / "auth.ini"
    settings.write_text(f"""[mlflow]
default_permission = NO_PERMISSIONS
database_uri = sqlite:///{folder}/auth.db
admin_username = admin
admin_password = {PASSWORD}
auth_cache_ttl_seconds = 600
auth_cache_max_size = 100
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
""")
    environment = {"MLFLOW_FLASK_SERVER_SECRET_KEY": "of this test", "MLFLOW_AUTH_CONFIG_PATH": str(settings)}
    store = f"sqlite:///{folder}/store.db"
    with running_mlflow(folder, store, "--app-name", "basic-auth", environment=environment) as url:
        yield Peer(url)


class Transcript:
    """What a server answers, with names in the places of its ids, in their order of appearance."""

    def __init__(self, server: Serving) -> None:
        self._admin = named(server, "admin", PASSWORD)
        self._ada = named(server, "ada", OTHER)
        self._names: dict[tuple[str, int], str] = {}
        self.lines: list[Any] = []

    def admin(self, method: str, path: str, **body: Any) -> Any:
        return self._ask(self._admin, method, path, body)

    def ada(self, method: str, path: str, **body: Any) -> Any:
        return self._ask(self._ada, method, path, body)

    def _ask(self, asking: Asking, method: str, path: str, body: dict[str, Any]) -> Any:
        status, answer = ask(asking, method, path, None if method == "GET" else body)
        asked = (method, path.partition("?")[0], {key: value for key, value in body.items() if "id" not in key})
        if status == 200:
            self.lines.append((asked, self._named(answer)))
        else:  # MLflow says in text that something is not allowed
            self.lines.append((asked, status, answer["error_code"] if status != 403 else ""))
        return answer

    def _named(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._named(one) for one in value]
        if not isinstance(value, dict):
            return value
        kind = "grant" if "resource_type" in value else "assignment" if "user_id" in value else "role"
        kinds = {"id": kind, "role_id": "role", "user_id": "user"}
        return {key: self._name(kinds[key], one) if key in kinds else self._shown(one) for key, one in value.items()}

    def _shown(self, value: Any) -> Any:
        if isinstance(value, str):
            return re.sub(r"(?<=^__user_)\d+", lambda number: self._name("user", int(number[0])), value)
        return self._named(value)

    def _name(self, kind: str, number: int) -> str:
        return self._names.setdefault((kind, number), f"{kind} {len(self._names)}")


def converse(server: Serving) -> list[Any]:
    """Ask a server in every way for roles and grants."""
    one = Transcript(server)
    admin, ada = one.admin, one.ada
    admin_user = named(server, "admin", PASSWORD)
    for name in ("ada", "bob"):
        assert admin_user.mlflow("POST", "users/create", {"username": name, "password": OTHER})[0] == 200
    admin("GET", "users/permissions/list?username=ada")
    admin("POST", "roles/create", name="readers")
    admin("POST", "roles/create", name="", workspace="default")
    admin("POST", "roles/create", name=" ", workspace="default")
    admin("POST", "roles/create", name="readers", workspace=" ")
    admin("POST", "roles/create", name="__user_7__", workspace="default")
    role = admin("POST", "roles/create", name="readers", workspace="default")["role"]["id"]
    other = admin("POST", "roles/create", name="writers", workspace="default", description="d")["role"]["id"]
    admin("POST", "roles/create", name="writers", workspace="default")
    admin("PATCH", "roles/update", role_id=role)
    admin("PATCH", "roles/update", role_id=role, name="writers")
    admin("PATCH", "roles/update", role_id=role, name=" ")
    admin("PATCH", "roles/update", role_id=role, name="readers", description="may look")
    admin("PATCH", "roles/update", role_id="x", name="y")
    admin("PATCH", "roles/update", role_id=10**9, name="y")
    for resource_type, pattern, permission in (
        ("experiment", "*", "READ"),
        ("experiment", "*", "EDIT"),
        ("experiment", "0", "DENY"),
        ("run", "*", "USE"),
        ("run", "7", "USE"),
        ("workspace", "*", "USE"),
        ("workspace", "*", "READ"),
        ("workspace", "w", "USE"),
        ("prompt", "*", "MANAGE"),
        ("experiment", "*", "NO_PERMISSIONS"),
        ("experiment", "*", "read"),
        ("nothing", "*", "READ"),
        ("gateway_endpoint", "e-1", "USE"),
    ):
        on = {"resource_type": resource_type, "resource_pattern": pattern, "permission": permission}
        admin("POST", "roles/permissions/add", role_id=role, **on)
    admin("POST", "roles/permissions/add", role_id=role)
    admin("POST", "roles/permissions/add", role_id=10**9, **ON_ALL, permission="READ")
    grants = admin("GET", f"roles/permissions/list?role_id={role}")["role_permissions"]
    admin("PATCH", "roles/permissions/update", role_permission_id=grants[0]["id"], permission="MANAGE")
    admin("PATCH", "roles/permissions/update", role_permission_id=grants[0]["id"], permission="NONE")
    admin("PATCH", "roles/permissions/update", role_permission_id=10**9, permission="READ")
    admin("DELETE", "roles/permissions/remove", role_permission_id=grants[1]["id"])
    admin("DELETE", "roles/permissions/remove", role_permission_id=grants[1]["id"])
    admin("POST", "roles/assign", username="ada", role_id=role)
    admin("POST", "roles/assign", username="ada", role_id=role)
    admin("POST", "roles/assign", username="eve", role_id=role)
    admin("POST", "roles/assign", username="ada", role_id=10**9)
    admin("GET", f"roles/users/list?role_id={role}")
    admin("DELETE", "roles/unassign", username="ada", role_id=other)
    for resource_type, resource_id, permission in (
        ("experiment", "0", "EDIT"),
        ("experiment", "0", "READ"),
        ("registered_model", "*", "DENY"),
        ("run", "*", "READ"),
        ("run", "7", "READ"),
        ("workspace", "*", "USE"),
        ("experiment", "0", "NO_PERMISSIONS"),
    ):
        on = {"resource_type": resource_type, "resource_id": resource_id, "permission": permission}
        admin("POST", "users/permissions/grant", username="ada", **on)
    admin("POST", "users/permissions/grant", username="eve", resource_type="run", resource_id="*", permission="READ")
    admin("POST", "users/permissions/grant", username="ada", resource_pattern="*", resource_type="run")
    for query in (
        "username=ada&resource_type=experiment&resource_id=0",
        "username=ada&resource_type=registered_model&resource_id=*",
        "username=ada&resource_type=run&resource_id=*",
        "username=ada&resource_type=run&resource_id=7",
        "username=bob&resource_type=experiment&resource_id=0",
        "username=eve&resource_type=experiment&resource_id=0",
        "username=ada&resource_type=workspace&resource_id=*",
        "username=ada&resource_type=nothing&resource_id=*",
        "username=ada",
    ):
        admin("GET", f"users/permissions/get?{query}")
    for path in ("users/permissions/list?username=ada", "users/roles/list?username=ada", "users/current/permissions"):
        admin("GET", path)
        ada("GET", path)
    admin("GET", "roles/list")
    admin("GET", "roles/list?workspace=default")
    admin("GET", "roles/list?workspace=")
    admin("GET", f"roles/get?role_id={role}")
    admin("GET", "roles/get?role_id=x")
    admin("GET", "roles/get")
    ada("GET", f"roles/get?role_id={role}")
    ada("GET", "roles/list")
    ada("GET", "users/roles/list?username=bob")
    ada("POST", "roles/create", name="mine", workspace="default")
    ada("POST", "users/permissions/grant", username="ada", resource_type="run", resource_id="*", permission="MANAGE")
    admin("POST", "users/permissions/revoke", username="ada", resource_type="experiment", resource_id="0")
    admin("POST", "users/permissions/revoke", username="ada", resource_type="experiment", resource_id="0")
    admin("DELETE", "roles/unassign", username="ada", role_id=role)
    admin("DELETE", "roles/delete", role_id=role)
    admin("DELETE", "roles/delete", role_id=role)
    admin("GET", f"roles/get?role_id={role}")
    admin("GET", "users/roles/list?username=ada")
    return one.lines


def test_each_request_is_answered_as_mlflow_answers_it(tmp_path: Path, mlflow_server: Peer) -> None:
    with TracklogServer(tmp_path, options=OPTIONS, environment={"MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD}) as server:
        wait_until(lambda: named(server, "admin", PASSWORD).mlflow("GET", "users/current")[0] == 200)
        ours, theirs = converse(server), converse(mlflow_server)
    assert not "\n".join(f"{one}\n{other}\n" for one, other in zip(ours, theirs, strict=True) if one != other)
