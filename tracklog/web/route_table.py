"""The routes a server answers, checked before it starts: fail closed means that an undeclared route does not run."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any, Final

from schemas.rest.access import Creates, On
from schemas.rest.route import Kind, Limits, Permission, Route

METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})

MAX_TIMEOUT_S: Final = 24 * 3600.0
"""No request may run longer, whatever its route declares."""

_VARIABLE: Final = re.compile(r"\{[^{}:]+(:[^{}]*)?\}")


class UnsafeRouteTable(Exception):
    """The route table is not one to start a server with; the message names every fault."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method on one path, as the server registers it. `template` is how logs and metrics call it."""

    method: str
    path: str
    template: str
    route: Route


def endpoints_of(built: Iterable[Route], unbuilt: Iterable[Route] = (), *, static_prefix: str = "") -> list[Endpoint]:
    """Every endpoint of the built routes, then those of `unbuilt` that no built route answers.

    Raises UnsafeRouteTable unless every route declares what `schemas.rest.route.Route` asks for, and each method on
    each path is built once.
    """
    built, unbuilt = list(built), list(unbuilt)
    faults = [f"{_named(route)}: {fault}" for route in (*built, *unbuilt) for fault in faults_of(route)]
    if faults:
        raise UnsafeRouteTable("; ".join(faults))
    found: dict[tuple[str, str], Endpoint] = {}
    for endpoint in _expanded(built, static_prefix):
        other = found.setdefault(_key(endpoint), endpoint)
        if other is not endpoint:
            faults.append(f"{endpoint.method} {endpoint.path} is served twice")
    if faults:
        raise UnsafeRouteTable("; ".join(faults))
    for endpoint in _expanded(unbuilt, static_prefix):
        found.setdefault(_key(endpoint), endpoint)
    return list(found.values())


def faults_of(declared: Route) -> Iterator[str]:
    """What a route fails to declare, or declares wrongly. Types are checked here because Python does not."""
    route: Any = declared
    if route.method not in METHODS:
        yield f"method {route.method!r} is not one of {', '.join(sorted(METHODS))}"
    if not isinstance(route.path, str) or not route.path.startswith("/"):
        yield "its path does not begin with '/'"
    if not isinstance(route.prefixes, tuple) or not route.prefixes:
        yield "it declares no prefix (the empty one is a prefix)"
    elif any(not isinstance(prefix, str) or (prefix and not prefix.startswith("/")) for prefix in route.prefixes):
        yield "a prefix does not begin with '/'"
    if not iscoroutinefunction(getattr(route.handler, "func", route.handler)):
        yield "its handler is not an async function"
    if not isinstance(route.kind, Kind):
        yield "it declares no kind"
    if not isinstance(route.permission, Permission) and not _is_rule(route.permission):
        yield "it declares no permission"
    yield from _limit_faults(route.limits)


def _is_rule(permission: Any) -> bool:
    return (
        isinstance(permission, tuple) and bool(permission) and all(isinstance(one, On | Creates) for one in permission)
    )


def _limit_faults(limits: Any) -> Iterator[str]:
    if not isinstance(limits, Limits):
        yield "it declares no limits"
        return
    body_bytes: Any = limits.body_bytes
    timeout_s: Any = limits.timeout_s
    if body_bytes is not None and (type(body_bytes) is not int or body_bytes < 0):
        yield "its limit of body bytes is neither a number nor None"
    if not isinstance(timeout_s, int | float) or not 0 < timeout_s <= MAX_TIMEOUT_S:
        yield f"its time limit is not between 0 and {MAX_TIMEOUT_S:.0f} s"


def _expanded(routes: Iterable[Route], static_prefix: str) -> Iterator[Endpoint]:
    for route in routes:
        for prefix in route.prefixes:
            template = prefix + route.path
            yield Endpoint(route.method, static_prefix + template, template, route)


def _key(endpoint: Endpoint) -> tuple[str, str]:
    """Equal for endpoints that answer the same requests whatever they call the variables in their path."""
    return endpoint.method, _VARIABLE.sub(lambda variable: "{" + (variable[1] or "") + "}", endpoint.path)


def _named(route: Route) -> str:
    return f"{route.method} {route.path}"
