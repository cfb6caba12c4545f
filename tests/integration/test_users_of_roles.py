"""Users of the distributed system: a real Keycloak behind nginx, and secrets that are told nowhere.

Secrets of every kind are planted in it and used, rightly and wrongly, by all tests of this file. The last one looks for
them in everything that the system leaves behind.
"""

import asyncio
import json
import os
import re
import secrets
import socket
import ssl
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from html import unescape
from itertools import count, cycle
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import pytest
import requests
from aiokafka import AIOKafkaConsumer
from cryptography.fernet import Fernet

from tests.eventually import wait_until
from tests.integration.test_single_sign_on import ADMINS, REALM, realm
from tests.planted_secrets import Planted
from tests.services.keycloak import Keycloak
from tests.services.ports import HOST
from tests.services.postgresql import execute
from tests.services.process_tree import descendants
from tests.services.role import RoleProcess, RolesTls
from tests.services.roles import Roles
from tests.services.stack import with_account
from tests.services.webhook_receiver import WebhookReceiver
from tests.systems import WEBHOOKS, shared_stores
from tracklog.proxy.nginx import Role

pytestmark = pytest.mark.service

OWN_REALM: Final = f"{REALM}-of-roles"
EXPERIMENT: Final = "/api/2.0/mlflow/experiments/get?experiment_id=0"
CREATE_RUN: Final = "/api/2.0/mlflow/runs/create"
ARTIFACTS: Final = "/api/2.0/mlflow-artifacts/artifacts"
TOKENS: Final = "/api/tracklog/v1/tokens"
EVENTS: Final = "/api/tracklog/v1/events"
USERS: Final = "/api/2.0/mlflow/users"
GRANTS: Final = "/api/3.0/mlflow/users/permissions"
WEBHOOK: Final = "/api/2.0/mlflow/webhooks"
SETUP: Final = "/api/tracklog/v1/setup"
OF_EACH_ROLE: Final = (("GET", EXPERIMENT), ("POST", CREATE_RUN), ("GET", f"{ARTIFACTS}?path=0"))
"""A request that the query, the ingest and the artifact role answer."""


