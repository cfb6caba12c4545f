"""Stored events stay readable for ever: the frozen corpus of every event version ever released, and the codec."""

import json
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from schemas import codec, upcasters
from schemas.envelope import SYSTEM, Actor, EventClock, RecordedEvent
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

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.json"))


def recorded(event_type: str, version: int, payload: bytes) -> RecordedEvent:
    return RecordedEvent(0, 0, bytes(16), event_type, version, "run/a", 0, SYSTEM, "r", payload)


def test_the_corpus_holds_every_version_of_every_event() -> None:
    released = {
        f"{name}.v{version}" for name, event in EVENT_TYPES.items() for version in range(1, event.event_version + 1)
    }
    assert {file.stem for file in CORPUS} == released


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.stem)
def test_every_version_ever_released_is_still_read(file: Path) -> None:
    event_type, version = file.stem.rsplit(".v", 1)
    frozen = json.loads(file.read_text())
    event = codec.decode(recorded(event_type, int(version), json.dumps(frozen["stored"]).encode()))
    assert msgspec.to_builtins(event) == frozen["read"]


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.stem)
def test_an_event_survives_being_stored(file: Path) -> None:
    event_type, version = file.stem.rsplit(".v", 1)
    event = codec.decode(
        recorded(event_type, int(version), json.dumps(json.loads(file.read_text())["stored"]).encode())
    )
    again = recorded(event_type, event.event_version, codec.encode(event))
    assert codec.decode(again) == event


def test_every_event_is_registered_under_its_own_name() -> None:
    of_an_aggregate = [event for base in Event.__subclasses__() for event in base.__subclasses__()]
    assert {event.event_type: event for event in of_an_aggregate} == EVENT_TYPES
    assert len(of_an_aggregate) == len(EVENT_TYPES)


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
    registered_models = StreamKind("registered-model", shared_unit="registered-models")
    assert registered_models.stream("a/b") == "registered-model/a/b"
    assert registered_models.ordering_unit("a") == registered_models.ordering_unit("b") == "registered-models"


def test_a_stream_of_an_unknown_kind_is_its_own_ordering_unit() -> None:
    assert ordering_unit_of("damaged/0-7") == "damaged/0-7"


def test_an_old_shape_is_lifted_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = {
        ("experiment.renamed", 1): lambda payload: {"id": payload["experiment"], "name": payload["name"]},
        ("experiment.renamed", 2): lambda payload: {"experiment_id": payload["id"], "name": payload["name"]},
    }
    monkeypatch.setattr(upcasters, "UPCASTERS", steps)
    monkeypatch.setattr(ExperimentRenamed, "event_version", 3)
    assert codec.decode(recorded("experiment.renamed", 1, b'{"experiment": 4, "name": "x"}')) == ExperimentRenamed(
        experiment_id=4, name="x"
    )


@pytest.mark.parametrize(
    ("event_type", "version", "payload"),
    [
        ("run.exploded", 1, b"{}"),
        ("run.deleted", 3, b'{"run_id": "a"}'),
        ("run.deleted", 0, b'{"run_id": "a"}'),
        ("run.deleted", 1, b"{}"),
        ("run.deleted", 1, b'{"run_id": 1}'),
        ("run.deleted", 1, b"not json"),
        ("run.deleted", 1, b"\xff"),
        ("run.deleted", 1, b'{"run_id": "\xff"}'),
    ],
    ids=[
        *("unknown type", "newer version", "no upcaster", "field missing", "wrong type", "no JSON", "no UTF-8"),
        "a text that is no UTF-8",
    ],
)
def test_what_cannot_be_read_is_said_to_be_undecodable(event_type: str, version: int, payload: bytes) -> None:
    with pytest.raises(codec.UndecodableEvent):
        codec.decode(recorded(event_type, version, payload))


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


def test_a_clock_never_stamps_two_events_alike_or_backwards() -> None:
    clock = EventClock(iter([2_000_000, 1_000_000, 2_000_000]).__next__)
    stamped = [clock.stamp(RunDataLogged(run_id="a"), Actor(), "r") for _ in range(3)]
    assert [event.time_us for event in stamped] == [2000, 2001, 2002]
    assert len({event.id for event in stamped}) == 3
    assert replace(stamped[0], time_us=0).stream == "run/a"
