"""A 200 survives SIGKILL of any process of the server at any moment: nothing lost, nothing doubled, batches whole.

TRACKLOG_KILLS sets how many times, TRACKLOG_KILL_SEED which moments.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.crash.http_client import Behind, Connection
from tests.crash.judge import faults_of_claims, faults_of_creations, faults_of_log, faults_of_run, state_of
from tests.crash.story import YES, ClientStory
from tests.tracklog_server import REPOSITORY, TracklogServer

KILLS = int(os.environ.get("TRACKLOG_KILLS", "20"))
SEED = int(os.environ.get("TRACKLOG_KILL_SEED", str(time.time_ns() % 1_000_000)))
KILLS_PER_ROUND = 20
CLIENTS = 3
LONGEST_LIFE_S = 0.8
CLIENT_STOP_S = 60.0
ORPHAN_S = 10.0
CATCH_UP_S = 60.0
SHOWN_FAULTS = 20
SHOWN_CHARACTERS = 2000

Kill = Callable[[TracklogServer, random.Random], None]


def kill_everything(server: TracklogServer, dice: random.Random) -> None:
    """The machine's memory ran out, or somebody pulled the plug."""
    time.sleep(dice.uniform(0, LONGEST_LIFE_S))
    server.kill()
    server.start()


def kill_front(server: TracklogServer, dice: random.Random) -> None:
    """The front process alone; the projector must notice and leave, and not get in the way of the next."""
    time.sleep(dice.uniform(0, LONGEST_LIFE_S))
    orphans = children_of(server.pid)
    os.kill(server.pid, signal.SIGKILL)
    server.wait(10)
    server.start()
    deadline = time.monotonic() + ORPHAN_S
    while any(is_alive(orphan) for orphan in orphans):
        assert time.monotonic() < deadline, f"children {orphans} of a killed front live on"
        time.sleep(0.05)


def kill_projector(server: TracklogServer, dice: random.Random) -> None:
    """The projector alone; the front must go on and start another."""
    time.sleep(dice.uniform(0, LONGEST_LIFE_S))
    for child in children_of(server.pid):
        os.kill(child, signal.SIGKILL)
    time.sleep(dice.uniform(0, LONGEST_LIFE_S))
    assert server.is_running


def kill_while_starting(server: TracklogServer, dice: random.Random) -> None:
    """Everything, twice: the second time while the server is taking up its log again."""
    server.kill()
    server.spawn()
    time.sleep(dice.uniform(0, 2 * LONGEST_LIFE_S))
    server.kill()
    server.start()


WAYS: Sequence[Kill] = [kill_everything] * 4 + [kill_front] * 2 + [kill_projector] * 3 + [kill_while_starting]


@pytest.mark.timeout(0)
def test_what_was_acknowledged_survives_every_kill(tmp_path: Path) -> None:
    dice = random.Random(SEED)
    told = Counter[str]()
    with TracklogServer(tmp_path) as server:
        for first in range(0, KILLS, KILLS_PER_ROUND):
            ways = [dice.choice(WAYS) for _ in range(min(KILLS_PER_ROUND, KILLS - first))]
            told += one_round(server, dice, ways, tmp_path / f"round-{first}")
        rebuilt = tracklog(server, "rebuild", "--no-progress")
    assert told[YES] > 20 * KILLS, f"too few writes to prove anything: {told}"
    assert rebuilt.returncode == 0, f"seed {SEED}: a rebuild differs from the live read model: {rebuilt.stderr}"


def one_round(server: TracklogServer, dice: random.Random, ways: list[Kill], folder: Path) -> Counter[str]:
    """Kill under load in every one of `ways`, then compare; how often clients were told what."""
    folder.mkdir()
    begin_ms = int(time.time() * 1000)
    connection = Connection(server.port)
    experiment_id = connection.post("experiments/create", {"name": folder.name})[1]["experiment_id"]
    shared = connection.post("runs/create", {"experiment_id": experiment_id})[1]["run"]["info"]["run_id"]
    connection.post("runs/set-tag", {"run_id": shared, "key": "crash.attempt", "value": "shared"})
    connection.close()
    with clients(server, experiment_id, shared, folder, dice):
        for way in ways:
            way(server, dice)
        time.sleep(dice.uniform(0, LONGEST_LIFE_S))
    stories = [ClientStory.load(file) for file in sorted(folder.glob("*.json"))]
    assert len(stories) == CLIENTS
    faults = [fault for story in stories for fault in story.faults]
    wait_until_caught_up(connection)
    faults += faults_of_server(connection, experiment_id, shared, stories)
    faults += faults_of_log(requests_in_log(server, begin_ms), stories)
    connection.close()
    shown = "\n".join(faults[:SHOWN_FAULTS])
    assert not faults, (
        f"seed {SEED}, {[way.__name__ for way in ways]}: {len(faults)} faults\n{shown}\n{errors_in(server.log_file)}"
    )
    assert sum(story.reads for story in stories) > 0
    return Counter(write.told for story in stories for run in story.runs for write in run.writes)


def wait_until_caught_up(connection: Connection) -> None:
    """After a kill under load the projector has a backlog, and reads that wait for it in vain say so."""
    deadline = time.monotonic() + CATCH_UP_S
    while time.monotonic() < deadline:
        with suppress(Behind):
            assert connection.get("experiments/get", experiment_id="0")[0] == 200
            return
    raise AssertionError(f"the read model is still behind after {CATCH_UP_S} s")


def faults_of_server(
    connection: Connection, experiment_id: str, shared: str, stories: list[ClientStory]
) -> Iterator[str]:
    """All that the server shows otherwise than its clients were told."""
    runs = [run for story in stories for run in story.runs]
    for run in runs:
        if run.run_id:
            yield from faults_of_run(run, state_of(connection, run.run_id))
    yield from faults_of_creations(connection, experiment_id, runs, besides="shared")
    yield from faults_of_claims(connection, shared, [claim for story in stories for claim in story.claims])


@contextmanager
def clients(
    server: TracklogServer, experiment_id: str, shared: str, folder: Path, dice: random.Random
) -> Iterator[None]:
    """Client processes that write as long as the context lasts, and leave their stories in `folder`."""
    processes = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.crash.client", str(server.port), experiment_id, shared),
                *(str(folder / f"{one}.json"), str(dice.randrange(1_000_000))),
            ],
            cwd=REPOSITORY,
        )
        for one in range(CLIENTS)
    ]
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        codes = [process.wait(CLIENT_STOP_S) for process in processes]
    assert codes == [0] * CLIENTS


def errors_in(log_file: Path) -> str:
    """What the server said beside its access log."""
    lines = [line for line in log_file.read_text(errors="replace").splitlines() if '"level"' in line]
    return "\n".join(line[:SHOWN_CHARACTERS] for line in lines[-SHOWN_FAULTS:])


def requests_in_log(server: TracklogServer, since_ms: int) -> Counter[str]:
    """How many events each request left in the log."""
    printed = tracklog(server, "events", "--since", str(since_ms))
    assert printed.returncode == 0, printed.stderr
    return Counter(json.loads(line)["request_id"] for line in printed.stdout.splitlines())


def tracklog(server: TracklogServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of `tracklog` on the server's log."""
    command = [
        sys.executable,
        "-m",
        "tracklog",
        *arguments,
        "--backend-store-uri",
        f"sqlite:///{server.event_log_file}",
    ]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=600, check=False)


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
