"""Whether a port can be had is asked before anything is downloaded or built, and who has it is told."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.port_is_free import listeners, main, why_not
from tests.services.ports import HOST, free_port

needs_proc = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="who listens is read from Linux's /proc")


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((HOST, 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_PORT", "MLFLOW_HOST"):
        monkeypatch.delenv(name, raising=False)


@needs_proc
def test_who_has_the_port_is_told(taken: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stack", "--port", str(taken)]) == 1
    told = capsys.readouterr().err
    assert f"Port {taken} of {HOST} cannot be had (Address already in use): process {os.getpid()} listens there" in told
    assert "make stack OPTIONS='--port 8080'" in told


def test_the_port_is_found_among_other_options_and_in_the_environment(
    taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = str(free_port())
    assert main(["serve", "--static-prefix", "/ml", "-p", str(taken), "--no-access-log"]) == 1
    assert main(["serve", f"--port={free}", "--host", "localhost"]) == 0
    monkeypatch.setenv("MLFLOW_PORT", str(taken))
    assert main(["serve"]) == 1
    assert main(["serve", "-p", free]) == 0


def test_what_the_command_itself_refuses_is_left_to_it(taken: int) -> None:
    assert main(["serve", "--port", "many"]) == 0
    assert main(["serve", "--host", "no-such-host.invalid"]) == 0
    assert main(["serve", "--port", str(taken), "--help"]) == 0


@needs_proc
def test_only_who_listens_is_found(taken: int) -> None:
    with socket.create_connection((HOST, taken)) as client:
        assert listeners(taken) == [os.getpid()]
        assert listeners(client.getsockname()[1]) == []
    assert why_not(HOST, free_port()) is None