@dataclass(frozen=True, kw_only=True)
class Lab:
    """Everything that runs, and what was planted in it. `told` has every answer that is to hold no secret."""

    roles: Roles
    tls: RolesTls
    keycloak: Keycloak
    planted: Planted
    passwords: dict[str, str]
    client_secret: str
    environment: dict[str, str]
    options: tuple[str, ...]
    database: str
    folder: Path
    receiver: WebhookReceiver
    told: list[str] = field(default_factory=list)

    @property
    def query(self) -> list[RoleProcess]:
        return self.roles.processes[Role.QUERY.value]

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] = MappingProxyType({}),
        *,
        at: str | None = None,
        secret: bool = False,
    ) -> requests.Response:
        """What a request is answered by way of nginx, or `at` a process. `secret`: it may hold one."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **headers}
        url = f"{at or self.roles.url}{path}"
        answer = requests.request(
            *(method, url),
            data=data,
            headers=sent,
            timeout=60,
            allow_redirects=False,
            verify=str(self.tls.authorities),
            cert=str(self.tls.client),
        )
        if not secret:
            self.told.append(f"{answer.status_code}\n{answer.headers}\n{answer.text}")
        return answer

    def as_admin(self, method: str, path: str, body: Any = None, *, at: str | None = None) -> requests.Response:
        return self.ask(method, path, body, authorized(basic("admin", self.passwords["admin"])), at=at)

    def done(self, method: str, path: str, body: Any = None) -> Any:
        """What the administrator is answered who succeeds."""
        answer = self.as_admin(method, path, body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def new_token(self, who: str, **wanted: Any) -> tuple[str, str]:
        """Id and text of a token of a user with a password."""
        headers = authorized(basic(who, self.passwords[who]))
        answer = self.ask("POST", TOKENS, {"name": "script", **wanted}, headers, secret=True)
        assert answer.status_code == 200, answer.text
        token = answer.json()
        self.planted.add(f"token {token['token_id']}", token["token"].split("_", 2)[2])
        return token["token_id"], token["token"]

    def events(self, **wanted: str) -> list[dict[str, Any]]:
        query = "&".join(f"{name}={value}" for name, value in wanted.items())
        found: list[dict[str, Any]] = self.done("GET", f"{EVENTS}?limit=1000&{query}")["events"]
        return found


def authorized(authorization: str) -> dict[str, str]:
    return {"Authorization": authorization}


def basic(name: str, password: str) -> str:
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


@pytest.fixture(scope="module")
def lab(
    request: pytest.FixtureRequest, keycloak_service: Keycloak, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    planted = Planted()
    own = realm() | {"realm": OWN_REALM, "accessTokenLifespan": 600}
    client_secret = planted.new("client secret")
    own["clients"] = [one | {"secret": client_secret} for one in own["clients"]]
    keycloak_service.ask("POST", "", own)
    (folder / "password").write_text(planted.new("password of admin"))
    owner, database_password = f"owner_{secrets.token_hex(4)}", planted.new("password of the database")
    postgresql = request.getfixturevalue("postgresql_service").url
    with ExitStack() as stack:
        stack.callback(execute, postgresql, f"DROP ROLE {owner}")
        stores = stack.enter_context(shared_stores(request, kafka=True))
        superuser = stores["MLFLOW_BACKEND_STORE_URI"]
        name = urlsplit(superuser).path[1:]
        execute(postgresql, f"CREATE ROLE {owner} LOGIN PASSWORD '{database_password}'")
        execute(postgresql, f"ALTER DATABASE {name} OWNER TO {owner}")
        planted.add("key of the store of artifacts", stores["AWS_SECRET_ACCESS_KEY"])
        environment = {
            **stores,
            **WEBHOOKS,
            "MLFLOW_BACKEND_STORE_URI": with_account(superuser, owner, database_password),
            "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": planted.add("key of webhooks", Fernet.generate_key().decode()),
            "TRACKLOG_ADMIN_PASSWORD_FILE": str(folder / "password"),
            "TRACKLOG_OIDC_CLIENT_SECRET": client_secret,
        }
        options = (
            *("--app-name", "basic-auth", "--oidc-admin-group", ADMINS),
            *("--oidc-issuer-url", keycloak_service.issuer(OWN_REALM), "--oidc-client-id", "tracklog"),
        )
        (folder / "tls").mkdir()
        tls = RolesTls(folder / "tls")
        roles = Roles(
            folder / "roles",
            lambda: environment,
            {Role.QUERY.value: 2, "webhooks": 1},
            {role.value: options for role in Role},
            tls=tls,
        )
        stack.enter_context(roles)
        receiver = stack.enter_context(WebhookReceiver(folder / "receiver"))
        lab = Lab(
            roles=roles,
            tls=tls,
            keycloak=keycloak_service,
            planted=planted,
            passwords={"admin": (folder / "password").read_text()},
            client_secret=client_secret,
            environment=environment,
            options=options,
            database=superuser,
            folder=folder / "roles",
            receiver=receiver,
        )
        wait_until(lambda: lab.as_admin("GET", f"{USERS}/current").status_code == 200)
        for username in ("hedy", "ida"):
            password = lab.passwords[username] = planted.new(f"password of {username}")
            lab.done("POST", f"{USERS}/create", {"username": username, "password": password})
        yield lab


# --- single sign-on behind nginx --------------------------------------------------------------------------------------


class Browser:
    """What somebody with a browser does, without one: follows where it is led, and fills in Keycloak's form."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._session = requests.Session()

    def log_in(self, name: str, password: str) -> requests.Response:
        """The last of the answers."""
        form = self._session.get(f"{self._lab.roles.url}/", headers={"Accept": "text/html"}, timeout=60)
        action = re.search(r'<form id="kc-form-login"[^>]*action="([^"]+)"', form.text)
        assert action is not None, form.text
        for cookie in self._session.cookies:
            cookie.secure = False  # browsers send those to this machine without TLS too
        entered = {"username": name, "password": password}
        answer = self._session.post(unescape(action[1]), data=entered, timeout=60)
        for one in (*form.history, *answer.history):
            for found in re.findall(r"[?&](?:code|client_secret)=([^&]+)", one.headers.get("Location", "")):
                self._lab.planted.add("code of a login", found)
        return answer

    @property
    def cookie(self) -> str:
        (found,) = [str(one.value) for one in self._session.cookies if one.name == "tracklog-session"]
        return found

    def ask(self, method: str, path: str, body: Any = None) -> requests.Response:
        """As a page of this server asks."""
        headers = {"Origin": self._lab.roles.url, "Sec-Fetch-Site": "same-origin"}
        answer = self._session.request(
            method, f"{self._lab.roles.url}{path}", json=body, headers=headers, timeout=60, allow_redirects=False
        )
        self._lab.told.append(f"{answer.status_code}\n{answer.headers}\n{answer.text}")
        return answer


