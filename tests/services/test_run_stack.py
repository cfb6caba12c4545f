"""What `make stack` does with a part that ends by itself."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.services import run_stack


class FakePart:
    """A part that has ended; what a start does is given."""

    name = "part"

    def __init__(self, starts: Callable[["FakePart"], None]) -> None:
        self.is_running = False
        self.started = 0
        self._starts = starts

    def start(self) -> None:
        self.started += 1
        self._starts(self)

    def log_tail(self, _lines: int) -> str:
        return "its last words"


class FakeStack:
    def __init__(self, *parts: FakePart) -> None:
        self.parts = parts


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_stack, "LOOK_EVERY_S", 0.0)


def watched(part: FakePart, asked_to_stop: threading.Event) -> int:
    stack: Any = FakeStack(part)
    return run_stack.watch(stack, asked_to_stop)


def test_a_part_that_ended_is_reported_and_started_again(capsys: pytest.CaptureFixture[str]) -> None:
    asked_to_stop = threading.Event()

    def lives(part: FakePart) -> None:
        part.is_running = True
        asked_to_stop.set()

    part = FakePart(lives)
    assert watched(part, asked_to_stop) == 0
    assert part.started == 1
    assert "part ended.\nits last words" in capsys.readouterr().err


def test_a_part_that_ends_again_at_once_ends_everything(capsys: pytest.CaptureFixture[str]) -> None:
    part = FakePart(lambda part: None)
    assert watched(part, threading.Event()) == 1
    assert part.started == 1
    assert "everything ends" in capsys.readouterr().err
