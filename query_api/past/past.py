"""Answers as of a moment: of single things, by the functions that answer them as of now."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from aiohttp import web

from event_log.log_until import BeyondTheLog, Moments, checked_positions
from event_log.port import EventLogReader, LogUnavailable
from query_api.freshness import Freshness
from query_api.past.about import About
from query_api.past.port import PastReadModels
from query_api.port import ReadModel
from schemas.envelope import Positions
from schemas.errors import InvalidParameterValue, PermissionDenied
from schemas.messages.bounds import shown
from schemas.messages.message import Message
from schemas.moments import moment_of, positions_text
from schemas.rest.access import ASKING
from schemas.rest.decode import read_message
from schemas.rest.handler import named_for
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.past import POSITION, POSITION_HEADER, as_of
from schemas.rest.request_keys import BEHIND
from schemas.rest.route import Handler

M = TypeVar("M", bound=Message)

_MAX_MOMENT_CHARACTERS: Final = 16_384
"""A thousand partitions have positions of about so many."""

ANOTHERS: Final = "Permission denied: what had this name then is not what has it now, and only administrators see it."


class Past:
    """What answers from the past: `read_models`, beside the `live` one.

    `now_us` is a clock, in microseconds since the epoch.
    """

    def __init__(
        self,
        log: EventLogReader,
        live: ReadModel,
        freshness: Freshness,
        read_models: PastReadModels,
        now_us: Callable[[], int],
    ) -> None:
        self._log = log
        self.live = live
        self._freshness = freshness
        self.read_models = read_models
        self._now_us = now_us
        self._moments = Moments(log)

    def handler(
        self,
        message_type: type[M],
        answer: Callable[[ReadModel, M], Coroutine[Any, Any, bytes]],
        about: About[M],
        of_now: Handler,
    ) -> Handler:
        """Handle requests that name a moment, and leave the others to `of_now`."""

        async def handle(request: web.Request) -> web.StreamResponse:
            moment = as_of(request)
            if moment is None:
                return await of_now(request)
            message = await read_message(request, message_type)
            positions = await self.positions(moment)
            request[POSITION] = text = positions_text(positions)
            await self.caught_up(request)
            async with self.read_model(about, message, positions) as then:
                await self.check_identity(request, about, message, then)
                response = JsonAnswer(await answer(then, message))
            response.headers[POSITION_HEADER] = text
            return response

        return named_for(message_type, handle)

    async def caught_up(self, request: web.Request) -> None:
        """Wait until the live read model, which is asked what there was, has all that is in the log."""
        behind = await self._freshness.caught_up()
        if behind is not None:
            request[BEHIND] = behind

    async def positions(self, text: str) -> Positions:
        """The positions of a moment, of every partition. Raises InvalidParameterValue, LogUnavailable."""
        now_us = self._now_us()
        try:
            if len(text) > _MAX_MOMENT_CHARACTERS:
                raise ValueError("it is too long")
            moment = moment_of(text.strip(), now_us)
        except (ValueError, OverflowError) as error:
            raise InvalidParameterValue(
                f"{shown(text)} is no moment: a time as in 2026-11-28T09:30Z or in milliseconds since the Unix epoch, "
                "2h for two hours ago, or positions as in 0:1234."
            ) from error
        if not isinstance(moment, int):
            return await self._checked(moment)
        if moment > now_us:
            raise InvalidParameterValue(f"{shown(text)} is still to come.")
        return await self._moments.positions_at(moment)

    async def _checked(self, positions: Positions) -> Positions:
        """Positions with every partition. What the read model has passed needs no log that tells where it ends.

        Raises InvalidParameterValue, LogUnavailable.
        """
        try:
            return await checked_positions(self._log, positions)
        except BeyondTheLog as error:
            raise InvalidParameterValue(str(error)) from error
        except LogUnavailable:
            partitions = await self._log.partitions()
            if not positions.keys() <= set(partitions) or not self._freshness.has_passed(positions):
                raise
            return {partition: positions.get(partition, 0) for partition in partitions}

    @asynccontextmanager
    async def read_model(self, about: About[M], message: M, positions: Positions) -> AsyncIterator[ReadModel]:
        """The read model of what a message is about, as it was at `positions`. Raises as `PastReadModels` does."""
        streams = await about.streams(self.live, message)
        async with self.read_models.of_streams(streams, positions) as then:
            yield then

    async def check_identity(self, request: web.Request, about: About[M], message: M, then: ReadModel) -> None:
        """What one may see is judged by what is there now, so that has to be the same thing.

        Raises PermissionDenied, for all but administrators.
        """
        if about.identity is None or request.get(ASKING) is None:
            return
        was = await about.identity(then, message)
        if was is not None and was != await about.identity(self.live, message):
            raise PermissionDenied(ANOTHERS)
