"""Rules of the proxy's configuration: which role a path belongs to, and what may stand in the text."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import CliRunner

from schemas.rest.route import NO_PREFIX, READ_LIMITS, Kind, Permission, Route
from tracklog.cli.proxy_config import command
from tracklog.proxy.nginx import ProxySettings, Role, RoleTable, configuration, regular_expression
from tracklog.serving.route_catalog import every_endpoint
from tracklog.web.route_table import Endpoint, endpoints_of

ROLES = {Role.INGEST: ["ingest:5000"], Role.QUERY: ["query:5000"], Role.ARTIFACTS: ["artifacts:5000"]}


async def answer(_request: web.Request) -> web.StreamResponse:
    return web.Response()


def endpoints(*declared: tuple[str, str, Kind]) -> list[Endpoint]:
    return endpoints_of(
        Route(
            method=method,
            path=path,
            prefixes=NO_PREFIX,
            handler=answer,
            kind=kind,
            permission=Permission.PUBLIC,
            limits=READ_LIMITS,
        )
        for method, path, kind in declared
    )


def test_a_path_with_one_role_belongs_to_it_whatever_the_method() -> None:
    table = RoleTable.of(endpoints(("POST", "/a", Kind.WRITE), ("DELETE", "/a", Kind.WRITE)))
    assert (table.by_path, table.by_method) == ({"/a": Role.INGEST}, {})


def test_a_path_with_two_roles_belongs_to_the_default_but_for_the_methods_of_the_other() -> None:
    table = RoleTable.of(endpoints(("GET", "/a", Kind.READ), ("PUT", "/a", Kind.WRITE), ("POST", "/a", Kind.ARTIFACT)))
    assert table.by_path == {"/a": Role.QUERY}
    assert table.by_method == {("PUT", "/a"): Role.INGEST, ("POST", "/a"): Role.ARTIFACTS}


@pytest.mark.parametrize(
    ("path", "expression"),
    [
        ("/a/{id}", "^/a/[^/]+$"),
        ("/a/{path:.+}", "^/a/.+$"),
        ("/v1beta/models/{name}:generate", "^/v1beta/models/[^/]+:generate$"),
        ("/api/2.0/a+b", r"^/api/2\.0/a\+b$"),
    ],
)
def test_a_path_with_variables_becomes_a_regular_expression(path: str, expression: str) -> None:
    assert regular_expression(path) == expression


def test_no_text_of_a_route_ends_its_quotes_in_the_configuration() -> None:
    for endpoint in every_endpoint():
        assert not set('"\\$;\n') & set(endpoint.path), endpoint.path


def test_every_kind_of_route_is_there() -> None:
    assert {endpoint.route.kind for endpoint in every_endpoint()} == set(Kind)


def lines_of(text: str, block: str) -> Iterator[str]:
    """The lines of a block of the configuration."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.strip() == f"{block} {{":
            break
    for line in lines:
        if line.strip() == "}":
            return
        yield line.strip()


def test_names_are_followed_only_where_a_name_server_is_known() -> None:
    without = configuration([], ProxySettings(listen=["5000"], roles=ROLES))
    with_one = configuration([], ProxySettings(listen=["5000"], roles=ROLES, resolver="127.0.0.11"))
    assert "server ingest:5000 max_fails=1 fail_timeout=1s;" in lines_of(without, "upstream ingest")
    assert "server ingest:5000 resolve max_fails=1 fail_timeout=1s;" in lines_of(with_one, "upstream ingest")
    assert "resolver 127.0.0.11" not in without
    assert "resolver 127.0.0.11 valid=5s;" in with_one


GIVEN = ["--ingest", "i1:1", "--ingest", "i2:2", "--query", "[::1]:3", "--artifacts", "10.0.0.1:4"]


def test_the_command_prints_a_configuration_with_every_process() -> None:
    done = CliRunner().invoke(command, [*GIVEN, "--listen", "8080", "--static-prefix", "/tracking"])
    assert done.exit_code == 0, done.output
    servers = [line.split()[1] for line in lines_of(done.output, "upstream ingest") if line.startswith("server")]
    assert servers == ["i1:1", "i2:2"]
    assert "listen 8080" in done.output
    assert '"/tracking/api/2.0/mlflow/runs/create" ingest;' in done.output


def test_the_command_writes_the_same_into_a_file(tmp_path: Path) -> None:
    printed = CliRunner().invoke(command, GIVEN).output
    written = CliRunner().invoke(command, [*GIVEN, "--output", str(tmp_path / "nginx.conf")])
    assert (written.exit_code, written.output) == (0, "")
    assert (tmp_path / "nginx.conf").read_text() == printed


@pytest.mark.parametrize(
    "refused",
    [["--ingest", "nowhere"], ["--query", "a:1; evil on"], ["--listen", "x y"], ["--resolver", "a; b"]],
)
def test_what_is_no_address_is_refused(refused: list[str]) -> None:
    done = CliRunner().invoke(command, [*GIVEN, *refused])
    assert done.exit_code == 2
    assert refused[0] in done.output


TLS = ["--roles-ca-certs", "/tls/authorities.pem"]


def test_without_certificates_the_roles_are_asked_in_plain_text() -> None:
    printed = CliRunner().invoke(command, GIVEN).output
    assert "proxy_pass http://query;" in printed
    assert "proxy_ssl" not in printed


def test_with_authorities_every_role_is_asked_by_tls_and_its_certificate_checked() -> None:
    printed = CliRunner().invoke(command, [*GIVEN, *TLS, "--roles-name", "tracklog", "--proxy-certfile", "/c"]).output
    assert "http://" not in printed
    assert printed.count("proxy_pass https://") == 4
    told = {line.strip() for line in printed.splitlines() if line.strip().startswith("proxy_ssl")}
    assert told == {
        "proxy_ssl_verify on;",
        "proxy_ssl_verify_depth 3;",
        "proxy_ssl_trusted_certificate /tls/authorities.pem;",
        "proxy_ssl_protocols TLSv1.2 TLSv1.3;",
        "proxy_ssl_server_name on;",
        "proxy_ssl_name tracklog;",
        "proxy_ssl_certificate /c;",
        "proxy_ssl_certificate_key /c;",
    }


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--roles-ca-certs", "a; evil on"], "--roles-ca-certs"),
        ([*TLS, "--proxy-certfile", "$a"], "--proxy-certfile"),
        ([*TLS, "--roles-name", "a b"], "--roles-name"),
        ([*TLS, "--proxy-keyfile", "a"], "--proxy-keyfile"),
        (["--roles-name", "a"], "--roles-ca-certs"),
        (["--proxy-certfile", "a"], "--roles-ca-certs"),
    ],
    ids=str,
)
def test_tls_that_is_not_whole_is_refused(options: list[str], told: str) -> None:
    done = CliRunner().invoke(command, [*GIVEN, *options])
    assert done.exit_code == 2
    assert told in done.output
