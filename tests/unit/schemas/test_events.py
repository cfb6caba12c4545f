"""An event declares its type and version, its stream, and what it is ordered in."""

import pytest

from schemas.envelope import Actor, EventClock
from schemas.events import (
    EVENT_TYPES,
    STREAM_KINDS,
    AnyEvent,
    ArtifactDeleted,
    ArtifactUploaded,
    Event,
    ExperimentRenamed,
    RunDataLogged,
    StreamKind,
    ordering_unit_of,
    stream_of,
)


def test_every_event_is_registered_under_its_own_name() -> None:
    of_an_aggregate = [event for base in Event.__subclasses__() for event in _leaves(base)]
    assert {event.event_type: event for event in of_an_aggregate} == EVENT_TYPES
    assert len(of_an_aggregate) == len(EVENT_TYPES)


def _leaves(base: type[Event]) -> list[type[Event]]:
    """The classes below `base` that are no base of others."""
    return [leaf for one in base.__subclasses__() for leaf in _leaves(one) or [one]]


@pytest.mark.parametrize("event_type", EVENT_TYPES.values(), ids=EVENT_TYPES)
def test_every_event_knows_its_stream(event_type: type[AnyEvent]) -> None:
    assert STREAM_KINDS[event_type.kind.name] is event_type.kind
    assert event_type.stream_key is not Event.stream_key


def test_the_ordering_unit_of_an_event_is_that_of_its_stream() -> None:
    for payload in (
        RunDataLogged(run_id="a"),
        ExperimentRenamed(experiment_id=3, name="x"),
        ArtifactDeleted(path="a/b"),
    ):
        stamped = EventClock().stamp(payload, Actor(), "r")
        assert stamped.ordering_unit == ordering_unit_of(stamped.stream)
        assert stamped.ordering_unit == payload.kind.ordering_unit(payload.stream_key)


def test_an_aggregate_whose_names_are_unique_declares_one_ordering_unit_for_its_streams() -> None:
    users = StreamKind("user", shared_unit="users")
    assert users.stream("a/b") == "user/a/b"
    assert users.ordering_unit("a") == users.ordering_unit("b") == "users"


def test_a_stream_of_an_unknown_kind_is_its_own_ordering_unit() -> None:
    assert ordering_unit_of("damaged/0-7") == "damaged/0-7"


def test_experiments_share_an_ordering_unit_and_runs_do_not() -> None:
    assert stream_of(ExperimentRenamed(experiment_id=3, name="x")) == "experiment/3"
    assert ordering_unit_of("experiment/3") == ordering_unit_of("experiment/4")
    assert ordering_unit_of("run/a") == "run/a"


@pytest.mark.parametrize(
    ("path", "stream"),
    [
        ("1/aaaa/artifacts/model/MLmodel", "artifact/1/aaaa"),
        ("1/models/m-1/artifacts/MLmodel", "artifact/1/models/m-1"),
        ("1/traces/tr-1/artifacts/traces.json", "artifact/1/traces/tr-1"),
        ("1/models", "artifact/1/models"),
        ("1", "artifact/1"),
    ],
)
def test_the_artifacts_of_a_run_or_a_model_are_one_stream(path: str, stream: str) -> None:
    assert stream_of(ArtifactDeleted(path=path)) == stream
    assert stream_of(ArtifactUploaded(path=path, size=0, etag="")) == stream
    assert ordering_unit_of(stream) == stream
