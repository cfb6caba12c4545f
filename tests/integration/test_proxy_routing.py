"""A real nginx with the generated configuration, in front of stand-ins of the roles: every request finds its role."""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.eventually import AT_MOST_S
from tests.services.echo import Echo
from tests.services.missing import ServiceMissing, leave_out
from tests.services.nginx import Nginx, binary, worker_user
from tracklog.proxy.nginx import ROLE_OF_KIND, ProxySettings, Role, configuration
from tracklog.serving.route_catalog import every_endpoint

VARIABLE = re.compile(r"\{([^{}:]+)(:[^{}]*)?\}")


class Proxied:
    """The roles' stand-ins behind the proxy."""

    def __init__(self, echoes: dict[Role, list[Echo]], nginx: Nginx) -> None:
        self.echoes = echoes
        self.nginx = nginx

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the answer; `path` is sent as it is, which HTTP libraries do not do."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.nginx.port)
        try:
            lines = [f"{method} {path} HTTP/1.1", f"Host: {headers.pop('host', 'tracking.example:5000')}"]
            lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
            lines += [f"Content-Length: {len(body)}", "Connection: close", "", ""]
            writer.write("\r\n".join(lines).encode() + body)
            head, _, answer = (await reader.read()).partition(b"\r\n\r\n")
        finally:
            writer.close()
            await writer.wait_closed()
        status, *rest = head.decode().split("\r\n")
        return int(status.split()[1]), dict(line.split(": ", 1) for line in rest), answer

    async def echo(self, method: str, path: str, body: bytes = b"", **headers: str) -> dict[str, Any]:
        """What the role that was reached says of the request."""
        status, _, answer = await self.ask(method, path, body, **headers)
        assert status == 200, answer
        said: dict[str, Any] = json.loads(answer)
        return said


@pytest.fixture(scope="module", autouse=True)
def _nginx_is_there() -> None:
    try:
        binary()
    except ServiceMissing as missing:
        leave_out(missing)


@pytest.fixture
async def proxied(tmp_path: Path) -> AsyncIterator[Proxied]:
    async with AsyncExitStack() as stack:
        echoes = {role: [await stack.enter_async_context(Echo(role.value).running())] for role in Role}
        echoes[Role.INGEST].append(await stack.enter_async_context(Echo(Role.INGEST.value).running()))
        echoes[Role.QUERY].append(await stack.enter_async_context(Echo(Role.QUERY.value).running()))

        def configured(listen: str, folder: Path) -> str:
            roles = {role: [echo.address for echo in of_role] for role, of_role in echoes.items()}
            return configuration(
                every_endpoint(),
                ProxySettings(listen=[listen], roles=roles, worker_user=worker_user(), folder=str(folder)),
            )

        with Nginx(tmp_path / "nginx", configured) as nginx:
            yield Proxied(echoes, nginx)


def requests_of_the_route_table() -> Iterator[tuple[str, str, Role]]:
    """A request of each endpoint, with the role of its kind."""
    for endpoint in every_endpoint():
        path = VARIABLE.sub(lambda variable: "some/thing" if variable[2] else "thing", endpoint.path)
        yield endpoint.method, path, ROLE_OF_KIND[endpoint.route.kind]


async def test_every_endpoint_is_sent_to_the_role_of_its_kind(proxied: Proxied) -> None:
    wrong = []
    for method, path, role in requests_of_the_route_table():
        said = await proxied.echo(method, path)
        if (said["role"], said["method"], said["path"]) != (role.value, method, path):
            wrong.append((method, path, role.value, said["role"], said["path"]))
    assert wrong == []


