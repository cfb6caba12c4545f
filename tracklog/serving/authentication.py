"""What a process that answers requests knows users by, opened where they are to be known."""

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from event_log.port import EventLog, EventLogReader
from ingest.users.commands import UserCommands
from query_api.freshness import Freshness
from query_api.port import ReadModel
from read_model.progress import ProjectionProgress
from schemas.envelope import Actor, EventClock
from schemas.events import USERS_ORDERING_UNIT, AnyAccessEvent
from schemas.levels import Level
from schemas.rest.route import Route
from tracklog.authentication.attempts import Attempts
from tracklog.authentication.authenticator import Authenticator
from tracklog.authentication.credentials import Credentials
from tracklog.authentication.first_admin import make_first_admin
from tracklog.authentication.passwords import Passwords
from tracklog.authentication.setup import Setup
from tracklog.authorization.authorizer import Authorizer
from tracklog.authorization.grants import Grants
from tracklog.authorization.resources import Resources
from tracklog.background import in_background
from tracklog.secret_store.port import Secrets
from tracklog.settings.authentication import AuthenticationSettings
from tracklog.settings.process import ArtifactSettings, WebSettings

if TYPE_CHECKING:
    from tracklog.authentication.oidc.browsers import Browsers
    from tracklog.authentication.oidc.single_sign_on import SingleSignOn


class Authentication:
    """The credentials of users, who checks them, and who judges what they may do."""

    def __init__(
        self,
        settings: AuthenticationSettings,
        credentials: Credentials,
        authenticator: Authenticator,
        authorizer: Authorizer,
        sign_on: "SingleSignOn | None",
        setup: Setup | None,
        stack: contextlib.AsyncExitStack,
    ) -> None:
        self.credentials = credentials
        self.authenticator = authenticator
        self.authorizer = authorizer
        self._settings = settings
        self._sign_on = sign_on
        self._setup = setup
        self._stack = stack

    async def make_first_admin(self, users: UserCommands) -> None:
        """Begin to make the first account where there is none, for as long as the process serves."""
        await self._stack.enter_async_context(in_background(make_first_admin(users, self._settings, self._setup)))

    def routes(self) -> tuple[Route, ...]:
        """By which accounts come about beside those of users, and browsers log in and out."""
        of_setup = () if self._setup is None else (self._setup.route(),)
        return of_setup + (() if self._sign_on is None else self._sign_on.routes)

    @property
    def default_level(self) -> Level:
        """What everybody holds on everything that is not denied to them."""
        return self._settings.default_permission

    @property
    def browsers(self) -> "Browsers | None":
        """Who has logged in by a browser, where there is single sign-on."""
        return None if self._sign_on is None else self._sign_on.browsers

    def note_access_in(self, log: Callable[[], Awaitable[EventLog]]) -> None:
        """Have it be in the history who is let in, and who is not.

        `log` is asked for when there is something to note.
        """
        clock = EventClock()

        async def append(event: AnyAccessEvent, actor: Actor, request_id: str) -> None:
            await (await log()).append((clock.stamp(event, actor, request_id),))

        self.authenticator.history.append = append

    def make_accounts_by(self, users: UserCommands) -> None:
        """Have whom the provider of single sign-on knows get an account when they come for the first time."""
        if self._sign_on is not None:
            self._sign_on.accounts.create = users.create_of_identity


@contextlib.asynccontextmanager
async def open_authentication(
    web: WebSettings,
    settings: AuthenticationSettings,
    log: EventLogReader,
    progress: ProjectionProgress,
    read_model: ReadModel,
    secrets: Secrets,
    artifacts: ArtifactSettings,
    *,
    is_alone: bool = False,
) -> AsyncIterator[Authentication]:
    """Know the users of a log whose read model is `read_model`, by what is in `secrets`.

    `is_alone`: no other process lets users in, so that a token of this one is all that the operator needs.
    """
    async with contextlib.AsyncExitStack() as stack:
        passwords = Passwords()
        stack.callback(passwords.close)
        credentials = Credentials(secrets, passwords)
        freshness = Freshness(log, progress)
        caught_up = partial(freshness.caught_up, (USERS_ORDERING_UNIT,))
        sign_on = None
        if settings.oidc is not None:
            from tracklog.authentication.oidc.single_sign_on import SingleSignOn
            from tracklog.web.client_address import https_rule

            is_https = https_rule(web.trusted_proxies)
            made = SingleSignOn(settings.oidc, read_model, caught_up, secrets, web.static_prefix, is_https)
            sign_on = await stack.enter_async_context(made.running())
        grants = Grants(read_model)
        resources = Resources(read_model, freshness.caught_up, (artifacts.default_root, artifacts.destination))
        authenticator = Authenticator(
            read_model,
            caught_up,
            credentials,
            Attempts(time.monotonic),
            time.monotonic,
            now_ms,
            None if sign_on is None else sign_on.bearer,
        )
        credentials.on_change = authenticator.look_again
        authenticator.on_changed_rights = grants.forget
        await stack.enter_async_context(authenticator.running())
        setup = Setup() if is_alone and settings.admin_password is None else None
        authorizer = Authorizer(grants, resources, settings.default_permission)
        yield Authentication(settings, credentials, authenticator, authorizer, sign_on, setup, stack)


def now_ms() -> int:
    return time.time_ns() // 1_000_000
