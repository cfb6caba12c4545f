"""The configuration of nginx as the proxy before the roles, made from the route table.

How a request finds its role:

- A path that is served by one role goes there whatever its method, so that a preflight and the refusal of a wrong
  method come from the role that knows the path; where two roles share a path the method decides.
- Fixed paths are looked up in a hash table, by the path as nginx decodes it. Paths with variables are matched by
  regular expressions, against the path as it was sent: a slash that was sent as `%2F` is part of a name. Then they are
  tried against the decoded path too, because the roles decode before they match.
- Everything else, the page among it, goes to the query role, which says so when there is nothing.

What arrives at the role is what the client sent, byte for byte: `proxy_pass` without a path of its own.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from schemas.errors import AWAY_RETRY_S, InvalidParameterValue, TemporarilyUnavailable
from schemas.rest.route import Kind
from tracklog.web.error_answers import error_body
from tracklog.web.route_table import Endpoint


class Role(Enum):
    """A kind of process that answers requests."""

    INGEST = "ingest"
    QUERY = "query"
    ARTIFACTS = "artifacts"


ROLE_OF_KIND: Final[Mapping[Kind, Role]] = {
    Kind.WRITE: Role.INGEST,
    Kind.READ: Role.QUERY,
    Kind.PAGE: Role.QUERY,
    Kind.ARTIFACT: Role.ARTIFACTS,
    Kind.OPERATION: Role.QUERY,
}

DEFAULT_ROLE: Final = Role.QUERY

LONGER_THAN_THEIRS_S: Final = 60
"""The roles give up before the proxy does: this much is added to the longest silence a role allows itself."""

SILENCE_S: Final = 600
"""How long a role may work without sending a byte: removing a folder of a hundred thousand files is the longest."""

CLIENT_SILENCE_S: Final = 120
"""How long a client may pause in the middle of its upload or download."""

CONNECT_S: Final = 2
"""A role on the same network takes a connection at once or is not there."""

IDLE_CONNECTIONS: Final = 64
"""Kept open to each role by each worker, so that requests need no new ones."""

MAX_HEADER: Final = "8 64k"
"""As the roles take them: a request line names a hundred runs."""

BAD_REQUEST_PATH: Final = "/.proxy/bad-request"
"""Inside the proxy only; no other path begins like this."""

_VARIABLE: Final = re.compile(r"\{(?P<name>[^{}:]+)(?::(?P<pattern>[^{}]*))?\}")
_REGEX_SPECIAL: Final = re.compile(r"[\\.^$*+?{}\[\]|()]")


@dataclass(frozen=True, slots=True, kw_only=True)
class RolesTls:
    """How the proxy speaks TLS with the roles, by files of its machine.

    `authorities` vouch for the certificates of the roles, which are named `name`, or where that is None like the role:
    ingest, query, artifacts. `certificate` and `key` are the proxy's own, for roles that ask for one.
    """

    authorities: str
    name: str | None = None
    certificate: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySettings:
    """Where the proxy listens and where the roles are.

    `listen` and `roles` are addresses as nginx writes them: `host:port`. `resolver`, the address of a name server,
    makes nginx (1.27.3 or newer) follow names to new addresses while it runs; without it names are looked up once, when
    nginx starts or is told to reload. `worker_user` None leaves it to nginx; `folder` None leaves its files where nginx
    was built to keep them, otherwise all of them are below it. Without `roles_tls` it speaks HTTP with the roles.
    """

    listen: Sequence[str]
    roles: Mapping[Role, Sequence[str]]
    resolver: str | None = None
    roles_tls: RolesTls | None = None
    worker_user: str | None = None
    folder: str | None = None


def configuration(endpoints: Iterable[Endpoint], settings: ProxySettings) -> str:
    """The text of an `nginx.conf` that sends each endpoint to its role."""
    table = RoleTable.of(endpoints)
    return "\n".join(
        [
            "# Made by `tracklog proxy-config` from the route table; made anew rather than edited.",
            *_main(settings),
            "http {",
            *_indented(_http(table, settings)),
            "}",
            "",
        ]
    )


@dataclass(frozen=True, slots=True)
class RoleTable:
    """What the maps of the configuration say: roles by path, and by method and path where two roles share one.

    The keys are paths in the route table's own syntax.
    """

    by_path: Mapping[str, Role]
    by_method: Mapping[tuple[str, str], Role]

    @classmethod
    def of(cls, endpoints: Iterable[Endpoint]) -> "RoleTable":
        methods: dict[str, dict[str, Role]] = defaultdict(dict)
        for endpoint in endpoints:
            methods[endpoint.path][endpoint.method] = ROLE_OF_KIND[endpoint.route.kind]
        by_path: dict[str, Role] = {}
        by_method: dict[tuple[str, str], Role] = {}
        for path, roles in methods.items():
            # A method that no role serves is refused by the role that reads, as good as any.
            by_path[path] = next(iter(roles.values())) if len(set(roles.values())) == 1 else DEFAULT_ROLE
            by_method |= {(method, path): role for method, role in roles.items() if role is not by_path[path]}
        return cls(by_path, by_method)


def _main(settings: ProxySettings) -> Iterator[str]:
    if settings.worker_user is not None:
        yield f"user {settings.worker_user};"
    yield "worker_processes auto;"
    yield "worker_rlimit_nofile 16384;  # two for each connection"
    yield "worker_shutdown_timeout 30s;"
    if settings.folder is not None:
        yield f"pid {settings.folder}/nginx.pid;"
    yield "error_log stderr warn;"
    yield "events { worker_connections 8192; }"


def _http(table: RoleTable, settings: ProxySettings) -> Iterator[str]:
    if settings.folder is not None:
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"):
            yield f"{kind}_temp_path {settings.folder}/{kind}_temp;"
    yield "access_log off;  # the roles have one each, with more in it"
    yield "server_tokens off;"
    yield "tcp_nodelay on;"
    yield "types { }"
    yield "default_type application/json;"
    if settings.resolver is not None:
        yield f"resolver {settings.resolver} valid=5s;"
    yield ""
    yield from _maps(table)
    for role in Role:
        yield f"upstream {role.value} {{"
        yield from _indented(_upstream(role, settings))
        yield "}"
    yield ""
    yield "server {"
    yield from _indented(_server(settings))
    yield "}"


def _maps(table: RoleTable) -> Iterator[str]:
    yield "map_hash_max_size 8192;"
    yield "map_hash_bucket_size 256;"
    yield ""
    yield "# The path as it was sent, and the method by which its role is chosen: a preflight asks for another's sake."
    yield 'map $request_uri $sent_path { "~^(?<path_as_sent>[^?#]*)" $path_as_sent; }'
    yield 'map "$request_method $http_access_control_request_method" $meant_method {'
    yield '  "~^OPTIONS (?<preflighted>.+)$" $preflighted;'
    yield '  "~^HEAD " GET;'
    yield "  default $request_method;"
    yield "}"
    yield ""
    fixed = {path: role for path, role in table.by_path.items() if "{" not in path}
    varying = {path: role for path, role in table.by_path.items() if "{" in path}
    yield from _map("$uri", "$role_of_path", _quoted(fixed), "$role_of_sent_pattern")
    yield from _map("$sent_path", "$role_of_sent_pattern", _patterns(varying), "$role_of_pattern")
    yield from _map("$uri", "$role_of_pattern", _patterns(varying), DEFAULT_ROLE.value)
    by_method = {f"{method} {path}": role for (method, path), role in table.by_method.items()}
    fixed = {key: role for key, role in by_method.items() if "{" not in key}
    varying = {key: role for key, role in by_method.items() if "{" in key}
    yield from _map('"$meant_method $uri"', "$role", _quoted(fixed), "$role_by_sent_pattern")
    yield from _map('"$meant_method $sent_path"', "$role_by_sent_pattern", _patterns(varying), "$role_by_pattern")
    yield from _map('"$meant_method $uri"', "$role_by_pattern", _patterns(varying), "$role_of_path")
    yield "# How a request is passed on: `once` may not be repeated at another process of the role once it was sent."
    yield 'map "$request_method $role" $way {'
    yield '  "~^(PUT|DELETE) (ingest|artifacts)$" once;'
    yield '  "~ ingest$" write;'
    yield '  "~ artifacts$" stream;'
    yield "  default read;"
    yield "}"
    yield "# Whether a write that has no answer never left the proxy: then its client may repeat it, whatever it was."
    yield 'map "$way $upstream_bytes_sent" $unsent_write {'
    yield '  "~^read" "";'
    yield '  "~[1-9]" "";'
    yield "  default 1;"
    yield "}"


def _map(source: str, target: str, entries: Mapping[str, Role], default: str) -> Iterator[str]:
    yield f"map {source} {target} {{"
    yield f"  default {default};"
    yield from (f"  {pattern} {role.value};" for pattern, role in entries.items())
    yield "}"
    yield ""


def _quoted(roles: Mapping[str, Role]) -> dict[str, Role]:
    # Those of the default role too: a pattern of another role may match them.
    return {f'"{text}"': role for text, role in roles.items()}


def _patterns(roles: Mapping[str, Role]) -> dict[str, Role]:
    """Regular expressions, in the order of the route table: nginx takes the first that matches."""
    found = {f'"~{regular_expression(path)}"': role for path, role in roles.items()}
    # Behind the last that names another role, those of the default role change nothing.
    while found and next(reversed(found.values())) is DEFAULT_ROLE:
        found.popitem()
    return found


def regular_expression(path: str) -> str:
    """What nginx matches a path by that is in the route table's syntax."""
    parts: list[str] = []
    position = 0
    for variable in _VARIABLE.finditer(path):
        parts.append(_literal(path[position : variable.start()]))
        parts.append(variable["pattern"] or "[^/]+")
        position = variable.end()
    parts.append(_literal(path[position:]))
    return f"^{''.join(parts)}$"


