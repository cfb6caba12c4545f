"""A server that lets users in and nobody else, as the stock clients see it."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.eventually import wait_until
from tests.services.ports import HOST, free_port
from tests.systems import shared_stores
from tests.tracklog_server import TracklogServer

PASSWORD: Final = "correct horse 42 battery"
OTHER: Final = "bobs own long password"
GRPC_PORT: Final = free_port()
OPTIONS: Final = ("--app-name", "basic-auth")


@pytest.fixture(
    scope="module", params=["embedded", pytest.param("postgresql", marks=[pytest.mark.service, pytest.mark.soak])]
)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TracklogServer]:
    options = (*OPTIONS, "--otlp-grpc-port", str(GRPC_PORT))
    folder = tmp_path_factory.mktemp("users")
    file = folder / "password"
    file.write_text(f"{PASSWORD}\n")
    environment = {"TRACKLOG_ADMIN_PASSWORD_FILE": str(file)}
    if request.param == "embedded":
        with TracklogServer(folder, options=options, environment=environment) as server:
            yield server
        return
    with shared_stores(request, kafka=False) as stores:
        settings = {**stores, **environment}
        with TracklogServer(folder, options=options, environment=settings, stores=()) as server:
            yield server


class Serving(Protocol):
    """A server, ours or another."""

    @property
    def url(self) -> str: ...


class Asking:
    """Who asks a server, by a name and password or by a token."""

    def __init__(self, server: Serving, authorization: str | None) -> None:
        self._url = server.url
        self._authorization = authorization

    @property
    def headers(self) -> dict[str, str]:
        return {} if self._authorization is None else {"Authorization": self._authorization}

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status, and what the answer's JSON says, or its text."""
        headers = self.headers
        data = None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        request = urllib.request.Request(f"{self._url}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, _read(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, _read(error.read())

    def mlflow(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        return self.ask(method, f"/api/2.0/mlflow/{path}", body)

    def is_answered(self, status: int, path: str = "users/current") -> bool:
        return self.mlflow("GET", path)[0] == status


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode()


def named(server: Serving, name: str, password: str) -> Asking:
    return Asking(server, "Basic " + b64encode(f"{name}:{password}".encode()).decode())


@pytest.fixture
def admin(server: TracklogServer) -> Asking:
    admin = named(server, "admin", PASSWORD)
    wait_until(lambda: admin.mlflow("GET", "users/current")[0] == 200)  # the account is made behind the start
    return admin


def new_user(admin: Asking, server: Serving, name: str) -> Asking:
    status, _ = admin.mlflow("POST", "users/create", {"username": name, "password": OTHER})
    assert status == 200
    return named(server, name, OTHER)


def token_of(asking: Asking, **wanted: Any) -> tuple[str, str]:
    """Id and text of a new token."""
    status, told = asking.ask("POST", "/api/tracklog/v1/tokens", {"name": "script", **wanted})
    assert status == 200
    return told["token_id"], told["token"]


def test_nobody_is_let_in_without_credentials(server: TracklogServer, admin: Asking) -> None:
    status, told = Asking(server, None).mlflow("GET", "experiments/get?experiment_id=0")
    assert status == 401
    assert told.startswith("You are not authenticated.")
    assert admin.mlflow("GET", "experiments/get?experiment_id=0")[0] == 200


@pytest.mark.parametrize("path", ["/health", "/ready", "/version", "/api/3.0/mlflow/server-info"])
def test_what_tells_of_nothing_is_open(server: TracklogServer, admin: Asking, path: str) -> None:
    assert Asking(server, None).ask("GET", path)[0] == 200


@pytest.mark.parametrize("path", ["/", "/metrics", "/nothing", "/api/tracklog/v1/events", "/get-artifact?path=x"])
def test_all_else_is_not(server: TracklogServer, admin: Asking, path: str) -> None:
    assert Asking(server, None).ask("GET", path)[0] == 401


def test_a_user_without_grants_may_see_and_keep_the_own_account(server: TracklogServer, admin: Asking) -> None:
    carl = new_user(admin, server, "carl")
    assert carl.mlflow("GET", "users/current")[1]["user"]["username"] == "carl"
    for method, path in (
        ("GET", "experiments/get?experiment_id=0"),
        ("GET", "users/list"),
        ("GET", "users/get?username=admin"),
        ("POST", "users/create"),
        ("POST", "webhooks"),
    ):
        assert carl.mlflow(method, path, {} if method == "POST" else None)[0] == 403
    change = {"username": "carl", "password": f"{OTHER} 2", "current_password": OTHER}
    assert carl.mlflow("PATCH", "users/update-password", change)[0] == 200
    assert carl.mlflow("GET", "users/current")[0] == 401
    assert named(server, "carl", f"{OTHER} 2").mlflow("GET", "users/current")[0] == 200


def test_a_token_stands_for_its_owner_until_it_is_revoked(server: TracklogServer, admin: Asking) -> None:
    token_id, token = token_of(admin)
    scripts = [Asking(server, f"Bearer {token}"), named(server, "anything", token)]
    for script in scripts:
        assert script.mlflow("GET", "experiments/get?experiment_id=0")[0] == 200
    assert token_id in {one["token_id"] for one in admin.ask("GET", "/api/tracklog/v1/tokens")[1]["tokens"]}
    assert admin.ask("DELETE", f"/api/tracklog/v1/tokens/{token_id}")[0] == 200
    for script in scripts:
        wait_until(partial(script.is_answered, 401, "experiments/get?experiment_id=0"))


def test_a_token_that_may_only_read_writes_nothing(server: TracklogServer, admin: Asking) -> None:
    script = Asking(server, f"Bearer {token_of(admin, scope='read')[1]}")
    assert script.mlflow("POST", "experiments/search", {"max_results": 1})[0] == 200
    assert script.mlflow("POST", "experiments/create", {"name": "by a reader"})[0] == 403
    assert script.ask("POST", "/api/tracklog/v1/tokens", {"name": "another"})[0] == 403


def test_who_is_deleted_is_no_longer_let_in(server: TracklogServer, admin: Asking) -> None:
    dora = new_user(admin, server, "dora")
    script = Asking(server, f"Bearer {token_of(dora)[1]}")
    assert script.mlflow("GET", "users/current")[0] == 200
    assert admin.mlflow("DELETE", "users/delete", {"username": "dora"})[0] == 200
    for asking in (dora, script):
        wait_until(partial(asking.is_answered, 401))


def test_the_last_administrator_stays(admin: Asking) -> None:
    status, told = admin.mlflow("PATCH", "users/update-admin", {"username": "admin", "is_admin": False})
    assert (status, told["error_code"]) == (400, "BAD_REQUEST")


def test_the_history_says_who_did_it_and_holds_no_secret(server: TracklogServer, admin: Asking) -> None:
    erna = new_user(admin, server, "erna")
    _, token = token_of(erna)
    status, told = admin.ask("GET", "/api/tracklog/v1/events?stream=user/erna")
    assert status == 200
    assert [(event["type"], event["actor"]["user"]) for event in told["events"]] == [
        ("user.created", "admin"),
        ("user.token-created", "erna"),
    ]
    _, _, secret = token.split("_", 2)  # which may hold that character, too
    for text in (json.dumps(told), server.log_tail(10_000), admin.ask("GET", "/metrics")[1]):
        assert PASSWORD not in text
        assert OTHER not in text
        assert secret not in text


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "users/create", {}),
        ("POST", "users/create", {"username": "x"}),
        ("POST", "users/create", {"username": 1, "password": []}),
        ("POST", "users/create", {"username": "a:b", "password": OTHER}),
        ("POST", "users/create", {"username": "admin", "password": OTHER}),
        ("POST", "users/create", "text"),
        ("PATCH", "users/update-password", {"username": "admin", "password": OTHER}),
        ("PATCH", "users/update-admin", {"username": "admin", "is_admin": "yes"}),
        ("DELETE", "users/delete", {"username": "admin"}),
        ("GET", "users/get", None),
    ],
    ids=str,
)
def test_bad_input_is_answered_in_mlflows_shape(admin: Asking, method: str, path: str, body: Any) -> None:
    status, told = admin.mlflow(method, path, body)
    assert status == 400
    assert told["error_code"] in {"INVALID_PARAMETER_VALUE", "BAD_REQUEST", "RESOURCE_ALREADY_EXISTS"}
    assert OTHER not in told["message"]


