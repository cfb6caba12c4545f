"""A port that a service is given stays its own until the service has it, and between its restarts."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services import ports
from tests.services.ports import HOST, free_port, lowest_ephemeral

OTHER_PROCESS = "from tests.services.ports import free_port; print(free_port(), flush=True); input()"


def test_no_port_is_given_twice_and_none_is_the_systems_to_give() -> None:
    given = [free_port() for _ in range(100)]
    assert len(set(given)) == len(given)
    assert max(given) < lowest_ephemeral()
    for _ in range(100):
        with socket.create_server((HOST, 0)) as chosen_by_the_system:
            assert chosen_by_the_system.getsockname()[1] >= lowest_ephemeral()


def test_another_process_is_not_given_it_and_may_have_it_once_we_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", OTHER_PROCESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    theirs = int(other.stdout.readline())
    monkeypatch.setattr(ports, "FIRST", theirs)
    monkeypatch.setattr(ports, "lowest_ephemeral", lambda: theirs + 1)
    with pytest.raises(RuntimeError, match=f"no port of {theirs} to {theirs} is free"):
        free_port()
    other.communicate("\n")
    assert free_port() == theirs


def test_a_port_on_which_somebody_listens_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((HOST, 0)) as server:
        taken = server.getsockname()[1]
        monkeypatch.setattr(ports, "FIRST", taken)
        monkeypatch.setattr(ports, "lowest_ephemeral", lambda: taken + 1)
        with pytest.raises(RuntimeError, match="is free"):
            free_port()


def test_a_range_that_leaves_no_room_below_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = tmp_path / "range"
    told.write_text("1024\t65535\n")
    monkeypatch.setattr(ports, "EPHEMERAL", told)
    assert lowest_ephemeral() == ports.LOWEST_EPHEMERAL
