"""What a process serves and needs, declared by every role and deployment."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final

from schemas.rest.route import Kind, Route
from tracklog.web.front_door import Authenticator, Authorizer, Browsers
from tracklog.web.metrics import MetricSource
from tracklog.web.readiness import Check

EVERY_KIND: Final = frozenset(Kind)


class CannotStart(Exception):
    """What the process needs did not come within a bound; the message says what and why."""


class ToldToStop(Exception):
    """The process was told to stop before it had what it needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What a process serves: routes, its metrics, and what it needs to be ready, by name.

    `notices` are looked at beside the needs: what one finds is told, and the process is ready all the same.

    `role` names the process where others serve the rest, whose kinds of routes are not in `kinds`.
    `authenticator` knows the users, and `authorizer` what they may do, where users are known; `browsers` those who log
    in by a browser. `position` says which state is shown, where it is one that is past.
    """

    routes: Sequence[Route]
    metrics: Sequence[MetricSource] = ()
    needs: Mapping[str, Check] = field(default_factory=dict)
    notices: Mapping[str, Check] = field(default_factory=dict)
    kinds: frozenset[Kind] = EVERY_KIND
    role: str | None = None
    authenticator: Authenticator | None = None
    authorizer: Authorizer | None = None
    browsers: Browsers | None = None
    position: str | None = None


Open = Callable[[asyncio.Event], AbstractAsyncContextManager[Services]]
"""Opens the services of a process, and closes them when the context is left. The event is set when it is to stop;
it then raises ToldToStop if it still waits for something, and CannotStart where that does not come within a bound."""