@pytest.mark.parametrize(
    "sent",
    [
        "a/b.txt",
        "a%2Fb.txt",
        "a%252Fb.txt",
        "%2e%2e/b.txt",
        "%2E%2E%2Fb.txt",
        "a/./b/../c",
        "a//b///c",
        "a%20b+c%2Bd",
        "a%25zz",
        "%C3%A9t%C3%A9/%F0%9F%98%80",
        "a;b=c:d@e&f,g'h(i)*!$",
        "a%3Fb%23c",
        "a%5Cb",
        "a%0Ab",
        "a?path=x%2Fy&z=%zz",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_an_artifact_path_arrives_as_it_was_sent(proxied: Proxied, method: str, sent: str) -> None:
    path = f"/api/2.0/mlflow-artifacts/artifacts/{sent}"
    said = await proxied.echo(method, path)
    assert (said["role"], said["path"]) == ("artifacts", path)


async def test_a_slash_in_a_name_stays_part_of_the_name(proxied: Proxied) -> None:
    path = "/api/2.0/mlflow/logged-models/m-1/tags/a%2Fb"
    said = await proxied.echo("DELETE", path)
    assert (said["role"], said["path"]) == ("ingest", path)


async def test_letters_that_need_no_percent_sign_do_not_hide_a_route(proxied: Proxied) -> None:
    assert (await proxied.echo("POST", "/api/2.0/mlflow/runs/cre%61te"))["role"] == "ingest"
    assert (await proxied.echo("GET", "/api/2.0/mlflow-artif%61cts/artifacts/a"))["role"] == "artifacts"


@pytest.mark.parametrize(
    "path", ["/", "/nowhere", "/static-files/static/js/main.js", "/health", "/version", "/graphql"]
)
async def test_the_page_and_the_unknown_go_to_the_query_role(proxied: Proxied, path: str) -> None:
    assert (await proxied.echo("GET", path))["role"] == "query"


async def test_a_path_of_one_role_goes_there_whatever_the_method(proxied: Proxied) -> None:
    for method in ("GET", "OPTIONS", "DELETE", "PATCH"):
        assert (await proxied.echo(method, "/api/2.0/mlflow/runs/create"))["role"] == "ingest"


@pytest.mark.parametrize(("method", "role"), [("GET", "query"), ("HEAD", "query"), ("PATCH", "ingest")])
async def test_a_path_of_two_roles_is_told_apart_by_the_method(proxied: Proxied, method: str, role: str) -> None:
    path = "/api/2.0/mlflow/logged-models/m-1"
    _, headers, _ = await proxied.ask(method, path)
    assert headers["X-Role"] == role
    if method != "HEAD":
        preflight = await proxied.echo("OPTIONS", path, Origin="http://x", Access_Control_Request_Method=method)
        assert preflight["role"] == role


async def test_the_role_learns_who_asked_and_what_for(proxied: Proxied) -> None:
    said = await proxied.echo("GET", "/api/2.0/mlflow/runs/get?run_id=1", X_Request_Id="mine", host="my.host:1234")
    assert said["headers"]["host"] == "my.host:1234"
    assert said["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert said["headers"]["x-forwarded-proto"] == "http"
    assert said["headers"]["x-request-id"] == "mine"
    assert said["path"] == "/api/2.0/mlflow/runs/get?run_id=1"


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/api/2.0/mlflow-artifacts/artifacts/big"), ("POST", "/api/2.0/mlflow/runs/log-batch")],
)
async def test_a_large_body_passes_whole(proxied: Proxied, method: str, path: str) -> None:
    body = bytes(range(256)) * 4096 * 20
    said = await proxied.echo(method, path, body)
    assert (said["size"], said["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())


async def test_a_body_reaches_its_role_while_it_is_still_being_sent(proxied: Proxied) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxied.nginx.port)
    artifacts = proxied.echoes[Role.ARTIFACTS][0]
    writer.write(b"PUT /api/2.0/mlflow-artifacts/artifacts/slow HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345")
    async with asyncio.timeout(AT_MOST_S):
        while not artifacts.seen:
            await asyncio.sleep(0.01)
        writer.write(b"67890")
        assert b" 200 OK" in await reader.readline()
    writer.close()
    await writer.wait_closed()


A_MODEL = "/api/2.0/mlflow/logged-models/m-1"


@pytest.mark.parametrize(
    ("role", "method", "path", "times"),
    [
        (Role.QUERY, "GET", A_MODEL, 2),
        (Role.QUERY, "POST", "/api/2.0/mlflow/runs/search", 1),
        (Role.INGEST, "POST", "/api/2.0/mlflow/runs/create", 1),
        (Role.INGEST, "PATCH", A_MODEL, 1),
        (Role.INGEST, "DELETE", A_MODEL, 1),
        (Role.ARTIFACTS, "PUT", "/api/2.0/mlflow-artifacts/artifacts/a", 1),
    ],
)
async def test_only_a_read_whose_connection_breaks_is_repeated_at_another_process(
    proxied: Proxied, role: Role, method: str, path: str, times: int
) -> None:
    status, headers, answer = await proxied.ask(method, path, X_Break_Off="1")
    assert (status, headers["Retry-After"]) == (503, "5")
    assert json.loads(answer)["error_code"] == "TEMPORARILY_UNAVAILABLE"
    assert sum(len(echo.seen) for echo in proxied.echoes[role]) == times


async def test_a_write_goes_to_another_process_when_the_first_is_gone(tmp_path: Path) -> None:
    async with Echo("ingest").running() as there, Echo("query").running() as query:
        async with Echo("ingest").running() as gone:
            pass
        roles = {
            Role.INGEST: [gone.address, there.address],
            Role.QUERY: [query.address],
            Role.ARTIFACTS: [gone.address],
        }

        def configured(listen: str, folder: Path) -> str:
            settings = ProxySettings(listen=[listen], roles=roles, worker_user=worker_user(), folder=str(folder))
            return configuration(every_endpoint(), settings)

        with Nginx(tmp_path / "nginx", configured) as nginx:
            proxied = Proxied({}, nginx)
            for number in range(8):
                await proxied.echo("POST", f"/api/2.0/mlflow/runs/create?{number}", b"{}")
    assert len(there.seen) == 8


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/2.0/mlflow/runs/get?run_id=a", 503),
        ("POST", "/api/2.0/mlflow/runs/search", 503),
        ("POST", "/api/2.0/mlflow/runs/create", 429),
        ("PATCH", "/api/2.0/mlflow/logged-models/m-1", 429),
        ("DELETE", "/api/2.0/mlflow/logged-models/m-1", 429),
        ("GET", "/get-artifact?path=a&run_id=b", 429),
        ("PUT", "/api/2.0/mlflow-artifacts/artifacts/a", 429),
    ],
)
async def test_a_write_that_never_left_the_proxy_may_be_repeated(
    tmp_path: Path, method: str, path: str, expected: int
) -> None:
    """Clients since MLflow 3.18 repeat most writes after 429 only; a read they repeat after either."""
    async with Echo("nobody").running() as gone:
        pass

    def configured(listen: str, folder: Path) -> str:
        roles = {role: [gone.address] for role in Role}
        settings = ProxySettings(listen=[listen], roles=roles, worker_user=worker_user(), folder=str(folder))
        return configuration(every_endpoint(), settings)

    with Nginx(tmp_path / "nginx", configured) as nginx:
        for body in (b"",) if method == "GET" else (b"{}", bytes(200_000)):
            status, headers, answer = await Proxied({}, nginx).ask(method, path, body)
            assert (status, headers["Retry-After"]) == (expected, "5")
            assert json.loads(answer)["error_code"] == "TEMPORARILY_UNAVAILABLE"


async def test_what_the_proxy_cannot_read_is_refused_in_the_shape_of_an_error(proxied: Proxied) -> None:
    status, _, answer = await proxied.ask("GET", "/api/2.0/mlflow/%zz")
    assert (status, json.loads(answer)["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
