"""The route by which OpenTelemetry sends spans.

Source: OTLP/HTTP 1.x for the forms of a request, MLflow 3.17 for its headers and its answer, which is empty.
"""

import asyncio
from collections.abc import Iterator
from typing import Final

from aiohttp import hdrs, web

from ingest.otlp import json_form
from ingest.otlp.commands import OtlpCommands
from ingest.otlp.spans import Gathered, SentSpan
from schemas.errors import InvalidParameterValue
from schemas.levels import EXPERIMENT, Level
from schemas.messages.bounds import shown
from schemas.messages.traces import LinkTracesToRun
from schemas.rest.access import ASKING, RUN, TRACE, On, Rule, allow
from schemas.rest.body import read_body, read_bytes
from schemas.rest.request_keys import ACTOR, REQUEST_ID
from schemas.rest.route import MIB, NO_PREFIX, Handler, Kind, Limits, Route

EXPERIMENT_HEADER: Final = "x-mlflow-experiment-id"
RUN_HEADER: Final = "x-mlflow-run-id"

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"

OTLP_LIMITS: Final = Limits(body_bytes=16 * MIB, timeout_s=60.0)
"""Of a request, and of what it unpacks to."""

MAX_JSON_VALUES: Final = 1_000_000
"""Of a request in JSON, in which a span with ten attributes has some seventy."""

MAX_BYTES_ON_LOOP: Final = MIB
"""Of a request that is read between other requests. A larger one is read in a thread beside them."""

SPANS_AT_ONCE: Final = 50
"""Read in some five milliseconds, after which other requests run."""

_RULE: Final[Rule] = (On(Level.EDIT, EXPERIMENT, None, unless_denied=TRACE),)
_EDIT_RUN: Final[Rule] = (On(Level.EDIT, RUN, "run_id"),)


def otlp_routes(commands: OtlpCommands) -> tuple[Route, ...]:
    return (
        Route(
            method="POST",
            path="/v1/traces",
            prefixes=NO_PREFIX,
            handler=_handler(commands),
            kind=Kind.WRITE,
            permission=_RULE,
            limits=OTLP_LIMITS,
        ),
    )


def _handler(commands: OtlpCommands) -> Handler:
    async def handle_export_traces(request: web.Request) -> web.StreamResponse:
        experiment_id = request.headers.get(EXPERIMENT_HEADER, "")
        if not experiment_id:
            raise InvalidParameterValue(f"The header {EXPERIMENT_HEADER} says which experiment traces are for.")
        await allow(request, experiment_id)
        run_id = request.headers.get(RUN_HEADER, "")
        if run_id and (asking := request.get(ASKING)) is not None:
            await asking.allow_by(_EDIT_RUN, LinkTracesToRun(run_id=run_id))
        gathered = await _gathered(*await _sent(request))
        known = await commands.known(gathered)
        for elsewhere in sorted({trace.experiment_id for trace in known}):
            await allow(request, str(elsewhere))
        await commands.log(gathered, known, experiment_id, run_id, request[ACTOR], request[REQUEST_ID])
        return web.Response(content_type=PROTOBUF)

    return handle_export_traces


async def _sent(request: web.Request) -> tuple[Iterator[SentSpan | None], int]:
    """The spans of a request, and how many bytes it has."""
    match request.content_type:
        case "application/x-protobuf":
            from ingest.otlp import protobuf_form  # with it comes the library, which few servers need

            body = await read_bytes(request)
            return protobuf_form.sent_spans(body), len(body)
        case "application/json":
            body = await read_body(request, MAX_JSON_VALUES)
            return json_form.sent_spans(body), len(body)
        case _:
            given = shown(request.headers.get(hdrs.CONTENT_TYPE, "none"))
            raise InvalidParameterValue(f"Content-Type must be {PROTOBUF} or {JSON}, got {given}.")


async def _gathered(sent: Iterator[SentSpan | None], body_bytes: int) -> Gathered:
    """Raises InvalidParameterValue for a request that is not even empty, RequestTooLarge, and for a wrong span."""
    gathered = Gathered(body_bytes)
    if body_bytes > MAX_BYTES_ON_LOOP:  # one span of it may take seconds
        return await asyncio.to_thread(_gather, gathered, sent)
    for part, _ in enumerate(_gathering(gathered, sent), 1):
        if part % SPANS_AT_ONCE == 0:
            await asyncio.sleep(0)
    return gathered


def _gather(gathered: Gathered, sent: Iterator[SentSpan | None]) -> Gathered:
    for _ in _gathering(gathered, sent):
        pass
    return gathered


def _gathering(gathered: Gathered, sent: Iterator[SentSpan | None]) -> Iterator[None]:
    """Gathers a span at a step."""
    is_empty = True
    for part in sent:
        is_empty = False
        if part is not None:
            gathered.add(part)
        yield
    if is_empty:
        raise InvalidParameterValue("Invalid OpenTelemetry format: no spans found")
