"""What `make stack` says and does before its parts run, and with a part that ends by itself."""

import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.services import run_stack
from tests.services.download import fetch, said_to_go_on
from tests.services.missing import ServiceMissing
from tests.services.ports import HOST
from tests.services.process import ServiceDidNotStartError, ServiceProcess


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


def test_a_port_that_is_taken_is_told_before_anything_is_fetched_or_built(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(run_stack, "fetch", lambda *_: pytest.fail("too early"))
    with socket.create_server((HOST, 0)) as other:
        port = str(other.getsockname()[1])
        monkeypatch.setattr(sys, "argv", ["run_stack", "--port", port, "--data", str(tmp_path / "data")])
        assert run_stack.main() == 1
    assert f"Port {port} of {HOST} cannot be had" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_what_is_fetched_is_said_and_what_cannot_be_had_ends_it() -> None:
    said: list[str] = []

    def missing() -> None:
        raise ServiceMissing("Get it there.")

    assert [str(one) for one in fetch({"A": lambda: None, "B": missing}, said.append)] == ["Get it there."]
    assert "".join(said).startswith("A ...\n  there, ")
    assert said[2:] == ["B ...\n", "  missing. Get it there.\n"]


def test_what_takes_long_says_that_it_goes_on() -> None:
    said: list[str] = []
    told = threading.Event()

    def say(text: str) -> None:
        said.append(text)
        told.set()

    with said_to_go_on("MinIO", say, every_s=0.001):
        assert told.wait(60)
    assert said[0].startswith("  still at MinIO, for ")


class Elsewhere(ServiceProcess):
    """A process that listens nowhere, though somebody else answers at its port."""

    name = "elsewhere"

    def command(self) -> list[str]:
        return [sys.executable, "-c", "import time; time.sleep(600)"]

    def is_ready(self) -> bool:
        return True


def test_another_server_at_the_port_is_never_taken_for_the_one_that_was_started(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as other:
        service = Elsewhere(tmp_path, port=other.getsockname()[1])
        with pytest.raises(ServiceDidNotStartError):
            service.start(timeout_s=0.3)
