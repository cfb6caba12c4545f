"""Stored events stay readable for ever: the frozen corpus of every event version ever released, and the codec."""

import json
from pathlib import Path

import msgspec
import pytest

from schemas import codec, upcasters
from schemas.envelope import SYSTEM, RecordedEvent
from schemas.events import EVENT_TYPES, ExperimentRenamed

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
