"""GET /api/tracklog/v1/diff: what changed in a run, an experiment, a registered model or the rights of a user."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import orjson
from aiohttp import web

from query_api.documents import KeyedDocument
from query_api.experiments.document import EXPERIMENT_BY_ID
from query_api.past.about import EXPERIMENT, REGISTERED_MODEL, RUN
from query_api.past.differences import Comparison, Difference, Fields, fields_of
from query_api.past.past import Past
from query_api.past.rights_document import rights_document
from query_api.port import ReadModel
from query_api.reads import tracklog_read
from query_api.runs.document import RUN_BY_ID
from schemas.documents.registered_models import REGISTERED_MODEL as REGISTERED_MODEL_SHAPE
from schemas.envelope import Positions, RecordedEvent
from schemas.errors import InvalidParameterValue, PermissionDenied, ResourceDoesNotExist
from schemas.event_json import time_text
from schemas.events import USERS_ORDERING_UNIT, RoleCreated, UserCreated
from schemas.messages.experiments import GetExperiment, experiment_id_of
from schemas.messages.history import GetDiff
from schemas.messages.registered_models import GetRegisteredModel
from schemas.messages.runs import GetRun
from schemas.moments import positions_text
from schemas.rest.access import ASKING
from schemas.rest.decode import read_message
from schemas.rest.handler import named_for
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.route import Handler, Route
from schemas.rest.rules import READ_HISTORY

MAX_MADE_BY: Final = 50
"""Of one difference, the newest: a metric may have changed with each of thousands of events."""

NOW: Final = "0s"

_MODEL_BY_ID: Final = KeyedDocument("registered_model", REGISTERED_MODEL_SHAPE, key="registered_model_id")


@dataclass(frozen=True, slots=True)
class _Thing:
    """What is compared: the streams that it comes of, and its document in a read model, None where there is none."""

    name: str
    streams: Sequence[str]
    document: Callable[[ReadModel], Awaitable[bytes | None]]


def diff_routes(past: Past | None) -> tuple[Route, ...]:
    """None where there is no past to ask."""
    return () if past is None else (tracklog_read("diff", _diff(past), READ_HISTORY),)


def _diff(past: Past) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        wanted = await read_message(request, GetDiff)
        begin, end = await between(past, request.query.get("from", ""), request.query.get("to", NOW))
        await past.caught_up(request)
        found = await compared(past, wanted, begin, end, is_administrator=request.get(ASKING) is None)
        return JsonAnswer(
            orjson.dumps(
                {
                    "from": positions_text(begin),
                    "to": positions_text(end),
                    "differences": [_difference(one) for one in found],
                }
            )
        )

    return named_for(GetDiff, handle)


async def between(past: Past, begin_text: str, end_text: str) -> tuple[Positions, Positions]:
    """The positions of two moments. Raises InvalidParameterValue when the first is not before the second."""
    begin, end = await past.positions(begin_text), await past.positions(end_text)
    if any(begin[partition] > offset for partition, offset in end.items()):
        raise InvalidParameterValue(f"from {positions_text(begin)} is not before to {positions_text(end)}.")
    return begin, end


async def compared(
    past: Past, wanted: GetDiff, begin: Positions, end: Positions, *, is_administrator: bool
) -> list[Difference]:
    """What is different at `end` from what was at `begin`; the live read model has to have caught up.

    Raises ResourceDoesNotExist when there was nothing in between, and as `PastReadModels.steps` does.
    """
    thing = await _thing(past, wanted, end, is_administrator)
    comparison: Comparison | None = None
    is_there = False
    async with past.read_models.steps(thing.streams, begin, end) as steps:
        async for step in steps:
            fields = _fields(await thing.document(step.read_model))
            is_there = is_there or bool(fields)
            if comparison is None:
                comparison = Comparison(fields)
            else:
                comparison.after(step.events, fields)
    if comparison is None or not is_there:
        raise ResourceDoesNotExist(f"There was no {thing.name} between the two moments.")
    return comparison.differences()


async def _thing(past: Past, wanted: GetDiff, end: Positions, is_administrator: bool) -> _Thing:
    """Raises InvalidParameterValue unless the message names one thing, and PermissionDenied."""
    live = past.live
    named = [one for one in (wanted.run_id, wanted.experiment_id, wanted.registered_model, wanted.username) if one]
    if len(named) != 1:
        raise InvalidParameterValue("Name one of run_id, experiment_id, registered_model and username.")
    if wanted.username:
        return await _user(past, wanted.username, end, is_administrator)
    if wanted.run_id:
        streams = await RUN.streams(live, GetRun(run_id=wanted.run_id))
        return _Thing(f"run {wanted.run_id}", streams, lambda then: then.document(RUN_BY_ID, wanted.run_id))
    if wanted.experiment_id:
        of_experiment = GetExperiment(experiment_id=wanted.experiment_id)
        number = experiment_id_of(wanted.experiment_id)
        return _Thing(
            f"experiment {number}",
            await EXPERIMENT.streams(live, of_experiment),
            lambda then: then.document(EXPERIMENT_BY_ID, number),
        )
    return await _registered_model(live, GetRegisteredModel(name=wanted.registered_model), is_administrator)


async def _user(past: Past, username: str, end: Positions, is_administrator: bool) -> _Thing:
    """What a user is allowed, by roles and by grants of their own.

    All users and roles are folded: that a user remains administrator may rest on there being no other.
    """
    if not is_administrator:
        raise PermissionDenied("Permission denied")
    streams = [
        stream
        for begun_by in (UserCreated, RoleCreated)
        for stream in await past.read_models.streams_begun_by(begun_by.event_type, USERS_ORDERING_UNIT, end)
    ]
    return _Thing(f"user {username}", streams, partial(rights_document, username=username))


async def _registered_model(live: ReadModel, of_model: GetRegisteredModel, may_see_what_is_gone: bool) -> _Thing:
    """By its id, under whatever name it had; of one that is gone, the first that had the name between the moments."""
    assert REGISTERED_MODEL.identity is not None
    identity = REGISTERED_MODEL.identity
    known = await identity(live, of_model)
    if known is None and not may_see_what_is_gone:
        raise PermissionDenied("Permission denied")

    async def document(then: ReadModel) -> bytes | None:
        nonlocal known
        known = known or await identity(then, of_model)
        return None if known is None else await then.document(_MODEL_BY_ID, known)

    return _Thing(f"registered model {of_model.name}", await REGISTERED_MODEL.streams(live, of_model), document)


def _fields(document: bytes | None) -> Fields:
    """Without the name of the thing, which is the first member of each document."""
    if document is None:
        return {}
    [whole] = orjson.loads(document).values()
    return fields_of(whole)


def _difference(one: Difference) -> dict[str, Any]:
    left_out = len(one.made_by) - MAX_MADE_BY
    return {
        "field": one.field,
        "before": one.before,
        "after": one.after,
        "events": [_events(events) for events in one.made_by[max(left_out, 0) :]],
        **({"earlier": left_out} if left_out > 0 else {}),
    }


def _events(events: Sequence[RecordedEvent]) -> dict[str, Any]:
    """The first of a group; `count` says how many follow one another, where it is not one."""
    first = events[0]
    return {
        "partition": first.partition,
        "offset": first.offset,
        "type": first.type,
        "stream": first.stream,
        "time": time_text(first.time_us),
        "actor": {"user": first.actor.user, "address": first.actor.address, "user_agent": first.actor.user_agent},
        "request_id": first.request_id,
        **({"count": len(events)} if len(events) > 1 else {}),
    }
