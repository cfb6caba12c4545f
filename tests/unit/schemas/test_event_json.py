"""An event as JSON is read as it was written, and what was not written so is refused."""

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.envelope import Actor, RecordedEvent
from schemas.event_json import event_document, event_json, event_of_json, values_of_document

EVENT = RecordedEvent(
    3, 7, bytes(range(16)), "run.deleted", 2, "run/a", 1_700_000_000_000_001, Actor("ada", "::1", "a"), "r", b'{"a": 1}'
)


def test_what_is_written_is_read_again_to_the_byte_and_the_microsecond() -> None:
    assert event_of_json(event_json(EVENT)) == EVENT


@pytest.mark.parametrize("part", orjson.loads(event_json(EVENT)))
def test_nothing_may_be_missing(part: str) -> None:
    left = {name: value for name, value in orjson.loads(event_json(EVENT)).items() if name != part}
    with pytest.raises(msgspec.ValidationError):
        event_of_json(orjson.dumps(left))


@pytest.mark.parametrize("part", ["user", "address", "user_agent"])
def test_nothing_of_an_actor_is_made_up(part: str) -> None:
    found = orjson.loads(event_json(EVENT))
    del found["actor"][part]
    with pytest.raises(msgspec.ValidationError):
        event_of_json(orjson.dumps(found))


@pytest.mark.parametrize(
    "changed", [{"id": "no-id"}, {"time": "2023-11-14T22:13:20.000001+00:00"}, {"time": "yesterday"}]
)
def test_what_no_event_is_written_with_is_refused(changed: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        event_of_json(orjson.dumps({**orjson.loads(event_json(EVENT)), **changed}))


@pytest.mark.slow
@given(data=st.dictionaries(st.text(), st.lists(st.text() | st.dictionaries(st.text(), st.none()))))
def test_no_document_holds_more_values_than_it_is_taken_for(data: dict[str, object]) -> None:
    payload = orjson.dumps(data)
    document = event_document("id", "type", 1, 0, Actor(), "r", payload)
    sent = b"," + orjson.dumps(document)
    assert sum(map(sent.count, (b",", b"[", b"{"))) <= values_of_document(payload)