STOCK_CLIENT: Final = """
import sys, mlflow
from mlflow.exceptions import MlflowException
from mlflow.server.auth.client import AuthServiceClient

client = AuthServiceClient(sys.argv[1])
user = client.create_user("frida", "fridas long password")
assert (user.username, user.is_admin) == ("frida", False)
client.update_user_admin("frida", True)
assert client.get_user("frida").is_admin
client.update_user_password("frida", "another long password of hers")
client.delete_user("frida")
try:
    client.get_user("frida")
except MlflowException as error:
    assert error.error_code == "RESOURCE_DOES_NOT_EXIST", error
else:
    raise AssertionError("frida is still there")

mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("of an administrator")
with mlflow.start_run() as run:
    mlflow.log_metric("m", 1.0)
    mlflow.log_text("text", "note.txt")
assert mlflow.get_run(run.info.run_id).data.metrics == {"m": 1.0}
assert mlflow.artifacts.load_text(run.info.artifact_uri + "/note.txt") == "text"
"""


def run_stock_client(server: TracklogServer, credentials: dict[str, str]) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    settings = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", **credentials}
    command: Sequence[str] = (sys.executable, "-c", STOCK_CLIENT, server.url)
    return subprocess.run(command, env={**environment, **settings}, capture_output=True, text=True)


