"""What an event that was first elsewhere becomes here: checked as far as a command would check what it appends."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Final, get_args

import msgspec
from msgspec.structs import replace

from ingest.imports.checks import check
from schemas import codec
from schemas.codec import UndecodableEvent
from schemas.envelope import Actor, EventData, RecordedEvent
from schemas.errors import InvalidParameterValue
from schemas.events import (
    EVENT_TYPES,
    AnyBelongingErased,
    AnyEvent,
    ExperimentAcknowledged,
    ExperimentCreated,
    ExperimentErased,
    ExperimentOwnerRemoved,
    LoggedModelErased,
    ModelVersionRestored,
    Origin,
    RegisteredModelCreated,
    RegisteredModelOwnerRemoved,
    RegisteredModelRestored,
    RunErased,
    TraceEnded,
    TraceStarted,
    stream_of,
)
from schemas.events.evaluation_datasets import EVALUATION_DATASETS
from schemas.events.experiments import EXPERIMENTS
from schemas.events.issues import ISSUES
from schemas.events.label_schemas import LABEL_SCHEMAS
from schemas.events.logged_models import LOGGED_MODELS
from schemas.events.registered_models import REGISTERED_MODELS
from schemas.events.review_queues import REVIEW_QUEUES
from schemas.events.runs import RUNS
from schemas.events.scorers import SCORERS
from schemas.events.traces import TRACES
from schemas.messages.bounds import shown
from schemas.messages.imports import ImportedEvent, ImportEvents
from schemas.traces import is_reserved_tag

KINDS: Final = (
    *(EXPERIMENTS, RUNS, LOGGED_MODELS, REGISTERED_MODELS),
    *(TRACES, SCORERS, EVALUATION_DATASETS, ISSUES, LABEL_SCHEMAS, REVIEW_QUEUES),
)
"""What events may be about. Users, rights and webhooks are each server's own; of artifacts their uploads tell."""

NOT_TAKEN: Final = (
    *(ExperimentAcknowledged, ExperimentOwnerRemoved, RegisteredModelOwnerRemoved),
    *(ExperimentErased, RunErased, LoggedModelErased, *get_args(AnyBelongingErased)),
    *(RegisteredModelRestored, ModelVersionRestored),
)
"""They are about requests and users of there, about what the log of there holds no more, and about what was deleted
there: what a restored version says of its files would be believed, and a deletion there deletes no model here."""

MAX_EVENT_BYTES: Final = 24 * 1024 * 1024
"""Of one payload as it is stored: under the 32 MiB of Kafka's record batches."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def decide(command: ImportEvents, brought_by: str, now_us: int) -> list[EventData]:
    """The events to append, in their order. One whose time is still to come here happened now: moments of the past end
    before it, and would for as long.

    Raises InvalidParameterValue, which names the one that is at fault.
    """
    origin = Origin(command.source, brought_by)
    events: list[EventData] = []
    ids: set[bytes] = set()
    for index, one in enumerate(command.events):
        try:
            event = _event(one, origin, now_us)
        except InvalidParameterValue as error:
            raise InvalidParameterValue(f"Invalid value for parameter 'events[{index}]': {error.message}") from error
        if event.id in ids:
            raise InvalidParameterValue(f"The event {one.id} is given twice.")
        ids.add(event.id)
        events.append(event)
    return events


def _event(one: ImportedEvent, origin: Origin, now_us: int) -> EventData:
    payload = _corrected(_payload(one))
    if payload.kind not in KINDS or isinstance(payload, NOT_TAKEN):
        raise InvalidParameterValue(f"{one.type} is not taken from elsewhere.")
    check(payload)
    payload = replace(payload, origin=origin)
    if len(codec.encode(payload)) > MAX_EVENT_BYTES:
        raise InvalidParameterValue(f"it takes more than {MAX_EVENT_BYTES} bytes.")
    actor = Actor(one.actor.user, one.actor.address, one.actor.user_agent)
    time_us = min(_time_us(one.time), now_us)
    return EventData(_id(one.id), stream_of(payload), time_us, actor, one.request_id, payload)


def _payload(one: ImportedEvent) -> AnyEvent:
    """What the data say. Fields that are not known here are passed over, as in events of a newer version."""
    if one.type not in EVENT_TYPES or one.version < 1:
        raise InvalidParameterValue(f"{shown(one.type)} version {one.version} is no event that is known here.")
    data = msgspec.json.encode(one.data)
    try:
        return codec.decode(RecordedEvent(0, 0, b"", one.type, one.version, "", 0, Actor(), "", data))
    except UndecodableEvent as error:
        raise InvalidParameterValue(str(error)[:500]) from error


def _corrected(event: AnyEvent) -> AnyEvent:
    """Without what is of the users and requests of there, and what a server alone says."""
    match event:
        case ExperimentCreated():
            return replace(event, awaits_acknowledgement=False, owner=None)
        case RegisteredModelCreated():
            return replace(event, owner=None)
        case TraceStarted() | TraceEnded():
            return replace(event, tags={key: value for key, value in event.tags.items() if not is_reserved_tag(key)})
        case _:
            return event


def _id(text: str) -> bytes:
    try:
        return uuid.UUID(text).bytes
    except ValueError as error:
        raise InvalidParameterValue(f"its id {shown(text)} is no UUID.") from error


def _time_us(text: str) -> int:
    """RFC 3339 as microseconds since the Unix epoch."""
    try:
        moment = datetime.fromisoformat(text)
        time_us = (moment - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidParameterValue(f"its time {shown(text)} is not in the form of RFC 3339, with a zone.") from error
    if time_us < 0:
        raise InvalidParameterValue(f"its time {shown(text)} is before 1970.")
    return time_us
