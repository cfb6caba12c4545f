"""What an event that was first elsewhere becomes here: checked as far as a command would check what it appends.

Keys and texts are not held to the bounds of requests, which were others when they were written, but to those of the
tables.
"""

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from schemas import codec
from schemas.codec import UndecodableEvent
from schemas.envelope import Actor, EventData, RecordedEvent
from schemas.errors import InvalidParameterValue
from schemas.events import (
    EVENT_TYPES,
    AnyEvent,
    ExperimentAcknowledged,
    ExperimentCreated,
    ExperimentOwnerRemoved,
    LoggedModelFinalized,
    Origin,
    RegisteredModelCreated,
    RegisteredModelOwnerRemoved,
    RunCreated,
    RunDataLogged,
    RunModelLogged,
    RunUpdated,
    stream_of,
)
from schemas.events.experiments import EXPERIMENTS
from schemas.events.logged_models import LOGGED_MODELS
from schemas.events.registered_models import REGISTERED_MODELS
from schemas.events.runs import RUNS
from schemas.messages.bounds import (
    MAX_DATASET_PROFILE_CHARACTERS,
    MAX_NAME_CHARACTERS,
    MAX_RUN_NAME_CHARACTERS,
    shown,
)
from schemas.messages.imports import ImportedEvent, ImportEvents
from schemas.metric_values import NON_FINITE
from schemas.mlflow import LARGEST_INT64, LEAST_INT64

KINDS: Final = (EXPERIMENTS, RUNS, LOGGED_MODELS, REGISTERED_MODELS)
"""What events may be about. Users, rights and webhooks are each server's own; of artifacts their uploads tell."""

OF_USERS: Final = (ExperimentAcknowledged, ExperimentOwnerRemoved, RegisteredModelOwnerRemoved)
"""They are about requests and users of there."""

MAX_EVENT_BYTES: Final = 24 * 1024 * 1024
"""Of one payload as it is stored: under the 32 MiB of Kafka's record batches."""

_LONG: Final = frozenset({"value", "description", "source", "schema", "profile", "model_json", "reason", "found"})
"""Texts that no index holds. All others are keys, names and words."""
_LOCATIONS: Final = frozenset({"artifact_location", "artifact_uri", "storage_location", "run_link"})
MAX_LOCATION_CHARACTERS: Final = 8192

_LEAST: Final = {"experiment_id": 0, "version": 1}
_LARGEST: Final = {"version": 2**31 - 1, "status": 2**15 - 1}
_PATH_PART: Final = re.compile(r"[^/\\\x00-\x1f]+")
"""Ids are folders of artifacts."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def decide(command: ImportEvents, brought_by: str) -> list[EventData]:
    """The events to append, in their order. Raises InvalidParameterValue, which names the one that is at fault."""
    origin = Origin(command.source, brought_by)
    events: list[EventData] = []
    ids: set[bytes] = set()
    for index, one in enumerate(command.events):
        try:
            event = _event(one, origin)
        except InvalidParameterValue as error:
            raise InvalidParameterValue(f"Invalid value for parameter 'events[{index}]': {error.message}") from error
        if event.id in ids:
            raise InvalidParameterValue(f"The event {one.id} is given twice.")
        ids.add(event.id)
        events.append(event)
    return events


def _event(one: ImportedEvent, origin: Origin) -> EventData:
    payload = _corrected(_payload(one))
    if payload.kind not in KINDS or isinstance(payload, OF_USERS):
        raise InvalidParameterValue(f"{one.type} is not taken from elsewhere.")
    _check(payload)
    for name, value in _fields(payload):
        _check_value(name, value)
    payload = replace(payload, origin=origin)
    if len(codec.encode(payload)) > MAX_EVENT_BYTES:
        raise InvalidParameterValue(f"it takes more than {MAX_EVENT_BYTES} bytes.")
    actor = Actor(one.actor.user, one.actor.address, one.actor.user_agent)
    return EventData(_id(one.id), stream_of(payload), _time_us(one.time), actor, one.request_id, payload)


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
    """Without what is of the users and requests of there."""
    match event:
        case ExperimentCreated():
            return replace(event, awaits_acknowledgement=False, owner=None)
        case RegisteredModelCreated():
            return replace(event, owner=None)
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


def _check(event: AnyEvent) -> None:
    """What its fields have to be together, and what its fold or the tables take for granted."""
    match event:
        case RunModelLogged():
            try:
                is_object = isinstance(msgspec.json.decode(event.model_json), dict)
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                is_object = False
            if not is_object:
                raise InvalidParameterValue("its model_json is no JSON object.")
        case LoggedModelFinalized():
            if event.status not in range(4):
                raise InvalidParameterValue(f"there is no status {event.status} of a logged model.")
        case _:
            pass
    if isinstance(event, RunDataLogged):
        _check_points(event)
    key = event.stream_key
    if not key or (event.kind is not REGISTERED_MODELS and (key in (".", "..") or not _PATH_PART.fullmatch(key))):
        raise InvalidParameterValue(f"{shown(key)} cannot be the id of a {event.kind.name}.")
    if isinstance(event, RunCreated | RunUpdated) and len(event.name or "") > MAX_RUN_NAME_CHARACTERS:
        raise InvalidParameterValue(f"the name of the run exceeds {MAX_RUN_NAME_CHARACTERS} characters.")


def _check_points(event: RunDataLogged) -> None:
    for series in event.metrics:
        if not len(series.value) == len(series.timestamp_ms) == len(series.step) > 0:
            raise InvalidParameterValue(f"metric {shown(series.key)} has no points, or columns of different lengths.")
    values = [value for series in event.metrics for value in series.value] + [one.value for one in event.model_metrics]
    for value in values:
        if isinstance(value, str) and value not in NON_FINITE:
            raise InvalidParameterValue(f"{shown(value)} is no number.")


def _fields(struct: Any) -> Iterator[tuple[str, Any]]:
    """Every text, number and list of texts or numbers, with the name of the field that it is in."""
    for name in struct.__struct_fields__:
        value = getattr(struct, name)
        if isinstance(value, msgspec.Struct):
            yield from _fields(value)
        elif isinstance(value, list) and value and isinstance(value[0], msgspec.Struct):
            for one in value:
                yield from _fields(one)
        elif isinstance(value, list):
            for one in value:
                yield name, one
        elif isinstance(value, dict):
            for key, one in value.items():
                yield "found", key
                yield "found", one
        elif name != "name" or not isinstance(struct, RunCreated | RunUpdated):
            yield name, value


def _check_value(name: str, value: Any) -> None:
    if isinstance(value, str):
        if name in ("old", "new") and value not in NON_FINITE:
            raise InvalidParameterValue(f"{shown(value)} is no number.")
        most = _most_characters(name)
        if len(value) > most:
            raise InvalidParameterValue(f"its {name} has {len(value)} characters, more than {most}.")
    elif isinstance(value, int) and not isinstance(value, bool):
        least, largest = _LEAST.get(name, LEAST_INT64), _LARGEST.get(name, LARGEST_INT64)
        if not least <= value <= largest:
            raise InvalidParameterValue(f"its {name} {value} is out of range.")


def _most_characters(name: str) -> int:
    if name in _LONG:
        return MAX_DATASET_PROFILE_CHARACTERS
    return MAX_LOCATION_CHARACTERS if name in _LOCATIONS else MAX_NAME_CHARACTERS
