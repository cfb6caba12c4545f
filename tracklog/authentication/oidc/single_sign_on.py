"""What a process knows of a provider of OpenID Connect, put together."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Self

from aiohttp import web

from query_api.port import ReadModel
from schemas.errors import TracklogError
from schemas.rest.route import Route
from tracklog.authentication.oidc.accounts import Accounts
from tracklog.authentication.oidc.bearer import BearerTokens
from tracklog.authentication.oidc.browsers import Browsers
from tracklog.authentication.oidc.login import Login
from tracklog.authentication.oidc.provider import Provider
from tracklog.authentication.oidc.routes import BrowserLogin, login_routes
from tracklog.authentication.oidc.sessions import SWEEP_S, Sessions
from tracklog.authentication.oidc.signing_keys import SigningKeys
from tracklog.background import in_background
from tracklog.secret_store.port import Secrets
from tracklog.settings.oidc import OidcSettings

logger = logging.getLogger(__name__)


class SingleSignOn:
    """The provider is asked when something of it is needed."""

    def __init__(
        self,
        settings: OidcSettings,
        read_model: ReadModel,
        caught_up: Callable[[], Awaitable[object]],
        store: Secrets,
        prefix: str,
        is_https: Callable[[web.BaseRequest], bool],
    ) -> None:
        self._provider = Provider(settings)
        self._keys = SigningKeys(self._provider.keys, time.monotonic)
        self.accounts = Accounts(read_model)
        self.bearer = BearerTokens(settings, self._keys, self.accounts, lambda: time.time_ns() // 1_000_000)
        login = Login(settings, self._provider, self._keys, time.time)
        self._sessions = Sessions(settings, store, self.accounts, caught_up, login.renewed, time.time)
        self.browsers = Browsers(self._sessions, prefix, is_https)
        pages = BrowserLogin(settings, login, self._sessions, self.accounts, self.browsers, prefix)
        self.routes: tuple[Route, ...] = login_routes(pages)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Forget sessions that have ended now and then, for as long as the context lasts, and close what is open."""
        try:
            async with in_background(self._sweep()):
                yield self
        finally:
            await self._keys.close()
            await self._provider.close()

    async def _sweep(self) -> None:
        while True:
            try:
                await self._sessions.sweep()
            except TracklogError as error:
                logger.info("sessions that have ended are not forgotten yet: %s", error)
            await asyncio.sleep(SWEEP_S)