PASSWORD_AT_KEYCLOAK: Final = "a password at keycloak"


@pytest.fixture
def browser(lab: Lab) -> Browser:
    return Browser(lab)


def test_who_logs_in_by_a_browser_is_known_to_every_role(lab: Lab, browser: Browser) -> None:
    browser.log_in("bea", PASSWORD_AT_KEYCLOAK)
    lab.planted.add("session of bea", browser.cookie)
    assert browser.ask("GET", f"{USERS}/current").json()["user"]["username"] == "bea"
    for method, path in OF_EACH_ROLE:
        body = {"experiment_id": "0"} if method == "POST" else None
        assert browser.ask(method, path, body).status_code == 200, path


def test_a_script_is_known_to_every_role_by_a_token_of_the_provider(lab: Lab) -> None:
    bearer = f"Bearer {provided_token(lab, 'ada')}"
    for method, path in OF_EACH_ROLE:
        body = {"experiment_id": "0"} if method == "POST" else None
        assert lab.ask(method, path, body, authorized(bearer)).status_code == 200, path


def provided_token(lab: Lab, name: str) -> str:
    form = {"client_id": "training", "client_secret": lab.client_secret, "username": name, "grant_type": "password"}
    token = lab.keycloak.token(OWN_REALM, **form, password=PASSWORD_AT_KEYCLOAK, scope="openid")
    text = str(token["access_token"])
    lab.planted.add("token of the provider", text.rpartition(".")[2])
    return text


# --- by the stores ----------------------------------------------------------------------------------------------------


def recovered(lab: Lab, name: str, password: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "TRACKLOG_"))}
    command = (sys.executable, "-m", "tracklog", "users", "recover", name, "--password-file", "-")
    return subprocess.run(
        command, env={**kept, **lab.environment}, input=password, capture_output=True, text=True, start_new_session=True
    )


def test_who_has_the_stores_gives_another_password_while_the_roles_serve(lab: Lab) -> None:
    before, after = lab.passwords["ida"], lab.planted.new("recovered password of ida")
    done = recovered(lab, "ida", after)
    lab.told.append(done.stderr)
    assert done.returncode == 0, done.stderr
    lab.passwords["ida"] = after
    for process in lab.query:
        wait_until(partial(is_answered, lab, process, 200, basic("ida", after), f"{USERS}/current"))
        wait_until(partial(is_answered, lab, process, 401, basic("ida", before), f"{USERS}/current"))
    unknown = recovered(lab, "nobody", after)
    lab.told.append(unknown.stderr)
    assert (unknown.returncode, "nobody not found" in unknown.stderr) == (1, True)
    assert "Traceback" not in unknown.stderr


# --- TLS among the roles ----------------------------------------------------------------------------------------------


