"""A trace that is too large to be held whole is answered with the same bytes as one that is not."""

import random
from collections.abc import Awaitable, Callable

import pytest
from aiohttp.test_utils import make_mocked_request

from event_log.memory_event_log import MemoryEventLog
from projector.projections.traces import TRACES, Traces
from projector.sqlite_tables import SqliteTables
from query_api.freshness import Freshness
from query_api.reads import Reads
from query_api.traces import document, packed_texts
from query_api.traces.artifact_root import StoredTraces
from query_api.traces.document import batch_get_traces, get_trace, spans_file
from query_api.traces.routes import trace_routes
from query_api.traces.span_json import place_of
from schemas.errors import RequestTooLarge
from schemas.events import Span, TraceSpansLogged
from schemas.messages.traces import BatchGetTraces, GetTrace
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.large_body import LargeAnswer, LargeBody
from tests.memory_progress import MemoryProgress
from tests.unit.query_api.sqlite_rows import SqliteRows
from tests.unit.query_api.traces.given import RECORDED

SIZES = (150, 1, 70, 2, 300)
IDS = [f"tr-{place:032x}" for place in range(1, len(SIZES) + 1)]


def spans(chance: random.Random, count: int) -> list[Span]:
    """Some that began at once; in an order that may be that of time, nearly so, or any."""
    times = sorted(chance.randrange(count) for _ in range(count))
    found = [
        Span(
            span_id=f"{chance.getrandbits(64):016x}",
            parent_id="" if chance.randrange(9) == 0 else f"{number:016x}",
            name=f"step {number}",
            start_ns=start_ns,
            attributes={"text": "word " * chance.randrange(40), "number": number},
        )
        for number, start_ns in enumerate(times)
    ]
    order = chance.randrange(3)
    if order == 1:
        found.sort(key=lambda span: span.start_ns + chance.randrange(5))
    elif order == 2:
        chance.shuffle(found)
    return found


@pytest.fixture(params=range(4))
def rows(request: pytest.FixtureRequest) -> SqliteRows:
    chance = random.Random(request.param)
    rows = SqliteRows()
    rows.experiment(1)
    state = Traces(iter(range(1, 100)))
    for trace_id, count in zip(IDS, SIZES, strict=True):
        logged = spans(chance, count)
        for first in range(0, count, 60):
            event = TraceSpansLogged(trace_id=trace_id, experiment_id=1, spans=logged[first : first + 60])
            TRACES.fold(state, RECORDED, event)
    tables = SqliteTables(rows.connection)
    for change in TRACES.changes(state):
        tables.apply(change)
    return rows


Read = Callable[[SqliteRows], Awaitable[bytes | LargeBody | None]]


READS: dict[str, Read] = {
    "get": lambda rows: get_trace(rows, GetTrace(trace_id=IDS[4])),
    "batchGet": lambda rows: batch_get_traces(rows, BatchGetTraces(trace_ids=[*IDS, "unknown"])),
    "file": lambda rows: spans_file(rows, IDS[4]),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_a_large_answer_is_the_same_in_pieces(
    rows: SqliteRows, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await read(rows)
    assert isinstance(whole, bytes)
    monkeypatch.setattr(packed_texts, "BLOCK_BYTES", 20_000)
    monkeypatch.setattr(packed_texts, "PIECE_BYTES", 3_000)
    large = await read(rows)
    assert isinstance(large, LargeBody)
    pieces = list(large.pieces)
    assert len(pieces) > 10
    assert b"".join(pieces) == whole
    assert large.size == len(whole)


@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_one_that_is_larger_than_any_answer_is_refused_before_it_begins(
    rows: SqliteRows, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "MAX_SPANS_BYTES", 100_000)
    monkeypatch.setattr(packed_texts, "BLOCK_BYTES", 20_000)
    with pytest.raises(RequestTooLarge):
        await read(rows)


def test_roots_come_first_and_then_what_began_first() -> None:
    found = spans(random.Random(7), 200)
    by_place = sorted(found, key=place_of)
    assert by_place == sorted(found, key=lambda span: (bool(span.parent_id), span.start_ns, span.span_id))


async def test_the_routes_answer_with_what_is_large(rows: SqliteRows, monkeypatch: pytest.MonkeyPatch) -> None:
    freshness = Freshness(MemoryEventLog(), MemoryProgress())
    routes = {one.path: one.handler for one in trace_routes(Reads(rows, freshness))}
    request = make_mocked_request("GET", f"/?trace_id={IDS[4]}")
    small = await routes["/mlflow/traces/get"](request)
    assert isinstance(small, JsonAnswer)
    monkeypatch.setattr(packed_texts, "BLOCK_BYTES", 20_000)
    large = await routes["/mlflow/traces/get"](request)
    assert isinstance(large, LargeAnswer)
    assert (large.content_length, large.headers["Content-Type"]) == (
        small.content_length,
        small.headers["Content-Type"],
    )
    assert b"".join(large.body.pieces) == small.body
    file = await StoredTraces(rows, freshness).spans_file(IDS[4])
    assert isinstance(file, LargeBody)
