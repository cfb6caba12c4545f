"""Events as CloudEvents 1.0 messages of Kafka, in binary mode: the envelope in `ce_` headers, the payload as it is.

Source: the CloudEvents specification 1.0.2 and its Kafka protocol binding. Names of extension attributes are lower case
letters and digits only, and a text attribute is never empty: an empty one is left out.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple, TypeVar

import orjson

from schemas.envelope import Actor, EventData, RecordedEvent
from schemas.sealed import is_sealed

K = TypeVar("K")
V = TypeVar("V")

Header = tuple[str, bytes | None]

SOURCE: Final = "/tracklog"
FOREIGN_TYPE: Final = "foreign-message"
"""The type of a message that is no event of ours. There is no such event, so it and its own stream are set aside."""

_ENCODING_ERRORS: Final = "surrogatepass"
"""Text that came with broken surrogates is kept as it came."""
_CACHED: Final = 10_000
_CACHED_BYTES: Final = 1024
"""An actor in foreign messages may be longer; it is not cached."""
_MICROSECONDS: Final = 1_000_000


class Message(NamedTuple):
    """An event as a message of Kafka."""

    timestamp_ms: int
    key: bytes
    value: bytes
    headers: list[Header]


class CloudEventEncoder:
    """Events to messages. Every message carries `partitions`, the topic's count when it was created, and the log's id.

    In a log of sealed payloads it also says whose `keys` they are sealed under: the id of the log that was born so, of
    which this one may be a mirror.

    Headers are cached by second, actor and type: to make them costs more than to encode the payload.
    """

    def __init__(self, partitions: int, log_id: str, keys: str | None = None) -> None:
        self._constant: list[Header] = [
            ("ce_specversion", b"1.0"),
            ("ce_source", SOURCE.encode()),
            ("ce_partitions", str(partitions).encode()),
            ("ce_logid", log_id.encode()),
        ]
        if keys is not None:
            self._constant.append(("ce_keys", keys.encode()))
        self._of_type: dict[str, list[Header]] = {}
        self._of_actor: dict[Actor, list[Header]] = {}
        self._second = -1
        self._second_text = ""

    def message(self, event: EventData, encoded: bytes) -> Message:
        """The message of `event`, whose payload is stored as `encoded`; its key is the ordering unit."""
        payload = event.payload
        of_type = self._of_type.get(payload.event_type)
        if of_type is None:
            of_type = self._headers_of_type(payload.event_type, payload.event_version, encoded)
        of_actor = self._of_actor.get(event.actor)
        if of_actor is None:
            of_actor = _remember(self._of_actor, event.actor, _headers_of_actor(event.actor))
        digits = event.id.hex()
        headers: list[Header] = [
            *of_type,
            ("ce_id", f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}".encode()),
            ("ce_time", self._time(event.time_us)),
            ("ce_subject", _encoded(event.stream)),
            *of_actor,
        ]
        if event.request_id:
            headers.append(("ce_requestid", _encoded(event.request_id)))
        if payload.undo is not None:
            headers.append(("ce_undoes", ",".join(payload.undo.events).encode()))
        if payload.origin is not None:
            headers.append(("ce_origin", _encoded(payload.origin.source)))
            headers.append(("ce_broughtby", _encoded(payload.origin.brought_by)))
        return Message(event.time_us // 1000, _encoded(event.ordering_unit), encoded, headers)

    def _headers_of_type(self, event_type: str, version: int, encoded: bytes) -> list[Header]:
        """Whether payloads are sealed depends on the type alone."""
        headers: list[Header] = [
            *self._constant,
            ("content-type", b"application/octet-stream" if is_sealed(encoded) else b"application/json"),
            ("ce_type", event_type.encode()),
            ("ce_dataversion", str(version).encode()),
        ]
        return _remember(self._of_type, event_type, headers)

    def _time(self, time_us: int) -> bytes:
        """RFC 3339 in UTC with microseconds."""
        second, microsecond = divmod(time_us, _MICROSECONDS)
        if second != self._second:
            self._second = second
            self._second_text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._second_text}.{microsecond:06d}Z".encode()


class CloudEventDecoder:
    """Messages to events: exactly the event that was encoded, or, of a foreign message, an event that is set aside."""

    def __init__(self) -> None:
        self._actors: dict[tuple[bytes | None, bytes | None, bytes | None], Actor] = {}
        self._seconds: dict[bytes, int] = {}

    def event(
        self, partition: int, offset: int, key: bytes | None, value: bytes | None, headers: Sequence[Header]
    ) -> RecordedEvent:
        """The event at `offset`. Whatever the message holds, this raises nothing."""
        found = dict(headers)
        try:
            return RecordedEvent(
                partition,
                offset,
                _id(found["ce_id"]),
                _text(found["ce_type"]),
                int(_present(found["ce_dataversion"])),
                _text(found["ce_subject"]),
                self._time_us(_present(found["ce_time"])),
                self._actor(found),
                _text(found.get("ce_requestid") or b""),
                _present(value),
            )
        except (KeyError, ValueError, OverflowError):
            return foreign_event(partition, offset, key, value, headers)

    def _time_us(self, text: bytes) -> int:
        if len(text) == 27 and text[19] == 46 and text[26] == 90:  # as CloudEventEncoder writes it: ….dddddd Z
            second = self._seconds.get(text[:19])
            if second is None:
                parsed = datetime.strptime(text[:19].decode() + "+0000", "%Y-%m-%dT%H:%M:%S%z")
                second = _remember(self._seconds, text[:19], int(parsed.timestamp()))
            return second * _MICROSECONDS + int(text[20:26])
        parsed = datetime.fromisoformat(text.decode())
        if parsed.tzinfo is None:
            raise ValueError("a time without a zone")
        since_epoch = parsed - datetime(1970, 1, 1, tzinfo=UTC)
        return (since_epoch.days * 86_400 + since_epoch.seconds) * _MICROSECONDS + since_epoch.microseconds

    def _actor(self, headers: dict[str, bytes | None]) -> Actor:
        encoded = headers.get("ce_actor"), headers.get("ce_actoraddress"), headers.get("ce_useragent")
        actor = self._actors.get(encoded)
        if actor is None:
            actor = Actor(*(_text(one or b"") for one in encoded))
            if sum(len(one or b"") for one in encoded) <= _CACHED_BYTES:
                _remember(self._actors, encoded, actor)
        return actor


class Birth(NamedTuple):
    """What a log keeps to: how many partitions the topic had when it was created, and whose keys seal the payloads.

    `keys` is the id of a log, None where they are not sealed.
    """

    partitions: int
    keys: str | None


def birth_in(headers: Iterable[Header]) -> Birth | None:
    """As a message of the log says; None of a foreign message."""
    found = dict(headers)
    partitions = found.get("ce_partitions")
    if partitions is None or not partitions.isdigit():
        return None
    keys = found.get("ce_keys")
    return Birth(int(partitions), None if keys is None else keys.decode("ascii", "replace"))


def foreign_event(
    partition: int, offset: int, key: bytes | None, value: bytes | None, headers: Sequence[Header]
) -> RecordedEvent:
    """The event in place of a foreign message: of unknown type, in a stream of its own, its bytes shown as text."""
    shown = {
        "key": _shown(key),
        "headers": {name: _shown(content) for name, content in headers},
        "value": _shown(value),
    }
    return RecordedEvent(
        partition,
        offset,
        uuid.uuid5(uuid.NAMESPACE_URL, f"{partition}/{offset}").bytes,
        FOREIGN_TYPE,
        1,
        f"foreign/{partition}-{offset}",
        0,
        Actor("foreign"),
        "",
        orjson.dumps(shown),
    )


def _headers_of_actor(actor: Actor) -> list[Header]:
    named = ("ce_actor", actor.user), ("ce_actoraddress", actor.address), ("ce_useragent", actor.user_agent)
    return [(name, _encoded(value)) for name, value in named if value]


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", _ENCODING_ERRORS)


def _text(encoded: bytes | None) -> str:
    return _present(encoded).decode("utf-8", _ENCODING_ERRORS)


def _present(content: bytes | None) -> bytes:
    if content is None:
        raise ValueError("null")
    return content


def _id(text: bytes | None) -> bytes:
    digits = bytes.fromhex(_text(text).replace("-", ""))
    if len(digits) != 16:
        raise ValueError("not a UUID")
    return digits


def _shown(content: bytes | None) -> str | None:
    return None if content is None else content.decode("utf-8", "backslashreplace")


def _remember(cache: dict[K, V], key: K, value: V) -> V:
    if len(cache) >= _CACHED:
        cache.clear()
    cache[key] = value
    return value