def test_roles_are_asked_by_tls_and_by_whom_they_know_alone(lab: Lab) -> None:
    stranger = ssl.create_default_context(cafile=lab.tls.authorities)
    for process in lab.roles.every_process:
        assert process.status_of("/health") == 200
        assert not is_let_in(process, stranger)
    (changed,) = [one for one in lab.events(type="user.created") if one["stream"] == "user/hedy"]
    assert (changed["actor"]["user"], changed["actor"]["address"]) == ("admin", HOST)  # and not whom nginx shows


def is_let_in(process: RoleProcess, context: ssl.SSLContext) -> bool:
    """Whether a client is answered. One without a certificate hears of it when it reads."""
    with socket.create_connection((HOST, process.port), timeout=60) as raw:
        try:
            with context.wrap_socket(raw, server_hostname=HOST) as connection:
                connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                return bool(connection.recv(100))
        except (ssl.SSLError, ConnectionResetError, BrokenPipeError):
            return False


def test_a_role_with_another_certificate_is_not_asked(lab: Lab, tmp_path: Path) -> None:
    (ingest,) = lab.roles.processes[Role.INGEST.value]
    file, right = lab.tls.file_of(ingest.role), lab.tls.file_of(ingest.role).read_bytes()
    file.write_bytes(RolesTls(tmp_path).file_of(ingest.role).read_bytes())
    ingest.stop()
    ingest.spawn()
    try:
        wait_until(partial(answers, ingest))
        assert lab.as_admin("POST", CREATE_RUN, {"experiment_id": "0"}).status_code == 429
        assert lab.as_admin("GET", EXPERIMENT).status_code == 200
    finally:
        ingest.stop()
        file.write_bytes(right)
        ingest.start()


def answers(process: RoleProcess) -> bool:
    """Whether somebody listens at its port."""
    try:
        socket.create_connection((HOST, process.port), timeout=5).close()
    except OSError:
        return False
    return True


# --- what is taken away -----------------------------------------------------------------------------------------------


def is_answered(lab: Lab, process: RoleProcess, status: int, authorization: str, path: str) -> bool:
    return lab.ask("GET", path, None, authorized(authorization), at=process.url).status_code == status


def test_a_token_that_is_revoked_counts_in_no_process(lab: Lab) -> None:
    token_id, token = lab.new_token("admin")
    bearer = f"Bearer {token}"
    assert all(is_answered(lab, process, 200, bearer, EXPERIMENT) for process in lab.query)
    lab.done("DELETE", f"{TOKENS}/{token_id}")
    for process in lab.query:
        wait_until(partial(is_answered, lab, process, 401, bearer, EXPERIMENT))
    assert lab.ask("POST", CREATE_RUN, {"experiment_id": "0"}, authorized(bearer)).status_code == 401


def test_a_password_that_was_changed_counts_in_no_process(lab: Lab) -> None:
    before = basic("ida", lab.passwords["ida"])
    assert all(is_answered(lab, process, 200, before, f"{USERS}/current") for process in lab.query)
    lab.passwords["ida"] = lab.planted.new("new password of ida")
    lab.done("PATCH", f"{USERS}/update-password", {"username": "ida", "password": lab.passwords["ida"]})
    for process in lab.query:
        wait_until(partial(is_answered, lab, process, 401, before, f"{USERS}/current"))
        assert is_answered(lab, process, 200, basic("ida", lab.passwords["ida"]), f"{USERS}/current")


def test_a_grant_that_is_taken_counts_in_no_process(lab: Lab) -> None:
    hedy = basic("hedy", lab.passwords["hedy"])
    grant = {"username": "hedy", "resource_type": "experiment", "resource_id": "0"}
    lab.done("POST", f"{GRANTS}/grant", grant | {"permission": "READ"})
    for process in lab.query:
        wait_until(partial(is_answered, lab, process, 200, hedy, EXPERIMENT))
    lab.done("POST", f"{GRANTS}/revoke", grant)
    for process in lab.query:
        wait_until(partial(is_answered, lab, process, 403, hedy, EXPERIMENT))


