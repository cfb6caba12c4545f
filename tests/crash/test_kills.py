"""A 200 survives SIGKILL of any process of the server at any moment: nothing lost, nothing doubled, batches whole.

TRACKLOG_KILLS sets how many times, TRACKLOG_KILL_SEED which moments.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.crash.rounds import SHOWN_FAULTS, Fault, one_round
from tests.crash.story import YES
from tests.eventually import AT_MOST_S
from tests.tracklog_server import REPOSITORY, TracklogServer

KILLS = int(os.environ.get("TRACKLOG_KILLS", "10"))
SEED = int(os.environ.get("TRACKLOG_KILL_SEED", str(time.time_ns() % 1_000_000)))
KILLS_PER_ROUND = 20
LONGEST_LIFE_S = 0.8
ORPHAN_S = AT_MOST_S
SHOWN_CHARACTERS = 2000


class EmbeddedSystem(TracklogServer):
    """The embedded server, as a round sees it."""

    def tracklog(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [
            sys.executable,
            "-m",
            "tracklog",
            *arguments,
            "--backend-store-uri",
            f"sqlite:///{self.event_log_file}",
        ]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=600, check=False)

    def errors(self) -> str:
        lines = [line for line in self.log_file.read_text(errors="replace").splitlines() if '"level"' in line]
        return "\n".join(line[:SHOWN_CHARACTERS] for line in lines[-SHOWN_FAULTS:])


def kill_everything(server: EmbeddedSystem, dice: random.Random) -> None:
    """The machine's memory ran out, or somebody pulled the plug."""
    time.sleep(dice.uniform(0, LONGEST_LIFE_S))
    server.kill()
    server.start()


def kill_front(server: EmbeddedSystem, dice: random.Random) -> None:
    """The front process alone; the projector must notice and leave, and not get in the way of the next."""
    time.sleep(dice.uniform(0, LONGEST_LIFE_S))
    orphans = children_of(server.pid)
    os.kill(server.pid, signal.SIGKILL)
    server.wait(AT_MOST_S)
    server.start()
    deadline = time.monotonic() + ORPHAN_S
    while any(is_alive(orphan) for orphan in orphans):
        assert time.monotonic() < deadline, f"children {orphans} of a killed front live on"
        time.sleep(0.05)


def kill_projector(server: EmbeddedSystem, dice: random.Random) -> None:
    """The projector alone; the front must go on and start another."""
    time.sleep(dice.uniform(0, LONGEST_LIFE_S))
    for child in children_of(server.pid):
        os.kill(child, signal.SIGKILL)
    time.sleep(dice.uniform(0, LONGEST_LIFE_S))
    assert server.is_running


def kill_while_starting(server: EmbeddedSystem, dice: random.Random) -> None:
    """Everything, twice: the second time while the server is taking up its log again."""
    server.kill()
    server.spawn()
    time.sleep(dice.uniform(0, 2 * LONGEST_LIFE_S))
    server.kill()
    server.start()


WAYS: Sequence[Fault[EmbeddedSystem]] = (
    [kill_everything] * 4 + [kill_front] * 2 + [kill_projector] * 3 + [kill_while_starting]
)


@pytest.mark.timeout(0)
def test_what_was_acknowledged_survives_every_kill(tmp_path: Path) -> None:
    dice = random.Random(SEED)
    # Each way once before chance decides.
    kinds = list(dict.fromkeys(WAYS))
    kills = [*kinds, *(dice.choice(WAYS) for _ in range(KILLS - len(kinds)))][:KILLS]
    dice.shuffle(kills)
    told = Counter[str]()
    with EmbeddedSystem(tmp_path) as server:
        for first in range(0, KILLS, KILLS_PER_ROUND):
            ways = kills[first : first + KILLS_PER_ROUND]
            told += one_round(server, dice, ways, tmp_path / f"round-{first}")
        rebuilt = server.tracklog("rebuild", "--no-progress")
    assert told[YES] > 20 * KILLS, f"too few writes to prove anything: {told}"
    assert rebuilt.returncode == 0, f"seed {SEED}: a rebuild differs from the live read model: {rebuilt.stderr}"


def children_of(pid: int) -> list[int]:
    """The process ids of a process's children."""
    return [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False
