"""Who was let in, who was not, and who was denied something, as events: so few that nobody can fill the log.

Nobody waits for them: how long an answer takes would tell whether there is such a user.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Final

from query_api.port import ReadModel
from schemas.envelope import Actor
from schemas.errors import TracklogError
from schemas.events import AccessDenied, AccessGranted, AccessRefused, AnyAccessEvent

logger = logging.getLogger(__name__)

REFUSED_S: Final = 60.0
DENIED_S: Final = 60.0
GRANTED_S: Final = 3600.0
"""How long the same is not noted again."""

MOST_REFUSED: Final = 10
MOST_DENIED: Final = (10, 60)
MOST_GRANTED: Final = (60, 5_000)
"""In such a time: of one user, and of all. Five kilobytes a second at most. Metrics count every refusal."""

Append = Callable[[AnyAccessEvent, Actor, str], Awaitable[None]]
"""Puts an event into the log, with its actor and the id of the request. Raises TracklogError."""


class Rarely:
    """Lets the same through once in `window_s`, and in such a time so much of one user and of all."""

    def __init__(self, window_s: float, most_of_one: int, most: int, now_s: Callable[[], float]) -> None:
        self._window_s = window_s
        self._most_of_one = most_of_one
        self._most = most
        self._now_s = now_s
        self._noted: dict[tuple[str, ...], float] = {}  # in the order of their times
        self._of_one: Counter[str] = Counter()

    def lets_through(self, user: str, *what: str) -> bool:
        """Whether this is to be noted. It counts as noted then."""
        now_s = self._now_s()
        key = (user, *what)
        noted_s = self._noted.get(key)
        if noted_s is not None and now_s - noted_s < self._window_s:
            return False
        self._forget(now_s - self._window_s)
        if len(self._noted) >= self._most or self._of_one[user] >= self._most_of_one:
            return False
        self._noted[key] = now_s
        self._of_one[user] += 1
        return True

    def _forget(self, until_s: float) -> None:
        while self._noted:
            key = next(iter(self._noted))
            if self._noted[key] > until_s:
                return
            del self._noted[key]
            self._of_one[key[0]] -= 1
            if not self._of_one[key[0]]:
                del self._of_one[key[0]]


class AccessHistory:
    """What one process notes. `append` is None where nothing is written to the log. `now_s` is a clock that grows."""

    def __init__(self, read_model: ReadModel, now_s: Callable[[], float]) -> None:
        self.append: Append | None = None
        self._read_model = read_model
        self._user_sql = read_model.dialect.statement("SELECT username FROM users WHERE username = $1")
        self._refused = Rarely(REFUSED_S, MOST_REFUSED, MOST_REFUSED, now_s)
        self._denied = Rarely(DENIED_S, *MOST_DENIED, now_s)
        self._granted = Rarely(GRANTED_S, *MOST_GRANTED, now_s)
        self._under_way: set[asyncio.Task[None]] = set()
        self._is_away = False

    def refused(self, account: str, address: str) -> None:
        """Wrong credentials for an account, empty for those that name none."""
        if self._refused.lets_through(account, address):
            self._begin(self._note_refusal(account, Actor(address=address)))

    def granted(self, actor: Actor, by: str, request_id: str) -> None:
        """Somebody was let in. `by` is what they are known by, a token as "token <id>"."""
        if self._granted.lets_through(actor.user, by, actor.address):
            kind, _, token_id = by.partition(" ")
            event = AccessGranted(username=actor.user, by=kind, token_id=token_id)
            self._begin(self._append(event, actor, request_id))

    def denied(self, actor: Actor, method: str, route: str, request_id: str) -> None:
        """Somebody asked for what they may not."""
        if self._denied.lets_through(actor.user, method, route):
            self._begin(self._append(AccessDenied(username=actor.user, method=method, route=route), actor, request_id))

    async def _note_refusal(self, account: str, actor: Actor) -> None:
        """A name that is no user's is left out: it may be a password that was typed in the wrong place."""
        with contextlib.suppress(TracklogError):
            rows = await self._read_model.lookup(self._user_sql, (account,)) if account else ()
            await self._append(AccessRefused(username=account if rows else ""), actor, "")

    async def _append(self, event: AnyAccessEvent, actor: Actor, request_id: str) -> None:
        """What cannot be written now is not worth a retry; that it is so is said once."""
        if self.append is None:
            return
        try:
            await self.append(event, actor, request_id)
            self._is_away = False
        except TracklogError as error:
            if not self._is_away:
                logger.warning("who is let in and denied is not in the history for now: %s", error)
            self._is_away = True

    def _begin(self, noting: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(noting)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
