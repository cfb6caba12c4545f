"""The route of data frames: a table as a stream of Arrow, as fast as its reader takes it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

from aiohttp import web

from query_api.frames.arrow import Drained, arrow
from query_api.frames.long import long_values
from query_api.frames.metric_history import metric_history
from query_api.frames.runs import wide_runs
from query_api.frames.selection import RunPages, selection_of
from query_api.frames.values import LATEST_METRICS, PARAMS, TAGS
from query_api.port import ReadModel
from query_api.reads import Reads
from query_api.seen import seen_by
from schemas.errors import InvalidParameterValue, RequestLimitExceeded
from schemas.messages.bounds import shown
from schemas.messages.frames import GetFrame
from schemas.rest.access import sight_of
from schemas.rest.handler import CatchUp, fresh_message, named_for
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
    "params": partial(_long, PARAMS),
    "tags": partial(_long, TAGS),
    "metrics": partial(_long, LATEST_METRICS),
    "metric-history": metric_history,
}


def frame_routes(reads: Reads) -> tuple[Route, ...]:
    return (
        Route(
            method="POST",
            path="/frames/{table}",
            prefixes=TRACKLOG_V1,
            handler=_get_frame(reads),
            kind=Kind.READ,
            permission=Permission.SEEN,
            limits=FRAME_LIMITS,
        ),
    )


def _get_frame(reads: Reads) -> Handler:
    catch_up: CatchUp[GetFrame] = reads.catch_up(None)
    under_way = 0

    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal under_way
        wanted = await fresh_message(request, GetFrame, catch_up)
        read_model = seen_by(reads.read_model, await sight_of(request))
        schema, batches = await frame(read_model, wanted)
        if under_way >= MAX_FRAMES:
            raise RequestLimitExceeded(f"{MAX_FRAMES} data frames are on their way; try again.")
        under_way += 1
        try:
            return await _sent(request, stream(schema, batches))
        finally:
            under_way -= 1

    return named_for(GetFrame, handle)


async def frame(read_model: ReadModel, wanted: GetFrame) -> tuple[Any, AsyncIterator[Any]]:
    """The schema and the record batches of a table. Raises InvalidParameterValue, NotImplementedYet."""
    arrow()
    table = TABLES.get(wanted.table)
    if table is None:
        raise InvalidParameterValue(f"There are the tables {', '.join(TABLES)}, and no {shown(wanted.table)}.")
    return await table(read_model, await selection_of(read_model, wanted), wanted.keys)


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
