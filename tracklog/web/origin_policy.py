"""Which requests a browser may make: the Host and Origin headers of each, and the answers to preflights (CORS)."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from aiohttp import hdrs, web
from multidict import istr

from tracklog.settings.process import WebSettings
from tracklog.web.origins import host_rule, is_same_origin, origin_rule

STATE_CHANGING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
GUARDED_PREFIXES: Final = ("/api/", "/ajax-api/")
FETCH_SITE: Final = istr("Sec-Fetch-Site")
FETCH_MODE: Final = istr("Sec-Fetch-Mode")
FETCH_DEST: Final = istr("Sec-Fetch-Dest")

UNCHECKED_HOST_PATHS: Final = frozenset({"/health", "/ready", "/version"})
"""Probes ask by addresses of their own, and learn nothing here."""

PREFLIGHT_METHODS: Final = "GET, POST, PUT, DELETE, OPTIONS, PATCH"
PREFLIGHT_MAX_AGE_S: Final = 600

_HEADER_NAMES: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~, -]{0,4096}")


class OriginPolicy:
    """The hosts and origins that the settings of a process allow."""

    def __init__(self, settings: WebSettings) -> None:
        self._prefix = settings.static_prefix
        self._takes_host = host_rule(settings.allowed_hosts)
        self._takes_origin = origin_rule(settings.allowed_origins)

    def blocked(self, request: web.Request) -> web.Response | None:
        """The answer to a request that a browser must not make here, and to OPTIONS; None where a handler answers.

        Plain text, as MLflow answers.
        """
        host = request.headers.get(hdrs.HOST, "")
        path = request.path
        if self._prefix:
            path = path.removeprefix(self._prefix)
        if path not in UNCHECKED_HOST_PATHS and not self._takes_host(host):
            return web.Response(status=403, text="Invalid Host header. Name it in --allowed-hosts to let it in.\n")
        method = request.method
        if method == hdrs.METH_OPTIONS:
            return self._options(request)
        if method in STATE_CHANGING and path.startswith(GUARDED_PREFIXES):
            origin = request.headers.get(hdrs.ORIGIN)
            if origin is not None and not self._is_friend(origin, host):
                return web.Response(
                    status=403, text="Cross-origin request blocked. Name the origin in --cors-allowed-origins.\n"
                )
        return None

    def _is_friend(self, origin: str, host: str) -> bool:
        return self._takes_origin(origin) or is_same_origin(origin, host)

    def _options(self, request: web.Request) -> web.Response | None:
        """A preflight's answer, or the methods of a path; None for a path that does not exist."""
        error = request.match_info.http_exception
        if not isinstance(error, web.HTTPMethodNotAllowed):
            return None
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is None or hdrs.ACCESS_CONTROL_REQUEST_METHOD not in request.headers:
            return web.Response(status=204, headers={hdrs.ALLOW: allow_header(error.allowed_methods)})
        if not self._is_friend(origin, request.headers.get(hdrs.HOST, "")):
            return web.Response(status=400, text="Disallowed CORS origin\n")
        headers = {
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: PREFLIGHT_METHODS,
            hdrs.ACCESS_CONTROL_MAX_AGE: str(PREFLIGHT_MAX_AGE_S),
        }
        wanted = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS)
        if wanted is not None and _HEADER_NAMES.fullmatch(wanted) is not None:
            headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = wanted
        return web.Response(text="OK", headers=headers)

    def cors_headers(self, origin: str) -> Mapping[str, str]:
        """What lets a page of a friendly origin read an answer; its name must be there, `*` shuts out credentials."""
        headers: dict[str, str] = {hdrs.VARY: hdrs.ORIGIN}
        if self._takes_origin(origin):
            headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
            headers[hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS] = "true"
            headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = "*"
        return headers


def is_of_own_page(request: web.BaseRequest) -> bool:
    """Whether a browser asks for a page of this server's own, or is led here by its user: its cookies count then.

    Other ports of a host are the same site, to which cookies are sent, and another origin. Where a browser does not say
    what a request comes from (Sec-Fetch-Site is sent to https and localhost alone), it names the origin of a change.
    """
    headers, host = request.headers, request.headers.get(hdrs.HOST, "")
    origin, site = headers.get(hdrs.ORIGIN), headers.get(FETCH_SITE)
    is_change = request.method in STATE_CHANGING
    if origin is not None and not is_same_origin(origin, host):
        return False
    if site is None:
        return origin is not None or not is_change
    if site == "same-origin":
        return True
    is_led_here = headers.get(FETCH_MODE) == "navigate" and headers.get(FETCH_DEST) == "document"
    return not is_change and (site == "none" or is_led_here)


def allow_header(methods: Iterable[str]) -> str:
    """The methods of a path, OPTIONS among them, for the header Allow."""
    return ", ".join(sorted({*methods, hdrs.METH_OPTIONS}))
