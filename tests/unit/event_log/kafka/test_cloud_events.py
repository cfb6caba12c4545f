"""Events survive being CloudEvents messages exactly, and no message stops a reader."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_log.kafka.cloud_events import (
    FOREIGN_TYPE,
    Birth,
    CloudEventDecoder,
    CloudEventEncoder,
    Header,
    Message,
    birth_in,
)
from schemas import codec
from schemas.envelope import Actor, EventClock, EventData, RecordedEvent
from schemas.events import ExperimentCreated, MetricSeries, Param, RunDataLogged, RunTagDeleted, Undo

EVENT = EventClock().stamp(
    RunDataLogged(run_id="a" * 32, params=[Param("lr", "0.1")], metrics=[MetricSeries("m", [1.5], [1], [0])]),
    Actor("ada", "10.0.0.7", "mlflow/3"),
    "request-1",
)
LOG_ID = "5e3b5c52-9e2a-4b6f-8f3c-0d7b0c1e2f3a"
KEYS = "7f0d9a3c-6f0e-4b9b-9a9d-1c6f6d0c1b2a"
ANY_TEXT = st.text(st.characters(codec=None))


def message_of(event: EventData, partitions: int = 8, *, sealed: bytes | None = None) -> Message:
    encoder = CloudEventEncoder(partitions, LOG_ID, None if sealed is None else KEYS)
    return encoder.message(event, codec.encode(event.payload) if sealed is None else sealed)


def recorded(event: EventData) -> RecordedEvent:
    message = message_of(event)
    return CloudEventDecoder().event(3, 17, message.key, message.value, message.headers)


def same(event: EventData) -> RecordedEvent:
    payload = event.payload
    return RecordedEvent(
        *(3, 17, event.id, payload.event_type, payload.event_version, event.stream, event.time_us),
        *(event.actor, event.request_id, codec.encode(payload)),
    )


def test_an_event_is_read_back_as_it_was() -> None:
    assert recorded(EVENT) == same(EVENT)


def test_an_event_that_undoes_others_names_them_in_a_header_too() -> None:
    undo = Undo(["01900000-0000-7000-8000-000000000001", "01900000-0000-7000-8000-000000000002"], {"tags.t": None})
    event = EventClock().stamp(RunTagDeleted(run_id="a" * 32, key="t", undo=undo), Actor("ada"), "")
    assert recorded(event) == same(event)
    headers = dict(message_of(event).headers)
    assert headers["ce_undoes"] == ",".join(undo.events).encode()
    assert "ce_undoes" not in dict(message_of(EVENT).headers)


@given(
    actor=st.builds(Actor, ANY_TEXT, ANY_TEXT, ANY_TEXT),
    request_id=ANY_TEXT,
    time_us=st.integers(0, 4_000_000_000_000_000),
    event_id=st.binary(min_size=16, max_size=16),
)
def test_whatever_the_envelope_holds_is_read_back(actor: Actor, request_id: str, time_us: int, event_id: bytes) -> None:
    event = EventData(event_id, "experiment/1", time_us, actor, request_id, _experiment())
    assert recorded(event) == same(event)


def _experiment() -> ExperimentCreated:
    return ExperimentCreated(experiment_id=1, name="é\u0000🙂", artifact_location="x")


@given(
    key=st.none() | st.binary(),
    value=st.none() | st.binary(),
    headers=st.lists(
        st.tuples(
            st.sampled_from(["ce_id", "ce_type", "ce_time", "ce_subject", "ce_dataversion", "ce_actor", "x"]),
            st.none()
            | st.binary()
            | st.sampled_from([b"1", b"0" * 32, b"2026-01-01T00:00:00Z", b"2026-13-01T00:00:00.000000Z", b"9" * 5000]),
        )
    ),
)
def test_no_message_raises(key: bytes | None, value: bytes | None, headers: list[Header]) -> None:
    event = CloudEventDecoder().event(0, 0, key, value, headers)
    assert isinstance(event, RecordedEvent)
    if event.type == FOREIGN_TYPE:
        json.loads(event.payload)


@pytest.mark.parametrize("missing", ["ce_id", "ce_type", "ce_dataversion", "ce_subject", "ce_time"])
def test_a_message_without_an_attribute_that_is_needed_is_foreign_and_alone_in_its_stream(missing: str) -> None:
    message = message_of(EVENT)
    headers = [(name, value) for name, value in message.headers if name != missing]
    first, second = (CloudEventDecoder().event(0, offset, message.key, message.value, headers) for offset in (1, 2))
    assert {first.type, second.type} == {FOREIGN_TYPE}
    assert len({first.stream, second.stream, EVENT.stream}) == 3
    with pytest.raises(codec.UndecodableEvent):
        codec.decode(first)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"2026-11-21T12:22:01.123456Z", datetime(2026, 11, 21, 12, 22, 1, 123456, UTC)),
        (b"2026-11-21T12:22:01Z", datetime(2026, 11, 21, 12, 22, 1, 0, UTC)),
        (b"2026-11-21T14:22:01.5+02:00", datetime(2026, 11, 21, 12, 22, 1, 500000, UTC)),
    ],
)
def test_times_of_other_producers_are_read_in_any_form_of_rfc_3339(text: bytes, expected: datetime) -> None:
    message = message_of(EVENT)
    headers = [(name, text if name == "ce_time" else value) for name, value in message.headers]
    event = CloudEventDecoder().event(0, 0, message.key, message.value, headers)
    assert event.time_us == round(expected.timestamp() * 1_000_000)


def test_names_of_attributes_are_as_cloud_events_wants_them_and_no_text_is_empty() -> None:
    event = EventClock().stamp(_experiment(), Actor("ada"), "")
    for name, value in message_of(event).headers:
        assert name == "content-type" or (name.startswith("ce_") and name[3:].isalnum() and name.islower()), name
        assert value


def test_every_message_tells_the_count_of_partitions() -> None:
    assert birth_in(message_of(EVENT, 12).headers) == Birth(12, None)


def test_messages_of_a_log_of_sealed_payloads_say_so_and_claim_json_only_where_they_are() -> None:
    sealed, plain = (message_of(EVENT, sealed=value) for value in (b"\x01sealed", codec.encode(EVENT.payload)))
    assert birth_in(sealed.headers) == birth_in(plain.headers) == Birth(8, KEYS)
    types = [dict(one.headers)["content-type"] for one in (sealed, plain)]
    assert types == [b"application/octet-stream", b"application/json"]
    assert sealed.value == b"\x01sealed"


def test_every_message_says_which_log_it_is_of() -> None:
    assert ("ce_logid", LOG_ID.encode()) in message_of(EVENT).headers
    assert birth_in([("ce_partitions", b"many")]) is None
    assert birth_in([]) is None
