"""The form of every artifact route: a named handler of what is served and of a request."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, TypeVar

from aiohttp import web

from schemas.rest.access import Rule
from schemas.rest.route import Handler, Kind, Limits, Permission, Route

TRANSFER_LIMITS: Final = Limits(body_bytes=None, timeout_s=6 * 3600.0)
"""No bound on bytes but the store's room. In six hours 5 GiB pass 2 Mbit/s; a silent client is cut off far sooner."""

DELETE_LIMITS: Final = Limits(timeout_s=600.0)
"""A folder of a hundred thousand files takes a while to remove."""

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class ArtifactRoute(Generic[S]):
    """A route whose handler is given `S`: the destination behind the proxy's addresses, or the whole artifact proxy."""

    method: str
    prefixes: tuple[str, ...]
    path: str
    handler: Callable[[S, web.Request], Awaitable[web.StreamResponse]]
    permission: Permission | Rule
    limits: Limits

    def serving(self, served: S) -> Route:
        """The route on a server that serves `served`."""
        return self._route(partial(self.handler, served))

    def serving_nothing(self) -> Route:
        """The route on a server that serves no artifacts."""
        return self._route(not_serving)

    def _route(self, handler: Handler) -> Route:
        return Route(
            method=self.method,
            path=self.path,
            prefixes=self.prefixes,
            handler=handler,
            # Listings too: only the role that passes artifacts has the stores.
            kind=Kind.ARTIFACT,
            permission=self.permission,
            limits=self.limits,
        )


async def not_serving(_request: web.Request) -> web.StreamResponse:
    """The answer of a server that does not serve artifacts: status and plain text, as MLflow's."""
    text = "This server does not serve artifacts (--no-serve-artifacts); clients reach the artifact root themselves.\n"
    return web.Response(status=503, text=text)
