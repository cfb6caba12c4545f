"""The server of a moment that is past: the log folded up to there, and everything that reads served from that."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from event_log.log_until import BeyondTheLog, LogUntil, checked_positions, positions_at
from event_log.port import EventLogReader
from projector.sqlite_past import PastUnderWay, past_read_model
from schemas.moments import Moment, positions_text
from tracklog.past.services import past_services
from tracklog.past.users import AuditorsOnly
from tracklog.serving.greeting import greeting
from tracklog.serving.process import serve
from tracklog.serving.services import CannotStart, Services, ToldToStop
from tracklog.settings.process import Settings

if TYPE_CHECKING:
    from tracklog.serving.authentication import Authentication

OpenLog = Callable[[], AbstractAsyncContextManager[EventLogReader]]
"""Opens the log to read, beside whoever writes it."""

OpenUsers = Callable[[EventLogReader, asyncio.Event], "AbstractAsyncContextManager[Authentication | None]"]
"""Opens what users are known by today, beside the live server that has it; None where they are not to be known. The
event is set when the process is to stop."""

SHOW_EVERY_S: Final = 2.0


async def serve_past(
    settings: Settings, open_log: OpenLog, open_users: OpenUsers, announce: Callable[[str], None]
) -> None:
    """Serve the state of a moment until a signal says to stop.

    Raises AddressTaken and CannotStart, and what opening the log raises, before anything is served.
    """
    past = settings.past
    assert past is not None
    shown = ""

    @asynccontextmanager
    async def services(stopping: asyncio.Event) -> AsyncIterator[Services]:
        nonlocal shown
        async with AsyncExitStack() as stack:
            log = await stack.enter_async_context(open_log())
            until = LogUntil(log, await _found(log, past.moment))
            shown = positions_text(await until.end())
            folder = past.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tracklog-as-of-")))
            telling = _Telling(announce, stopping)
            try:
                path = await stack.enter_async_context(past_read_model(folder, until, telling.show))
            except PastUnderWay as error:
                raise CannotStart(str(error)) from error
            users = await stack.enter_async_context(open_users(log, stopping))
            served = await past_services(settings, until, path, stack)
            yield (
                served
                if users is None
                else replace(served, authenticator=AuditorsOnly(users.authenticator, users.authorizer))
            )

    artifacts = settings.artifacts
    await serve(
        services,
        settings.listen,
        settings.web,
        greeting=lambda reach: greeting(
            reach,
            log=str(settings.stores.event_log),
            artifacts=artifacts.shown if artifacts.serve else None,
            page=True,
            position=shown,
        ),
        announce=announce,
    )


async def _found(log: EventLogReader, moment: Moment) -> dict[int, int]:
    """The positions of a moment, of every partition. Raises CannotStart for those that the log has not reached."""
    if isinstance(moment, int):
        return dict(await positions_at(log, moment))
    try:
        return dict(await checked_positions(log, moment))
    except BeyondTheLog as error:
        raise CannotStart(str(error)) from error


class _Telling:
    """Says now and then how far the fold is, and ends it when the process is to stop."""

    def __init__(self, announce: Callable[[str], None], stopping: asyncio.Event) -> None:
        self._announce = announce
        self._stopping = stopping
        self._loop = asyncio.get_running_loop()
        self._next_s = self._loop.time() + SHOW_EVERY_S

    async def show(self, reached: int, whole: int) -> None:
        """Raises ToldToStop."""
        await asyncio.sleep(0)  # the fold alone would let no signal be heard
        if self._stopping.is_set():
            raise ToldToStop
        if self._loop.time() >= self._next_s:
            self._next_s = self._loop.time() + SHOW_EVERY_S
            self._announce(f"Folding the log: {reached:,} of {whole:,} events, {100 * reached // whole} %.")