def _literal(text: str) -> str:
    return _REGEX_SPECIAL.sub(r"\\\g<0>", text)


def _upstream(role: Role, settings: ProxySettings) -> Iterator[str]:
    if settings.resolver is not None:
        yield f"zone {role.value} 256k;"
    for address in settings.roles[role]:
        resolve = " resolve" if settings.resolver is not None else ""
        # One that is not there is asked again soon: the roles restart within a second or two.
        yield f"server {address}{resolve} max_fails=1 fail_timeout=1s;"
    yield "random two least_conn;"
    yield f"keepalive {IDLE_CONNECTIONS};"
    yield "keepalive_requests 100000;"
    yield "keepalive_timeout 60s;"


def _server(settings: ProxySettings) -> Iterator[str]:
    scheme = "http" if settings.roles_tls is None else "https"
    yield from (f"listen {address} backlog=1024;" for address in settings.listen)
    yield f"large_client_header_buffers {MAX_HEADER};"
    yield "client_max_body_size 0;  # the roles bound it, each route for itself"
    yield f"client_body_timeout {CLIENT_SILENCE_S}s;"
    yield f"send_timeout {CLIENT_SILENCE_S}s;"
    yield "keepalive_timeout 620s;"
    yield "keepalive_requests 100000;"
    yield "merge_slashes off;"
    yield "underscores_in_headers on;"
    yield ""
    yield "proxy_http_version 1.1;"
    yield 'proxy_set_header Connection "";'
    yield "proxy_set_header Host $http_host;"
    yield "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
    yield "proxy_set_header X-Forwarded-Proto $scheme;"
    yield f"proxy_connect_timeout {CONNECT_S}s;"
    yield f"proxy_read_timeout {SILENCE_S + LONGER_THAN_THEIRS_S}s;"
    yield f"proxy_send_timeout {SILENCE_S + LONGER_THAN_THEIRS_S}s;"
    yield "proxy_pass_header Server;"
    yield "proxy_redirect off;"
    if settings.roles_tls is not None:
        yield from _tls(settings.roles_tls)
    yield "# Answers pass as they come, at the pace of the client, and nothing is kept on this machine's disk."
    yield "proxy_buffering off;"
    yield ""
    yield "# What the proxy itself has to say, in the shape in which clients expect it."
    yield "recursive_error_pages on;"
    yield "# (Not a named location: a request that cannot be read has no path, without which there is no way to one.)"
    yield f"error_page 400 411 413 414 421 494 = {BAD_REQUEST_PATH};"
    yield "error_page 500 502 503 504 = @away;"
    yield "error_page 470 = @once;"
    yield "error_page 471 = @write;"
    yield "error_page 472 = @stream;"
    yield ""
    yield "location / {"
    yield "  if ($way = once) { return 470; }"
    yield "  if ($way = write) { return 471; }"
    yield "  if ($way = stream) { return 472; }"
    yield "  proxy_next_upstream error timeout;"
    yield "  proxy_next_upstream_tries 3;"
    yield f"  proxy_pass {scheme}://{DEFAULT_ROLE.value};"
    yield "}"
    yield "# A body goes to the role as it comes, and so never to a second one. Where no connection can be had, before"
    yield "# anything was sent, another process of the role is tried. (nginx never repeats a POST or PATCH.)"
    yield "location @write {"
    yield "  proxy_request_buffering off;"
    yield "  proxy_next_upstream error;"
    yield "  proxy_next_upstream_tries 3;"
    yield f"  proxy_pass {scheme}://{Role.INGEST.value};"
    yield "}"
    yield "location @stream {"
    yield "  proxy_request_buffering off;"
    yield "  proxy_next_upstream error;"
    yield "  proxy_next_upstream_tries 3;"
    yield f"  proxy_pass {scheme}://{Role.ARTIFACTS.value};"
    yield "}"
    yield "location @once {"
    yield "  proxy_request_buffering off;"
    yield "  proxy_next_upstream off;"
    yield f"  proxy_pass {scheme}://$role;"
    yield "}"
    yield f"location = {BAD_REQUEST_PATH} {{"
    yield "  internal;"
    yield f"  return 400 '{error_body(InvalidParameterValue('The proxy could not read this request.')).decode()}';"
    yield "}"
    yield "location @away {"
    yield f"  add_header Retry-After {AWAY_RETRY_S} always;"
    yield "  if ($unsent_write) {"
    yield f"    add_header Retry-After {AWAY_RETRY_S} always;"
    away = "No process that serves this request can be reached."
    yield f"    return 429 '{error_body(TemporarilyUnavailable(away)).decode()}';"
    yield "  }"
    broken = "No process that serves this request answered it."
    yield f"  return 503 '{error_body(TemporarilyUnavailable(broken)).decode()}';"
    yield "}"


def _tls(tls: RolesTls) -> Iterator[str]:
    yield "# Roles show a certificate, which is checked: nginx by itself would take any."
    yield "proxy_ssl_verify on;"
    yield "proxy_ssl_verify_depth 3;"
    yield f"proxy_ssl_trusted_certificate {tls.authorities};"
    yield "proxy_ssl_protocols TLSv1.2 TLSv1.3;"
    yield "proxy_ssl_server_name on;"
    if tls.name is not None:
        yield f"proxy_ssl_name {tls.name};"
    if tls.certificate is not None:
        yield f"proxy_ssl_certificate {tls.certificate};"
        yield f"proxy_ssl_certificate_key {tls.key or tls.certificate};"


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" if line else "" for line in lines)