# --- what is written down ---------------------------------------------------------------------------------------------


def test_every_role_notes_who_was_let_in_and_denied_what(lab: Lab) -> None:
    name = "greta"
    lab.passwords[name] = lab.planted.new(f"password of {name}")
    lab.done("POST", f"{USERS}/create", {"username": name, "password": lab.passwords[name]})
    greta = authorized(basic(name, lab.passwords[name]))
    for _ in range(3):
        for method, path in OF_EACH_ROLE:
            body = {"experiment_id": "0"} if method == "POST" else None
            assert lab.ask(method, path, body, greta).status_code == 403
    denied = {(method, path.partition("?")[0]) for method, path in OF_EACH_ROLE}

    def noted(kind: str) -> list[dict[str, Any]]:
        return lab.events(type=f"access.{kind}", stream=f"access/{name}")

    wait_until(lambda: {(one["data"]["method"], one["data"]["route"]) for one in noted("denied")} == denied)
    wait_until(lambda: noted("granted"))
    for one in (*noted("denied"), *noted("granted")):
        assert (one["actor"]["user"], one["actor"]["address"]) == (name, HOST)
    assert {one["data"]["by"] for one in noted("granted")} == {"password"}
    assert len(noted("denied")) <= len(OF_EACH_ROLE) * len(lab.query)
    assert lab.ask("GET", EXPERIMENT, None, authorized(basic(name, "mistyped"))).status_code == 401
    wait_until(lambda: noted("refused"))


# --- secrets ----------------------------------------------------------------------------------------------------------


def credentials_of(secret: str) -> Iterator[dict[str, str]]:
    """Headers with a secret where it belongs, and where it does not."""
    yield {"Authorization": f"Bearer {secret}"}
    yield {"Authorization": basic("admin", secret)}
    yield {"Authorization": basic(secret, "x")}
    yield {"Authorization": f"Basic {secret}"}
    yield {"Authorization": f"Digest {secret}"}
    yield {"Authorization": secret}
    yield {"Cookie": f"tracklog-session={secret}; mlflow_user=ada", "Sec-Fetch-Site": "same-origin"}
    yield {"Proxy-Authorization": f"Basic {secret}", "X-MLflow-Authorization": secret}


def bodies_of() -> Iterator[tuple[str, str, Callable[[str], Any]]]:
    """Requests of an administrator that are refused, and their bodies with a secret in the field that is for one."""
    create, update = f"{USERS}/create", f"{USERS}/update-password"
    yield "POST", create, lambda secret: {"username": "hedy", "password": secret}
    yield "POST", create, lambda secret: {"username": "a:b", "password": secret}
    yield "POST", create, lambda secret: {"username": "new", "password": [secret]}
    yield "POST", create, lambda secret: {"username": "new", "password": {secret: secret}}
    yield "POST", create, lambda secret: f'{{"username": "new", "password": "{secret}"'.encode()
    yield "POST", create, lambda secret: f"username=new&password={secret}".encode()
    yield "PATCH", update, lambda secret: {"username": "nobody", "password": secret}
    yield "PATCH", update, lambda secret: {"username": "admin", "password": secret, "current_password": secret}
    yield "PATCH", update, lambda secret: {"username": "admin", "password": 1, "current_password": [secret]}
    yield "DELETE", f"{USERS}/delete", lambda secret: {"username": "nobody", "password": secret}
    yield "POST", WEBHOOK, lambda secret: {"name": "-", "url": "x", "events": [], "secret": secret}
    yield "POST", WEBHOOK, lambda secret: {"name": 1, "url": 2, "events": 3, "secret": [secret]}
    yield "POST", TOKENS, lambda secret: {"name": ["x"], "token": secret}
    yield "POST", SETUP, lambda secret: {"token": secret, "username": "x", "password": secret}
    yield "POST", "/oidc/logout", lambda secret: f"form_token={secret}".encode()
    yield "POST", f"{USERS}/create-ui", lambda secret: f"username=new&password={secret}&csrf_token={secret}".encode()


