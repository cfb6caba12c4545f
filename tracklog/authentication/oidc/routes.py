"""The routes by which a browser logs in and out."""

import hmac
from html import escape
from typing import Final

from aiohttp import hdrs, web

from schemas.errors import TracklogError
from schemas.rest.request_keys import ACTOR
from schemas.rest.route import KIB, NO_PREFIX, Handler, Kind, Limits, Permission, Route
from tracklog.authentication.oidc.accounts import Accounts
from tracklog.authentication.oidc.browsers import CALLBACK, LOGIN, LOGOUT, Browsers, redirect
from tracklog.authentication.oidc.login import Attempt, Login, is_own_path
from tracklog.authentication.oidc.provider import GrantRefused, ProviderAway
from tracklog.authentication.oidc.sessions import Sessions, form_token
from tracklog.settings.oidc import OidcSettings

LIMITS: Final = Limits(body_bytes=4 * KIB, timeout_s=60.0)

HEADERS: Final = {
    hdrs.CACHE_CONTROL: "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
FORM_FIELD: Final = "form_token"


class BrowserLogin:
    """The handlers."""

    def __init__(
        self,
        settings: OidcSettings,
        login: Login,
        sessions: Sessions,
        accounts: Accounts,
        browsers: Browsers,
        prefix: str,
    ) -> None:
        self._settings = settings
        self._login = login
        self._sessions = sessions
        self._accounts = accounts
        self._browsers = browsers
        self._prefix = prefix

    async def log_in(self, request: web.Request) -> web.Response:
        """To the provider."""
        back_to = request.query.get("next", "")
        if not (is_own_path(back_to) and back_to.startswith(f"{self._prefix}/")):
            back_to = f"{self._prefix}/"
        attempt = Attempt.new(back_to)
        url = await self._login.url(attempt, self._callback(request))
        response = redirect(url)
        self._browsers.keep_attempt(request, response, attempt)
        return response

    async def come_back(self, request: web.Request) -> web.Response:
        """From the provider: begin a session, and go back to where one was."""
        query = request.query
        state = query.get("state", "")
        attempt = self._browsers.attempt(request, state)
        if attempt is None:
            return self._page(400, "This login was begun in another browser, or too long ago.", again=True)
        if query.get("iss", self._settings.issuer) != self._settings.issuer:
            return self._page(400, "Another provider has answered.", again=True)
        code = query.get("code")
        if code is None:
            return self._page(403, "The provider of single sign-on has not let you in.", again=True)
        try:
            renewed = await self._login.finished(attempt, code, self._callback(request))
        except GrantRefused:
            return self._page(400, "This login counts no more.", again=True)
        principal = await self._accounts.principal(renewed.known, request[ACTOR].address)
        before = self._browsers.session_id(request)
        if before is not None:
            await self._sessions.forget(before)
        session_id = await self._sessions.begin(renewed)
        response = redirect(attempt.back_to, 303)
        self._browsers.drop_attempt(request, response, state)
        self._browsers.keep_session(request, response, session_id, principal.user)
        return response

    async def ask_whether_to_log_out(self, request: web.Request) -> web.Response:
        """A form; for who has logged out here, the way to log out at the provider."""
        session_id = self._browsers.session_id(request)
        if session_id is None:
            return self._page(200, "You are logged out.", again=True)
        if await self._sessions.is_over(session_id):
            return await self._to_the_provider(request, session_id)
        form = (
            f'<form method="post"><input type="hidden" name="{FORM_FIELD}" value="{form_token(session_id)}">'
            "<button>Log out</button></form>"
        )
        return self._page(200, "Do you want to log out, here and at the provider of single sign-on?", more=form)

    async def log_out(self, request: web.Request) -> web.Response:
        """End the session."""
        session_id = self._browsers.session_id(request)
        if session_id is not None:
            given = (await request.post()).get(FORM_FIELD)
            if not isinstance(given, str) or not hmac.compare_digest(given.encode(), form_token(session_id).encode()):
                return self._page(403, "This form is not of this session. Load the page again.")
            await self._sessions.end(session_id)
        return redirect(f"{self._prefix}{LOGOUT}", 303)

    async def _to_the_provider(self, request: web.Request, session_id: str) -> web.Response:
        tokens = await self._sessions.take_over(session_id)
        url = None
        if tokens is not None:
            try:
                url = await self._login.log_out_url(tokens, f"{self._browsers.base_url(request)}{LOGOUT}")
            except ProviderAway as error:
                return self._over(request, self._page(200, f"You are logged out here. {error.message}", again=True))
        return self._over(request, redirect(url) if url else self._page(200, "You are logged out.", again=True))

    def _over(self, request: web.Request, response: web.Response) -> web.Response:
        self._browsers.drop_session(request, response)
        return response

    def _callback(self, request: web.Request) -> str:
        return f"{self._browsers.base_url(request)}{CALLBACK}"

    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """What `handler` answers; errors as pages, for it is a person who reads them."""
        try:
            return await handler(request)
        except TracklogError as error:
            return self._page(error.status, error.message, again=True)

    def _page(self, status: int, said: str, *, again: bool = False, more: str = "") -> web.Response:
        if again:
            more += f'<p><a href="{escape(self._prefix)}{LOGIN}">Log in</a></p>'
        text = (
            f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>Tracklog</title>\n'
            f"<h1>Tracklog</h1>\n<p>{escape(said)}</p>\n{more}\n</html>\n"
        )
        return web.Response(status=status, text=text, content_type="text/html", headers=HEADERS)


def login_routes(pages: BrowserLogin) -> tuple[Route, ...]:
    """Every route of these pages. They are served where accounts are made."""

    async def log_in(request: web.Request) -> web.StreamResponse:
        return await pages.answer(request, pages.log_in)

    async def come_back(request: web.Request) -> web.StreamResponse:
        return await pages.answer(request, pages.come_back)

    async def ask_whether_to_log_out(request: web.Request) -> web.StreamResponse:
        return await pages.answer(request, pages.ask_whether_to_log_out)

    async def log_out(request: web.Request) -> web.StreamResponse:
        return await pages.answer(request, pages.log_out)

    return (
        _route(hdrs.METH_GET, LOGIN, log_in),
        _route(hdrs.METH_GET, CALLBACK, come_back),
        _route(hdrs.METH_GET, LOGOUT, ask_whether_to_log_out),
        _route(hdrs.METH_POST, LOGOUT, log_out),
    )


def _route(method: str, path: str, handler: Handler) -> Route:
    return Route(
        method=method,
        path=path,
        prefixes=NO_PREFIX,
        handler=handler,
        kind=Kind.WRITE,
        permission=Permission.PUBLIC,
        limits=LIMITS,
    )
