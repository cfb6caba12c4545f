"""Single traces as the bodies of their routes."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from query_api.experiments.seen import seen_among
from query_api.port import ReadModel
from query_api.traces.packed_texts import JoinedTexts, SortedTexts
from query_api.traces.span_json import OtlpSpans, file_span, place_of
from query_api.traces.values import Found, chunks_of, find, trace_values
from schemas.documents.traces import TraceValues, assessment_json, trace_info, trace_info_v2
from schemas.errors import RequestTooLarge, ResourceDoesNotExist
from schemas.events import Span
from schemas.messages.experiments import experiment_id_of
from schemas.messages.traces import (
    BatchGetTraceInfos,
    BatchGetTraces,
    GetAssessment,
    GetTrace,
    GetTraceInfo,
    GetTraceInfoV3,
)
from schemas.rest.access import TRACE
from schemas.rest.large_body import LargeBody
from schemas.traces import SIZE, assessed_not_found, assessment_not_found, spans_not_found, trace_not_found

MAX_SPANS_BYTES: Final = 256 * 2**20
"""Of the JSON of spans in one answer."""

SpanForm = Callable[[Span], dict[str, Any]]


async def get_trace_info(read_model: ReadModel, wanted: GetTraceInfoV3) -> bytes:
    """`{"trace":{"trace_info":…}}`. Raises ResourceDoesNotExist."""
    _, trace = await _one(read_model, wanted.trace_id)
    return msgspec.json.encode({"trace": {"trace_info": trace_info(trace)}})


async def get_trace_info_v2(read_model: ReadModel, wanted: GetTraceInfo) -> bytes:
    """`{"trace_info":…}`, for clients of MLflow 2. Raises ResourceDoesNotExist."""
    _, trace = await _one(read_model, wanted.request_id)
    return msgspec.json.encode({"trace_info": trace_info_v2(trace)})


async def get_trace(read_model: ReadModel, wanted: GetTrace) -> bytes | LargeBody:
    """`{"trace":{"trace_info":…,"spans":[…]}}`.

    Raises ResourceDoesNotExist, also while spans are missing unless a part is wanted too. Nothing waits for these here.
    """
    found, trace = await _one(read_model, wanted.trace_id, spans_not_found)
    if not wanted.allow_partial and not is_complete(found, trace):
        raise ResourceDoesNotExist(
            f"Trace with ID {wanted.trace_id} is not fully exported yet: it has {found.span_count} spans."
        )
    try:
        return await _with_spans(read_model, found, trace, b'{"trace":', b"}")
    except _Gone as error:
        raise spans_not_found(wanted.trace_id) from error


async def batch_get_traces(read_model: ReadModel, wanted: BatchGetTraces) -> bytes | LargeBody:
    """`{"traces":[…]}`, in the order in which they are asked for, without those that are not there or not complete."""
    traces = JoinedTexts()
    for found, trace in await _wanted(read_model, wanted):
        if is_complete(found, trace):
            try:
                traces.add(await _with_spans(read_model, found, trace, b"," if traces.size else b'{"traces":['))
            except _Gone:
                continue
            if traces.size > MAX_SPANS_BYTES:
                raise RequestTooLarge(f"The traces have more than {MAX_SPANS_BYTES} bytes; ask for fewer at once.")
    traces.add(b"]}" if traces.size else b"{}")
    return traces.joined()


async def batch_get_trace_infos(read_model: ReadModel, wanted: BatchGetTraceInfos) -> bytes:
    """`{"trace_infos":[…]}`, in the order in which they are asked for, without those that are not there."""
    infos = [trace_info(trace) for _, trace in await _wanted(read_model, wanted)]
    return msgspec.json.encode({"trace_infos": infos}) if infos else b"{}"


async def get_assessment(read_model: ReadModel, wanted: GetAssessment) -> bytes:
    """`{"assessment":…}`. Raises ResourceDoesNotExist."""
    _, trace = await _one(read_model, wanted.trace_id, assessed_not_found)
    for one, is_valid in trace.assessments:
        if one.assessment_id == wanted.assessment_id:
            return msgspec.json.encode({"assessment": assessment_json(trace.trace_id, one, is_valid=is_valid)})
    raise assessment_not_found(wanted.trace_id, wanted.assessment_id)


async def spans_file(read_model: ReadModel, trace_id: str) -> bytes | LargeBody | None:
    """`{"spans":[…]}` as the page reads it; None for a trace without any here. Raises ResourceDoesNotExist."""
    found = (await find(read_model, [trace_id])).get(trace_id)
    if found is None:
        raise spans_not_found(trace_id)
    if not found.span_count:
        return None
    try:
        return await _spans(read_model, found, partial(file_span, trace_id), b'{"spans":[', b"]}")
    except _Gone as error:
        raise spans_not_found(trace_id) from error


def is_complete(found: Found, trace: TraceValues) -> bool:
    """Whether as many spans are here as a client said that there are; some, where it said nothing."""
    return found.span_count >= _expected(trace.metadata.get(SIZE))


def _expected(stated: str | None) -> int:
    if stated is not None:
        try:
            size = msgspec.json.decode(stated)
        except (msgspec.DecodeError, RecursionError):
            size = None
        if isinstance(size, dict) and isinstance(count := size.get("num_spans"), int):
            return max(count, 1)
    return 1


class _Gone(Exception):
    """A trace was deleted between two reads of it."""


async def _one(
    read_model: ReadModel, trace_id: str, missing: Callable[[str], ResourceDoesNotExist] = trace_not_found
) -> tuple[Found, TraceValues]:
    found = await _read(read_model, await find(read_model, [trace_id]))
    if trace_id not in found:
        raise missing(trace_id)
    return found[trace_id]


async def _wanted(
    read_model: ReadModel, wanted: BatchGetTraces | BatchGetTraceInfos
) -> Sequence[tuple[Found, TraceValues]]:
    """The traces that are asked for and there, each once: at the place where it is asked for last."""
    asked = list(dict.fromkeys(reversed(wanted.trace_ids or ())))[::-1]
    found = await find(read_model, asked)
    if wanted.experiment_ids is not None:
        experiments = {experiment_id_of(one) for one in wanted.experiment_ids}
        found = {one: where for one, where in found.items() if where.experiment_id in experiments}
    read = await _read(read_model, found)
    return [read[one] for one in asked if one in read]


async def _read(read_model: ReadModel, found: Mapping[str, Found]) -> dict[str, tuple[Found, TraceValues]]:
    """Those of the traces that are still there, and are in an experiment of which traces are seen, as they are read."""
    values = await trace_values(read_model, [one.trace_number for one in found.values()])
    experiments = sorted({one.experiment_id for one in values.values()})
    seen = frozenset(await seen_among(read_model, experiments, TRACE))
    return {
        trace_id: (one, trace)
        for trace_id, one in found.items()
        if (trace := values.get(one.trace_number)) is not None and trace.experiment_id in seen
    }


async def _with_spans(
    read_model: ReadModel, found: Found, trace: TraceValues, before: bytes, after: bytes = b""
) -> bytes | LargeBody:
    info = msgspec.json.encode(trace_info(trace))
    if not found.span_count:
        return b'%b{"trace_info":%b}%b' % (before, info, after)
    opening = b'%b{"trace_info":%b,"spans":[' % (before, info)
    return await _spans(read_model, found, OtlpSpans(trace.trace_id).form, opening, b"]}" + after)


async def _spans(read_model: ReadModel, found: Found, form: SpanForm, before: bytes, after: bytes) -> bytes | LargeBody:
    """The spans of a trace as JSON with commas between, in their order, and what is around them. Raises _Gone.

    All are read before the first is sent: what is wrong with them is an answer of its own.
    """
    texts = SortedTexts()
    async for chunk in chunks_of(read_model, found.trace_number, found.span_count):
        texts.add([(place_of(span), msgspec.json.encode(form(span))) for span in chunk.spans])
        if texts.size > MAX_SPANS_BYTES:
            raise RequestTooLarge(f"The spans of the trace have more than {MAX_SPANS_BYTES} bytes.")
        await asyncio.sleep(0)  # other requests want their turn
    if texts.count < found.span_count:
        raise _Gone
    return texts.joined(before, after)
