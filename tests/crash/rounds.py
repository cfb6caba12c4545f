"""One round of load and faults on a system, and the comparison of what it shows with what its clients were told."""

import json
import logging
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol, TypeVar

from tests.crash.evaluations import V3, faults_of_additions
from tests.crash.http_client import Behind, Connection, NoAnswerError
from tests.crash.judge import (
    UNAVAILABLE,
    faults_of_claims,
    faults_of_creations,
    faults_of_log,
    faults_of_run,
    faults_of_versions,
    state_of,
)
from tests.crash.story import YES, ClientStory, shared_model
from tests.tracklog_server import REPOSITORY

logger = logging.getLogger(__name__)

CLIENTS = 3
CLIENT_STOP_S = 60.0
CATCH_UP_S = 60.0
RETURN_PAUSE_S = 0.1
SHOWN_FAULTS = 20


class System(Protocol):
    """What a round needs to know of the system it happens to."""

    @property
    def port(self) -> int:
        """Where it answers, on 127.0.0.1."""

    def tracklog(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of `tracklog` on its log."""

    def errors(self) -> str:
        """What it said beside its access log."""


S = TypeVar("S", bound=System)
Fault = Callable[[S, random.Random], None]


def one_round(system: S, dice: random.Random, ways: Sequence[Fault[S]], folder: Path) -> Counter[str]:
    """Bring every one of `ways` upon a system under load, then compare; how often clients were told what."""
    folder.mkdir()
    begin_ms = int(time.time() * 1000)
    connection = Connection(system.port)
    experiment_id = connection.post("experiments/create", {"name": folder.name})[1]["experiment_id"]
    shared = connection.post("runs/create", {"experiment_id": experiment_id})[1]["run"]["info"]["run_id"]
    connection.post("runs/set-tag", {"run_id": shared, "key": "crash.attempt", "value": "shared"})
    connection.post("registered-models/create", {"name": shared_model(experiment_id)})
    dataset = {"name": folder.name, "experiment_ids": [experiment_id]}
    dataset_id = connection.post(f"{V3}datasets/create", dataset)[1]["dataset"]["dataset_id"]
    connection.close()
    with clients(system.port, experiment_id, shared, dataset_id, folder, dice):
        for way in ways:
            way(system, dice)
        time.sleep(dice.uniform(0.2, 1.0))
    stories = [ClientStory.load(file) for file in sorted(folder.glob("*.json"))]
    assert len(stories) == CLIENTS
    faults = [fault for story in stories for fault in story.faults]
    wait_until_caught_up(connection)
    faults += faults_of_server(connection, experiment_id, shared, stories)
    claims = [claim for story in stories for claim in story.claims]
    faults += faults_of_additions(connection, experiment_id, dataset_id, claims)
    faults += faults_of_log(requests_in_log(system, begin_ms), stories)
    connection.close()
    shown = "\n".join(faults[:SHOWN_FAULTS])
    assert not faults, f"{[way.__name__ for way in ways]}: {len(faults)} faults\n{shown}\n{system.errors()}"
    assert sum(story.reads for story in stories) > 0
    return Counter(write.told for story in stories for run in story.runs for write in run.writes)


def rounds(
    system: S,
    dice: random.Random,
    ways: Sequence[Fault[S]],
    per_round: int,
    folder: Path,
    *,
    seed: int,
    least: int,
    log_tail: Callable[[], str] = str,
) -> None:
    """Bring `ways` upon a system, `per_round` of them in each round, and rebuild its read model in the end.

    `least` is how many writes must have been acknowledged for each way to have proved something, `log_tail` what a
    service printed, shown with a fault.
    """
    told = Counter[str]()
    for first in range(0, len(ways), per_round):
        try:
            told += one_round(system, dice, ways[first : first + per_round], folder / f"round-{first}")
        except AssertionError as fault:
            raise AssertionError(f"seed {seed}: {fault}\n{log_tail()}") from fault
    logger.info("%s faults, seed %s: %s", len(ways), seed, dict(told))
    assert told[YES] > least * len(ways), f"too few writes to prove anything: {told}"
    rebuilt = system.tracklog("rebuild", "--no-progress")
    assert rebuilt.returncode == 0, f"seed {seed}: a rebuild differs from the live read model: {rebuilt.stderr}"


def wait_until_caught_up(connection: Connection) -> None:
    """After faults under load the projector has a backlog, and reads that wait for it in vain say so."""
    deadline = time.monotonic() + CATCH_UP_S
    while time.monotonic() < deadline:
        with suppress(Behind, NoAnswerError):
            # A search waits for every partition.
            status, answer = connection.post("runs/search", {"experiment_ids": ["0"], "max_results": 1})
            if status == 200:
                return
            assert status == UNAVAILABLE, answer
        time.sleep(RETURN_PAUSE_S)
    raise AssertionError(f"the read model is still behind after {CATCH_UP_S} s")


def faults_of_server(
    connection: Connection, experiment_id: str, shared: str, stories: list[ClientStory]
) -> Iterator[str]:
    """All that the server shows otherwise than its clients were told."""
    runs = [run for story in stories for run in story.runs]
    for run in runs:
        if run.run_id:
            yield from faults_of_run(run, state_of(connection, run.run_id, run.trace_id))
    yield from faults_of_creations(connection, experiment_id, runs, besides="shared")
    claims = [claim for story in stories for claim in story.claims]
    yield from faults_of_claims(connection, experiment_id, shared, claims)
    yield from faults_of_versions(connection, shared_model(experiment_id), claims)


@contextmanager
def clients(
    port: int, experiment_id: str, shared: str, dataset_id: str, folder: Path, dice: random.Random
) -> Iterator[None]:
    """Client processes that write as long as the context lasts, and leave their stories in `folder`."""
    processes = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.crash.client", str(port), experiment_id, shared, dataset_id),
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


def requests_in_log(system: System, since_ms: int) -> Counter[str]:
    """How many events each request left in the log."""
    printed = system.tracklog("events", "--since", str(since_ms))
    assert printed.returncode == 0, printed.stderr
    return Counter(json.loads(line)["request_id"] for line in printed.stdout.splitlines())
