"""Which events are to be undone, as a request says it."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from schemas.envelope import Position
from schemas.errors import InvalidParameterValue
from schemas.events import STREAM_KINDS
from schemas.messages.bounds import shown
from schemas.messages.undo import PlanUndo
from schemas.moments import moment_us

_ONE_OF: Final = (
    "Say what is to be undone in one way: by 'event', by 'request_id', by 'actor' with 'since', or by 'stream' with"
    " 'to'."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """One of `position`, `event_id`, `request_id`, `actor` and `stream` is given. Times are in microseconds.

    Of an actor it is what they did from `since_us` on and before `until_us`; of a request the same where these are
    given; of a stream what happened from `since_us` on.
    """

    position: Position | None = None
    event_id: bytes | None = None
    request_id: str = ""
    actor: str = ""
    stream: str = ""
    since_us: int | None = None
    until_us: int | None = None


def selection_of(message: PlanUndo) -> Selection:
    """Raises InvalidParameterValue for a request that does not say it in one way, or not so that it is understood."""
    if sum(bool(one) for one in (message.event, message.request_id, message.actor, message.stream)) != 1:
        raise InvalidParameterValue(_ONE_OF)
    if message.event:
        return _event(message.event)
    if message.stream:
        return _stream(message)
    since_us, until_us = _moment_us("since", message.since), _moment_us("until", message.until)
    if message.actor and since_us is None:
        raise InvalidParameterValue("'actor' needs 'since': from when on what they did is to be undone.")
    return Selection(request_id=message.request_id, actor=message.actor, since_us=since_us, until_us=until_us)


def _event(text: str) -> Selection:
    partition, colon, offset = text.partition(":")
    if colon and _is_number(partition) and _is_number(offset):
        return Selection(position=Position(int(partition), int(offset)))
    try:
        return Selection(event_id=uuid.UUID(text).bytes)
    except ValueError:
        raise InvalidParameterValue(
            f"{shown(text)} is no event: it is named by its id, or by its place as <partition>:<offset>."
        ) from None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19


def _stream(message: PlanUndo) -> Selection:
    kind, _, key = message.stream.partition("/")
    if kind not in STREAM_KINDS or not key:
        raise InvalidParameterValue(
            f"{shown(message.stream)} is no stream; there are {', '.join(f'{one}/…' for one in STREAM_KINDS)}."
        )
    since_us = _moment_us("to", message.to)
    if since_us is None:
        raise InvalidParameterValue("'stream' needs 'to': the moment back to which it is to be undone.")
    return Selection(stream=message.stream, since_us=since_us)


def _moment_us(field: str, text: str) -> int | None:
    """Microseconds since the Unix epoch; None for no text.

    Raises InvalidParameterValue, also for a time without a zone, which only the one who wrote it could tell.
    """
    if not text:
        return None
    try:
        if not text.isdecimal() and datetime.fromisoformat(text).tzinfo is None:
            raise InvalidParameterValue(f"{field} must name its time zone, as in {shown(text + 'Z')}.")
        return moment_us(text, 0)
    except (ValueError, OverflowError) as error:
        raise InvalidParameterValue(
            f"{field} must be an RFC 3339 time or milliseconds since the Unix epoch, got {shown(text)}."
        ) from error
