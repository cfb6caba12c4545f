"""What a browser keeps of a login: cookies, by which the front door knows who asks."""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from aiohttp import hdrs, web

from schemas.errors import Unauthenticated
from schemas.principal import Principal
from tracklog.authentication.oidc.login import Attempt, is_own_path
from tracklog.authentication.oidc.sessions import LIFE_S, LOGGED_OUT, Sessions

SESSION: Final = "tracklog-session"
MARKER: Final = "mlflow_user"
"""Holds the user's name, no secret. The stock page deletes it where one logs out: a session without it has ended."""
ATTEMPT: Final = "tracklog-login-"
ATTEMPT_S: Final = 600
"""How long one may take over a login."""

LOGIN: Final = "/oidc/login"
CALLBACK: Final = "/oidc/callback"
LOGOUT: Final = "/oidc/logout"


class Browsers:
    """`prefix` is before every path here; `is_https` says how a client has come."""

    def __init__(self, sessions: Sessions, prefix: str, is_https: Callable[[web.BaseRequest], bool]) -> None:
        self._sessions = sessions
        self._prefix = prefix
        self._is_https = is_https

    def has_session(self, request: web.Request) -> bool:
        """Whether there is the cookie of a session, which may have ended."""
        return SESSION in request.headers.get(hdrs.COOKIE, "") and self.session_id(request) is not None

    async def principal(self, request: web.Request) -> Principal:
        """Whom the cookie stands for. Raises Unauthenticated when the session has ended, PermissionDenied."""
        session_id = self.session_id(request) or ""
        if MARKER not in request.cookies:
            await self._sessions.end(session_id)
            raise Unauthenticated(LOGGED_OUT)
        return await self._sessions.principal(session_id)

    async def sent_to_log_in(self, request: web.Request) -> web.Response | None:
        """The answer to a browser that is on its way to a page: by way of the provider. None for everything else.

        Who has logged out is sent to log out there first, and would be logged in again otherwise.
        """
        accepts, mode = request.headers.get(hdrs.ACCEPT, ""), request.headers.get("Sec-Fetch-Mode", "navigate")
        if request.method != hdrs.METH_GET or "text/html" not in accepts or mode != "navigate":
            return None
        session_id = self.session_id(request)
        if session_id is not None and await self._sessions.is_over(session_id):
            return redirect(f"{self._prefix}{LOGOUT}")
        path = request.rel_url.raw_path_qs
        query = f"?next={quote(path, safe='')}" if is_own_path(path) else ""
        return redirect(f"{self._prefix}{LOGIN}{query}")

    def session_id(self, request: web.Request) -> str | None:
        """What the cookie of a session holds; None without one."""
        return request.cookies.get(self._session_name(request))

    def base_url(self, request: web.Request) -> str:
        """How the client calls this server, which `--allowed-hosts` has let in."""
        return f"{'https' if self._is_https(request) else 'http'}://{request.host}{self._prefix}"

    def keep_session(self, request: web.Request, response: web.Response, session_id: str, user: str) -> None:
        """Have the browser keep a session."""
        options = self._options(request, self._prefix or "/", LIFE_S)
        response.set_cookie(self._session_name(request), session_id, httponly=True, **options)
        response.set_cookie(MARKER, quote(user, safe=""), **options)

    def drop_session(self, request: web.Request, response: web.Response) -> None:
        """Have the browser forget its session."""
        for name in (self._session_name(request), MARKER):
            response.set_cookie(name, "", httponly=True, **self._options(request, self._prefix or "/", 0))

    def keep_attempt(self, request: web.Request, response: web.Response, attempt: Attempt) -> None:
        """Have the browser keep a login that is under way; there may be several, in several tabs."""
        options = self._options(request, self._prefix + CALLBACK, ATTEMPT_S)
        response.set_cookie(_attempt_name(attempt.state), attempt.text, httponly=True, **options)

    def attempt(self, request: web.Request, state: str) -> Attempt | None:
        """The login that this browser began, and that `state` belongs to."""
        found = Attempt.read(request.cookies.get(_attempt_name(state), ""))
        return found if found is not None and found.is_of(state) else None

    def drop_attempt(self, request: web.Request, response: web.Response, state: str) -> None:
        """Have the browser forget a login that is over."""
        options = self._options(request, self._prefix + CALLBACK, 0)
        response.set_cookie(_attempt_name(state), "", httponly=True, **options)

    def _session_name(self, request: web.Request) -> str:
        """A browser takes the first prefix for cookies of all paths of a host alone, both for those by https alone."""
        if not self._is_https(request):
            return SESSION
        return f"__Secure-{SESSION}" if self._prefix else f"__Host-{SESSION}"

    def _options(self, request: web.Request, path: str, max_age_s: float) -> dict[str, Any]:
        return {"path": path, "max_age": int(max_age_s), "samesite": "Lax", "secure": self._is_https(request)}


def redirect(location: str, status: int = 302) -> web.Response:
    """To another place, and next time perhaps to a third."""
    return web.Response(status=status, headers={hdrs.LOCATION: location, hdrs.CACHE_CONTROL: "no-store"})


def _attempt_name(state: str) -> str:
    return f"{ATTEMPT}{state[:8]}"
