"""What every route declares before a server will start with it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from aiohttp import web

from schemas.rest.access import Rule

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

NO_PREFIX: Final = ("",)
V2: Final = ("/api/2.0", "/ajax-api/2.0")
V2_AJAX_ONLY: Final = ("/ajax-api/2.0",)
V3: Final = ("/api/3.0", "/ajax-api/3.0")
V3_AJAX_ONLY: Final = ("/ajax-api/3.0",)
TRACKLOG_V1: Final = ("/api/tracklog/v1",)
"""Before what MLflow does not have."""

KIB: Final = 1024
MIB: Final = 1024 * KIB


class Kind(Enum):
    """What a route does to the data, and so which role serves it."""

    WRITE = "write"
    READ = "read"
    ARTIFACT = "artifact"
    PAGE = "page"
    OPERATION = "operation"


class Permission(Enum):
    """Who may use a route that is not about something which rights are granted to.

    Without authentication everybody may use every route.
    """

    PUBLIC = "public"
    AUTHENTICATED = "authenticated"
    SEEN = "seen"
    """A user, who is answered from what they may read."""
    JUDGED = "judged"
    """A user; each part of the request is judged by the rule of the route that does the same."""
    ADMIN = "admin"
    SECRET = "secret"
    """Who knows a secret in the URL, which somebody was given who was allowed to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one request. `body_bytes` None means the body is streamed and its handler bounds it."""

    body_bytes: int | None = MIB
    timeout_s: float = 30.0
    is_endless: bool = False
    """It ends when the client leaves, the server stops or the time is over, and holds no share of the requests."""


READ_LIMITS: Final = Limits()
WRITE_LIMITS: Final = Limits()
"""Of a few short texts."""
DATA_LIMITS: Final = Limits(body_bytes=16 * MIB)
"""Of texts that may be long. A full log-batch of 1,000 metrics with 250-character keys stays under 1 MiB; 16 MiB leaves
room for texts that are cut, dataset schemas (1 MiB) and profiles (16 MiB less a little)."""
LISTEN_LIMITS: Final = Limits(timeout_s=3600.0, is_endless=True)
STREAM_LIMITS: Final = Limits(body_bytes=None, timeout_s=3600.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method on one path under each of its prefixes.

    `path` is in aiohttp's syntax: `{name}` is a segment, `{name:.+}` may contain slashes. `permission` says who may use
    it, or as a rule what has to be held on what the request is about. `takes_moment`: it also answers as of a moment
    that is past.
    """

    method: str
    path: str
    prefixes: tuple[str, ...]
    handler: Handler
    kind: Kind
    permission: Permission | Rule
    limits: Limits
    takes_moment: bool = False
