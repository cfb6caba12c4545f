"""The routes of the history."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from aiohttp import web

from event_log.port import EventLogReader
from query_api.frames.parquet import MEDIA_TYPE as PARQUET
from query_api.freshness import READ_WAIT_S
from query_api.history.formats import CSV, JSON, JSON_LINES, csv_text, lines_json, page_json
from query_api.history.live_tail import LiveTail, Told
from query_api.history.parquet import parquet_of
from query_api.history.request import wanted_of
from query_api.history.search import History, Page
from query_api.history.seen import SeenHistory, seen_history
from query_api.history.server_sent_events import send_events
from query_api.reads import Reads, tracklog_read
from read_model.history.port import HistoryIndex
from schemas.envelope import Positions
from schemas.errors import InvalidParameterValue
from schemas.messages.bounds import shown
from schemas.messages.history import AllHistory, FollowHistory, ReadHistory
from schemas.rest.decode import read_message
from schemas.rest.handler import named_for
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.request_keys import ACTOR, BEHIND
from schemas.rest.route import LISTEN_LIMITS, Handler, Route
from schemas.rest.rules import LIST_HISTORY, names_subject

NEXT_CURSOR: Final = "X-Tracklog-Next-Cursor"
IS_LAST: Final = "X-Tracklog-Is-Last"
EVENTS: Final = "X-Tracklog-Events"
"""What a page that is not JSON says of itself: its cursor, whether it is the last, and how many events it has."""

_FORMATS: Final = {"json": JSON, "jsonl": JSON_LINES, "csv": CSV, "parquet": PARQUET}


def history_routes(log: EventLogReader, index: HistoryIndex, reads: Reads) -> tuple[Route, ...]:
    return (
        tracklog_read("history", _read_history(log, index, reads), LIST_HISTORY),
        tracklog_read("history/stream", _follow_history(log, index, reads), LIST_HISTORY, LISTEN_LIMITS),
    )


def _read_history(log: EventLogReader, index: HistoryIndex, reads: Reads) -> Handler:
    history = History(log, index)

    async def handle(request: web.Request) -> web.StreamResponse:
        asked = await read_message(request, ReadHistory)
        newest_first, limit, form = asked.newest_first, asked.checked_limit(), _format_of(asked, request)
        await wait_for_index(request, log, index, reads)
        wanted, seen = await wanted_of(asked, reads.read_model), await seen_history(request, asked)
        if seen is not None:
            wanted = await seen.narrowed(wanted, reads.read_model)
        page = await history.page(wanted, newest_first=newest_first, limit=limit, cursor=asked.cursor, seen=seen)
        return _answer(page, form)

    return named_for(ReadHistory, handle)


def _follow_history(log: EventLogReader, index: HistoryIndex, reads: Reads) -> Handler:
    tail = LiveTail(log, index)

    async def handle(request: web.Request) -> web.StreamResponse:
        asked = await read_message(request, FollowHistory)
        await wait_for_index(request, log, index, reads)
        wanted, seen = await wanted_of(asked, reads.read_model), await seen_history(request, asked)
        cursor = request.headers.get("Last-Event-ID") or asked.cursor or await tail.here()
        asked.cursor = ""
        key = repr(asked)
        needed = asked if seen is not None or names_subject(asked) else AllHistory()
        async with aclosing(tail.listen(wanted, key, cursor, request[ACTOR].address)) as heard:
            listening = heard if seen is None else _only_seen(heard, seen)
            told = await anext(listening)  # raises what refuses the listener, before anything is sent
            return await send_events(request, needed, cursor, told, listening)

    return named_for(FollowHistory, handle)


async def _only_seen(heard: AsyncGenerator[list[Told], None], seen: SeenHistory) -> AsyncGenerator[list[Told], None]:
    async for told in heard:
        yield [one for one in told if await seen.has(one.stream)]


async def wait_for_index(request: web.Request, log: EventLogReader, index: HistoryIndex, reads: Reads) -> None:
    """Return once the index has all that was acknowledged before; else the request says how far it is.

    Raises TemporarilyUnavailable while there is no index, LogUnavailable.
    """
    end = await log.end()
    behind = await reads.freshness.reached(end)
    if behind is None and not await index.wait_until(end, READ_WAIT_S):
        behind = _lag(await index.checkpoints(), end)
    if behind is not None:
        request[BEHIND] = behind


def _lag(reached: Positions, end: Positions) -> str:
    return ",".join(
        f"{partition}:{reached.get(partition, 0)}/{offset}"
        for partition, offset in sorted(end.items())
        if reached.get(partition, 0) < offset
    )


def _format_of(asked: ReadHistory, request: web.Request) -> str:
    """What the request names, else what it accepts, else JSON. Raises InvalidParameterValue."""
    if asked.format:
        if asked.format not in _FORMATS:
            raise InvalidParameterValue(f"format must be {', '.join(_FORMATS)}, got {shown(asked.format)}.")
        return _FORMATS[asked.format]
    accepted = request.headers.get("Accept", "")
    return next((form for form in (JSON_LINES, CSV, PARQUET) if form in accepted), JSON)


def _answer(page: Page, form: str) -> web.StreamResponse:
    if form == JSON:
        return JsonAnswer(page_json(page))
    headers = {
        NEXT_CURSOR: page.cursor,
        IS_LAST: "true" if page.is_last else "false",
        EVENTS: str(len(page.events)),
    }
    if form == PARQUET:
        return web.Response(body=parquet_of(page.events), content_type=form, headers=headers)
    body = csv_text(page.events) if form == CSV else lines_json(page.events)
    return web.Response(body=body, content_type=form, charset="utf-8", headers=headers)