def test_no_secret_is_told(lab: Lab, browser: Browser) -> None:
    use_all_rightly(lab, browser)
    addresses = (f"10.0.{number // 250}.{number % 250}" for number in count())  # one would be held off soon
    secrets_of_all = list(lab.planted)
    places = cycle((*OF_EACH_ROLE, ("GET", "/nothing"), ("POST", EXPERIMENT)))
    for secret in secrets_of_all:
        for headers in credentials_of(secret):
            method, path = next(places)
            body = b"{" if method == "POST" else None
            lab.ask(method, path, body, {"X-Forwarded-For": next(addresses), **headers})
    for secret, (method, path, made) in zip(cycle(secrets_of_all), bodies_of(), strict=False):
        lab.as_admin(method, path, made(secret))
    lab.ask("GET", f"/oidc/callback?code={secrets_of_all[0]}&state={secrets_of_all[1]}")
    go_wrong_inside(lab)
    go_wrong_at_the_provider(lab)
    with wrong_artifacts(lab) as artifacts, behind_a_proxy(lab) as query:
        lab.as_admin("PUT", f"{ARTIFACTS}/0/a.txt", b"text", at=artifacts.url)
        for secret in secrets_of_all:
            headers = {"X-Forwarded-User": "hedy", "Authorization": f"Basic {secret}"}
            assert lab.ask("GET", EXPERIMENT, None, headers, at=query.url).status_code == 403
        for place, text in left_behind(lab, (artifacts, query)):
            assert lab.planted.found_in(text) == [], place


def use_all_rightly(lab: Lab, browser: Browser) -> None:
    """What was not used by the tests before."""
    lab.new_token("hedy", scope="read")
    browser.log_in("cleo", PASSWORD_AT_KEYCLOAK)
    lab.planted.add("session of cleo", browser.cookie)
    assert browser.ask("GET", f"{USERS}/current").status_code == 200
    told = {"name": "told", "url": lab.receiver.url(), "events": [{"entity": "REGISTERED_MODEL", "action": "CREATED"}]}
    webhook = lab.done("POST", WEBHOOK, told | {"secret": lab.planted.new("secret of a webhook")})["webhook"]
    lab.done("PATCH", f"{WEBHOOK}/{webhook['webhook_id']}", {"secret": lab.planted.new("new secret of a webhook")})
    lab.done("POST", "/api/2.0/mlflow/registered-models/create", {"name": "m"})
    lab.as_admin("PUT", f"{ARTIFACTS}/0/a.txt", b"text")
    wait_until(lab.receiver.received)


def go_wrong_inside(lab: Lab) -> None:
    """Have requests with secrets be faults, which are traced into the logs."""
    with away(lab, "users"):
        mistyped = basic("ida", lab.planted.new("mistyped password"))
        for method, path in OF_EACH_ROLE:
            assert lab.ask(method, path, None, authorized(mistyped)).status_code >= 429
    with away(lab, "secrets"):
        new = {"username": "new", "password": lab.planted.new("password of nobody")}
        assert lab.as_admin("POST", f"{USERS}/create", new).status_code >= 429
        assert lab.as_admin("POST", TOKENS, {"name": "t"}).status_code >= 429


@contextmanager
def away(lab: Lab, table: str) -> Iterator[None]:
    """Without a table, for a moment."""
    (schema,) = asyncio.run(
        fetched(lab.database, f"SELECT table_schema FROM information_schema.tables WHERE table_name = '{table}'")
    )
    execute(lab.database, f"ALTER TABLE {schema}.{table} RENAME TO {table}_away")
    try:
        yield
    finally:
        execute(lab.database, f"ALTER TABLE {schema}.{table}_away RENAME TO {table}")


