"""Traces as values, by their numbers, and their spans: a statement for each table, whatever the number of traces."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import msgspec

from query_api.port import ReadModel, Row
from read_model.spans.chunk import SPANS_PER_CHUNK, ChunkOfSpans, DamagedSpans, unpack_chunk
from schemas.artifact_uris import below
from schemas.documents.traces import TraceValues
from schemas.events import Assessment
from schemas.traces import ARTIFACT_LOCATION_TAG, SPANS_HERE, SPANS_LOCATION_TAG, trace_folder

_TRACES: Final = (
    "SELECT t.trace_number, t.trace_id, t.experiment_id, t.request_time_ms, t.execution_duration_ms, t.state,"
    " t.client_request_id, t.request_preview, t.response_preview, t.span_count, e.artifact_location"
    " FROM traces t LEFT JOIN experiments e ON e.experiment_id = t.experiment_id WHERE t.trace_number = ANY($1)"
)
_TAGS: Final = "SELECT trace_number, key, value FROM trace_tags WHERE trace_number = ANY($1)"
_METADATA: Final = "SELECT trace_number, key, value FROM trace_metadata WHERE trace_number = ANY($1)"
_ASSESSMENTS: Final = (
    "SELECT trace_number, document FROM assessments WHERE trace_number = ANY($1)"
    " ORDER BY trace_number, create_time_ms, assessment_id"
)
_NUMBERS: Final = "SELECT trace_id, trace_number, experiment_id, span_count FROM traces WHERE trace_id = ANY($1)"
_SIZES: Final = "SELECT trace_number, trace_id, span_count FROM traces WHERE trace_number = ANY($1)"
_CHUNKS: Final = "SELECT data FROM span_chunks WHERE trace_number = $1 AND chunk_number >= $2 AND chunk_number < $3"
_ALL_CHUNKS: Final = "SELECT trace_number, data FROM span_chunks WHERE trace_number = ANY($1)"

CHUNKS_AT_ONCE: Final = 32

_assessment: Final = msgspec.json.Decoder(Assessment)


class Found(msgspec.Struct, frozen=True, gc=False):
    """Where a trace is in the read model."""

    trace_number: int
    experiment_id: int
    span_count: int


async def find(read_model: ReadModel, trace_ids: Sequence[str]) -> dict[str, Found]:
    """Those of the traces that there are. Raises as ReadModel.fetch does."""
    if not trace_ids:
        return {}
    rows = await _all(read_model, _NUMBERS, trace_ids)
    return {row[0]: Found(*row[1:]) for row in rows}


async def trace_values(read_model: ReadModel, numbers: Sequence[int]) -> dict[int, TraceValues]:
    """Traces by their numbers, with everything that is answered of them. Raises as ReadModel.fetch does."""
    if not numbers:
        return {}
    tags: defaultdict[int, dict[str, str]] = defaultdict(dict)
    for number, key, value in await _all(read_model, _TAGS, numbers):
        tags[number][key] = value
    metadata: defaultdict[int, dict[str, str]] = defaultdict(dict)
    for number, key, value in await _all(read_model, _METADATA, numbers):
        metadata[number][key] = value
    assessments: defaultdict[int, list[Assessment]] = defaultdict(list)
    for number, document in await _all(read_model, _ASSESSMENTS, numbers):
        assessments[number].append(_assessment.decode(document))
    found: dict[int, TraceValues] = {}
    for number, *columns, span_count, location in await _all(read_model, _TRACES, numbers):
        trace = TraceValues(*columns)
        if location is not None:
            tags[number][ARTIFACT_LOCATION_TAG] = below(location, trace_folder(trace.trace_id))
        if span_count:
            tags[number][SPANS_LOCATION_TAG] = SPANS_HERE
        overridden = {one.overrides for one in assessments[number] if one.overrides}
        trace.tags, trace.metadata = tags[number], metadata[number]
        trace.assessments = [(one, one.assessment_id not in overridden) for one in assessments[number]]
        found[number] = trace
    return found


async def packed_chunks(read_model: ReadModel, trace_number: int, span_count: int) -> AsyncIterator[bytes]:
    """The chunks of a trace as their rows hold them, few at a time. Raises as ReadModel.fetch does."""
    sql = read_model.dialect.statement(f"{_CHUNKS} ORDER BY chunk_number")
    for first in range(0, -(-span_count // SPANS_PER_CHUNK), CHUNKS_AT_ONCE):
        for (data,) in await read_model.fetch(sql, (trace_number, first, first + CHUNKS_AT_ONCE)):
            yield data


async def chunks_of(read_model: ReadModel, trace_number: int, span_count: int) -> AsyncIterator[ChunkOfSpans]:
    """The spans of a trace, a chunk after the other. Raises DamagedSpans, and as ReadModel.fetch does."""
    async for data in packed_chunks(read_model, trace_number, span_count):
        with reported(read_model):
            chunk = unpack_chunk(data)
        yield chunk


async def chunks_of_all(
    read_model: ReadModel, numbers: Sequence[int]
) -> AsyncIterator[tuple[int, str, AsyncIterator[bytes]]]:
    """The number and the id of each of some traces, and its chunks as their rows hold them.

    Small traces are read together, large ones a few chunks at a time. Raises as ReadModel.fetch does.
    """
    small: dict[int, str] = {}
    for number, trace_id, span_count in await _all(read_model, _SIZES, numbers) if numbers else ():
        if span_count <= SPANS_PER_CHUNK:
            small[number] = trace_id
        else:
            yield number, trace_id, packed_chunks(read_model, number, span_count)
    keys = list(small)
    for first in range(0, len(keys), CHUNKS_AT_ONCE):
        for number, data in await _all(read_model, _ALL_CHUNKS, keys[first : first + CHUNKS_AT_ONCE]):
            yield number, small[number], _Alone(data)


class _Alone(AsyncIterator[bytes]):
    """The only chunk of a trace. A generator for each of thousands would take as long as looking into it."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data: bytes | None = data

    async def __anext__(self) -> bytes:
        data, self._data = self._data, None
        if data is None:
            raise StopAsyncIteration
        return data


@contextmanager
def reported(read_model: ReadModel) -> Iterator[None]:
    """Have the read model folded anew where a chunk is not what was written, which raises DamagedSpans."""
    try:
        yield
    except DamagedSpans as error:
        read_model.report_damage(error.message)
        raise


async def _all(read_model: ReadModel, sql: str, keys: Sequence[object]) -> list[Row]:
    dialect = read_model.dialect
    return await read_model.fetch(dialect.statement(sql), (dialect.listed(keys),))