def test_the_stock_client_works_with_a_password(server: TracklogServer, admin: Asking) -> None:
    done = run_stock_client(server, {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": PASSWORD})
    assert done.returncode == 0, done.stderr


def test_the_stock_client_works_with_a_token(server: TracklogServer, admin: Asking) -> None:
    done = run_stock_client(server, {"MLFLOW_TRACKING_TOKEN": token_of(admin)[1]})
    assert done.returncode == 0, done.stderr


def test_the_stock_client_is_told_that_it_is_not_authenticated(server: TracklogServer, admin: Asking) -> None:
    done = run_stock_client(server, {})
    assert done.returncode != 0
    assert "You are not authenticated." in done.stderr


def exported(asking: Asking) -> bool:
    """Send a span as OpenTelemetry's own exporter does by gRPC; whether it was taken."""
    headers = {"x-mlflow-experiment-id": "0", **{name.lower(): value for name, value in asking.headers.items()}}
    exporter = OTLPSpanExporter(
        f"{HOST}:{GRPC_PORT}", insecure=True, headers=headers, compression=grpc.Compression.Gzip
    )
    provider, ended = TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(ended))
    provider.get_tracer("test").start_span("by gRPC").end()
    result = exporter.export(ended.get_finished_spans())
    provider.shutdown()
    exporter.shutdown()
    return result is SpanExportResult.SUCCESS


def refusal(asking: Asking, experiment_id: str = "0") -> grpc.StatusCode:
    """The code of a call that is refused."""
    metadata = [("x-mlflow-experiment-id", experiment_id)]
    metadata += [(name.lower(), value) for name, value in asking.headers.items()]
    with grpc.insecure_channel(f"{HOST}:{GRPC_PORT}") as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")(b"\n\0", metadata=metadata)
    code: grpc.StatusCode = caught.value.code()
    return code


def test_opentelemetrys_exporter_sends_by_grpc_what_its_user_may(server: TracklogServer, admin: Asking) -> None:
    reader = Asking(server, f"Bearer {token_of(admin, scope='read')[1]}")
    assert refusal(Asking(server, None)) is grpc.StatusCode.UNAUTHENTICATED
    assert refusal(new_user(admin, server, "exporter")) is grpc.StatusCode.PERMISSION_DENIED
    assert refusal(reader) is grpc.StatusCode.PERMISSION_DENIED
    assert refusal(admin, "") is grpc.StatusCode.INVALID_ARGUMENT
    assert not exported(reader)
    assert exported(admin)
    searched = {"locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}]}
    status, told = admin.ask("POST", "/api/3.0/mlflow/traces/search", searched)
    assert status == 200
    (trace,) = told["traces"]
    (event,) = admin.ask("GET", f"/api/tracklog/v1/events?stream=trace/{trace['trace_id']}")[1]["events"]
    assert (event["type"], event["actor"]["user"]) == ("trace.spans-logged", "admin")
    assert (event["actor"]["address"], event["actor"]["user_agent"][:4]) == (HOST, "OTel")
    assert "Traceback" not in server.log_tail(1000)


def test_accounts_outlive_a_restart_and_an_upgrade_of_the_read_model(tmp_path: Path) -> None:
    environment = {"MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD}
    server = TracklogServer(tmp_path, options=OPTIONS, environment=environment)
    with server:
        admin = named(server, "admin", PASSWORD)
        wait_until(lambda: admin.mlflow("GET", "users/current")[0] == 200)
        new_user(admin, server, "gert")
    for file in server.data_dir.glob("*.read-model*"):
        file.unlink()
    environment["MLFLOW_AUTH_ADMIN_PASSWORD"] = f"{PASSWORD} 2"
    with TracklogServer(tmp_path, port=server.port, options=OPTIONS, environment=environment) as again:
        assert named(again, "gert", OTHER).mlflow("GET", "users/current")[0] == 200
        assert named(again, "admin", f"{PASSWORD} 2").mlflow("GET", "users/current")[0] == 401


def test_without_any_user_nobody_is_let_in_and_the_log_says_why(tmp_path: Path) -> None:
    with TracklogServer(tmp_path, options=OPTIONS) as server:
        assert named(server, "admin", "password1234").mlflow("GET", "users/current")[0] == 401
        wait_until(lambda: "TRACKLOG_ADMIN_PASSWORD_FILE is not set" in server.log_tail())


@pytest.mark.parametrize(
    ("options", "environment", "told"),
    [
        (("--app-name", "oidc-auth"), {}, "basic-auth is the only one"),
        (OPTIONS, {"MLFLOW_AUTH_ADMIN_PASSWORD": "short"}, "at least 12 characters"),
        (OPTIONS, {"MLFLOW_AUTH_ADMIN_PASSWORD": "password1234"}, "among the first that others try"),
        (OPTIONS, {"TRACKLOG_ADMIN_PASSWORD_FILE": "/nowhere"}, "cannot be read"),
        ((*OPTIONS, "--artifacts-only"), {}, "--artifacts-only"),
    ],
    ids=str,
)
def test_a_server_that_could_not_protect_does_not_start(
    tmp_path: Path, options: Sequence[str], environment: dict[str, str], told: str
) -> None:
    server = TracklogServer(tmp_path, options=options, environment=environment)
    server.spawn()
    assert server.wait(60) != 0
    assert told in server.log_tail()
    assert "Traceback" not in server.log_tail()
    assert not any(value in server.log_tail() for value in environment.values() if "/" not in value)


def test_a_wrong_password_is_in_the_history_without_what_was_typed(server: TracklogServer, admin: Asking) -> None:
    new_user(admin, server, "hilda")
    for name in ("hilda", OTHER):
        assert named(server, name, f"{OTHER} wrong").mlflow("GET", "users/current")[0] == 401

    def refused() -> list[Any]:
        told = admin.ask("GET", "/api/tracklog/v1/events?type=access.refused")[1]["events"]
        return [event for event in told if event["stream"] in ("access/hilda", "access/(unknown)")]

    wait_until(lambda: {event["stream"] for event in refused()} == {"access/hilda", "access/(unknown)"})
    assert {event["actor"]["address"] for event in refused()} == {"127.0.0.1"}
    assert OTHER not in json.dumps(refused())
