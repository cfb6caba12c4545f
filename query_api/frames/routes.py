"""The route of data frames: a table as a stream of Arrow, as fast as its reader takes it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

import orjson
from aiohttp import web

from event_log.port import EventLogReader
from query_api.frames.arrow import Drained, arrow
from query_api.frames.changed import changed_among, changes_since
from query_api.frames.long import long_values
from query_api.frames.metric_history import metric_history
from query_api.frames.runs import run_infos, wide_runs
from query_api.frames.selection import RunPages, selection_of
from query_api.frames.values import LATEST_METRICS, PARAMS, TAGS
from query_api.port import ReadModel
from query_api.reads import Reads
from query_api.seen import seen_by
from schemas.envelope import Positions
from schemas.errors import InvalidParameterValue, RequestLimitExceeded
from schemas.messages.bounds import shown
from schemas.messages.frames import GetFrame
from schemas.moments import positions_text
from schemas.rest.access import sight_of
from schemas.rest.decode import read_message
from schemas.rest.handler import CatchUp, named_for
from schemas.rest.past import only_of_now
from schemas.rest.request_keys import BEHIND
from schemas.rest.route import MIB, TRACKLOG_V1, Handler, Kind, Limits, Permission, Route

MEDIA_TYPE: Final = "application/vnd.apache.arrow.stream"

FRAME_LIMITS: Final = Limits(body_bytes=MIB, timeout_s=3600.0)

MAX_FRAMES: Final = 8
"""On their way at once. Each holds up to some 40 MB for as long as its client takes."""

Table = Callable[[ReadModel, RunPages, Sequence[str]], Awaitable[tuple[Any, AsyncIterator[Any]]]]


async def _long(table: str, read_model: ReadModel, selection: RunPages, keys: Sequence[str]) -> Any:
    return await long_values(read_model, selection, table, keys)


TABLES: Final[dict[str, Table]] = {
    "runs": wide_runs,
    "run-infos": run_infos,
    "params": partial(_long, PARAMS),
    "tags": partial(_long, TAGS),
    "metrics": partial(_long, LATEST_METRICS),
    "metric-history": metric_history,
}


POSITION: Final = b"tracklog.position"
CHANGED_RUNS: Final = b"tracklog.changed_runs"
"""In the metadata of the schema: up to where the log is in the frame, and a list of ids in JSON."""


def frame_routes(log: EventLogReader, reads: Reads) -> tuple[Route, ...]:
    return (
        Route(
            method="POST",
            path="/frames/{table}",
            prefixes=TRACKLOG_V1,
            handler=_get_frame(log, reads),
            kind=Kind.READ,
            permission=Permission.SEEN,
            limits=FRAME_LIMITS,
        ),
    )


def _get_frame(log: EventLogReader, reads: Reads) -> Handler:
    catch_up: CatchUp[GetFrame] = reads.catch_up(None)
    under_way = 0

    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal under_way
        wanted = await read_message(request, GetFrame)
        if under_way >= MAX_FRAMES:
            raise RequestLimitExceeded(f"{MAX_FRAMES} data frames are on their way; try again.")
        under_way += 1
        try:
            end = await log.end()  # before the wait: all before it is in the rows
            behind = await catch_up(wanted)
            if behind is not None:
                request[BEHIND] = behind
            read_model = seen_by(reads.read_model, await sight_of(request))
            schema, batches = await frame(read_model, wanted, log, end)
            if behind is None:
                schema = with_metadata(schema, POSITION, positions_text(end).encode())
            return await _sent(request, stream(schema, batches))
        finally:
            under_way -= 1

    return named_for(GetFrame, handle)


async def frame(
    read_model: ReadModel, wanted: GetFrame, log: EventLogReader, end: Positions
) -> tuple[Any, AsyncIterator[Any]]:
    """The schema and the record batches of a table. Raises InvalidParameterValue, NotImplementedYet and its kin."""
    arrow()
    if wanted.as_of:
        raise only_of_now(wanted.as_of)
    table = TABLES.get(wanted.table)
    if table is None:
        raise InvalidParameterValue(f"There are the tables {', '.join(TABLES)}, and no {shown(wanted.table)}.")
    selection = await selection_of(read_model, wanted)
    if not wanted.since:
        return await table(read_model, selection, wanted.keys)
    touched = await changes_since(log, wanted.since, end)
    changed = await changed_among(read_model, wanted, selection, touched)
    schema, batches = await table(read_model, changed.pages, wanted.keys)
    return with_metadata(schema, CHANGED_RUNS, orjson.dumps(changed.runs)), batches


def with_metadata(schema: Any, name: bytes, value: bytes) -> Any:
    """A schema that says one thing more."""
    return schema.with_metadata({**(schema.metadata or {}), name: value})


async def stream(schema: Any, batches: AsyncIterator[Any]) -> AsyncIterator[bytes]:
    """The pieces of a stream of Arrow."""
    out = Drained()
    writer = arrow().ipc.new_stream(out, schema)
    yield out.take()
    async for batch in batches:
        writer.write_batch(batch)
        yield out.take()
    writer.close()
    yield out.take()


async def _sent(request: web.Request, pieces: AsyncIterator[bytes]) -> web.StreamResponse:
    """A body of unknown length; where it breaks off, so does the connection, and the reader knows."""
    response = web.StreamResponse(headers={"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store"})
    first = await anext(pieces)
    second = await anext(pieces)  # a statement that is refused is an answer of its own
    try:
        await response.prepare(request)
        await response.write(first + second)
        async for piece in pieces:
            await response.write(piece)
            await asyncio.sleep(0)  # other requests want their turn
        await response.write_eof()
    except ConnectionResetError:
        pass  # the client left in the middle, and there is no connection to answer on
    return response