async def fetched(url: str, statement: str) -> list[str]:
    """The first column of the rows, as text."""
    connection = await asyncpg.connect(url, timeout=30)
    try:
        return [str(row[0]) for row in await connection.fetch(statement)]
    finally:
        await connection.close()


def go_wrong_at_the_provider(lab: Lab) -> None:
    """Have a login fail because the provider does not take the secret of the client."""
    (found,) = lab.keycloak.ask("GET", f"/{OWN_REALM}/clients?clientId=tracklog")
    lab.keycloak.ask("PUT", f"/{OWN_REALM}/clients/{found['id']}", {"secret": "another"})
    answer = Browser(lab).log_in("dina", PASSWORD_AT_KEYCLOAK)
    lab.told.append(answer.text)
    assert answer.status_code >= 400
    lab.keycloak.ask("PUT", f"/{OWN_REALM}/clients/{found['id']}", {"secret": lab.client_secret})


def wrong_artifacts(lab: Lab) -> AbstractContextManager[RoleProcess]:
    """An artifact role whose store does not know it."""
    wrong = {"AWS_SECRET_ACCESS_KEY": lab.planted.new("wrong key of the store of artifacts")}
    return more(lab, Role.ARTIFACTS, wrong)


def behind_a_proxy(lab: Lab) -> AbstractContextManager[RoleProcess]:
    """A query role that believes a proxy who asks."""
    return more(lab, Role.QUERY, {"TRACKLOG_USER_HEADER": "X-Forwarded-User"})


@contextmanager
def more(lab: Lab, role: Role, environment: Mapping[str, str]) -> Iterator[RoleProcess]:
    options = (*lab.options, "--trusted-proxies", f"{HOST}/32")
    folder = lab.folder / f"another-{role.value}"
    process = RoleProcess(folder, role.value, 9, {**lab.environment, **environment}, options, lab.tls)
    process.spawn()
    try:
        wait_until(lambda: process.status_of("/health") == 200)
        yield process
    finally:
        process.kill()


def left_behind(lab: Lab, others: Sequence[RoleProcess]) -> Iterator[tuple[str, str | bytes]]:
    """Where a secret could be found, and what is there."""
    for number, answer in enumerate(lab.told):
        yield f"answer {number}: {answer[:2000]}", answer
    yield "events", json.dumps(lab.events())
    processes = (*lab.roles.every_process, *others)
    for process in processes:
        measured = lab.as_admin("GET", "/metrics", at=process.url)
        assert measured.status_code == 200
        yield f"metrics of {process.name}", measured.text
        for pid in (process.pid, *descendants(process.pid)):
            yield f"command line of {process.name}", Path(f"/proc/{pid}/cmdline").read_bytes()
    for folder in (lab.folder, lab.receiver.folder):
        for file in folder.rglob("*"):
            if file.is_file():
                yield str(file), file.read_bytes()
    yield from asyncio.run(rows(lab.database))
    yield from asyncio.run(messages(lab.environment["TRACKLOG_EVENT_LOG"]))


async def rows(url: str) -> list[tuple[str, str | bytes]]:
    """All rows of a database, as text, by the names of the tables: the read model and the store of secrets."""
    tables = (
        "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables"
        " WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
    )
    return [
        (table, "\n".join(await fetched(url, f"SELECT found::text FROM {table} found")))
        for table in await fetched(url, tables)
    ]


async def messages(uri: str) -> list[tuple[str, str | bytes]]:
    """All messages of a topic, as they are stored."""
    bootstrap, _, topic = uri.removeprefix("kafka://").partition("/")
    found: list[tuple[str, str | bytes]] = []
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        ends = await consumer.end_offsets(list(consumer.assignment()))
        while any([await consumer.position(partition) < end for partition, end in ends.items()]):
            for batch in (await consumer.getmany(timeout_ms=1000)).values():
                found += [(f"message {one.offset}", repr((one.key, one.value, one.headers))) for one in batch]
    return found
