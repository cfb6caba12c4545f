"""What is undone while projectors are killed is what was planned: whole, once, and over nothing that came later.

TRACKLOG_UNDO_KILLS sets how many times a projector is killed, TRACKLOG_FAULT_SEED when.
"""

import json
import logging
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from tests.crash.distributed import DistributedSystem
from tests.crash.http_client import Connection
from tests.crash.rounds import SHOWN_FAULTS, Fault, one_round, wait_until_caught_up
from tests.crash.story import UNKNOWN, YES
from tests.crash.test_faults import kill_all_projectors, kill_projector
from tests.crash.undoer import Attempt, Slip, Undoer, patiently, shown
from tests.services.missing import ServiceMissing, leave_out
from tests.services.stack import StackSettings

logger = logging.getLogger(__name__)

KILLS: Final = int(os.environ.get("TRACKLOG_UNDO_KILLS", "0"))
KILLS_PER_ROUND: Final = 12
SEED: Final = int(os.environ.get("TRACKLOG_FAULT_SEED", str(time.time_ns() % 1_000_000)))
UNDOERS: Final = 3
WAYS: Final[Sequence[Fault[DistributedSystem]]] = [kill_projector, kill_projector, kill_all_projectors]


@pytest.fixture(params=["Kafka", "PostgreSQL"])
def system(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DistributedSystem]:
    settings = StackSettings(ingest=2, projectors=2, kafka=request.param == "Kafka")
    try:
        with DistributedSystem(tmp_path / "stack", settings) as running:
            yield running
    except ServiceMissing as missing:
        leave_out(missing)


@pytest.mark.skipif(not KILLS, reason="long: make soak")
@pytest.mark.timeout(0)
def test_an_undo_is_what_was_planned_whatever_becomes_of_the_projectors(
    system: DistributedSystem, tmp_path: Path
) -> None:
    dice = random.Random(SEED)
    connection = Connection(system.port)
    experiment_id = connection.post("experiments/create", {"name": "of slips"})[1]["experiment_id"]
    stop = threading.Event()
    undoers = [Undoer(system.port, experiment_id, dice.randrange(1_000_000), stop) for _ in range(UNDOERS)]
    for undoer in undoers:
        undoer.start()
    try:
        for first in range(0, KILLS, KILLS_PER_ROUND):
            ways = [WAYS[one % len(WAYS)] for one in range(first, min(first + KILLS_PER_ROUND, KILLS))]
            one_round(system, dice, ways, tmp_path / f"round-{first}")
    finally:
        stop.set()
        for undoer in undoers:
            undoer.join()
    assert [undoer.error for undoer in undoers] == [None] * UNDOERS, f"seed {SEED}: {system.errors()}"
    slips = [slip for undoer in undoers for slip in undoer.slips]
    wait_until_caught_up(connection)
    by_request = events_of_undos(system)
    faults = [fault for slip in slips for fault in faults_of(connection, slip, by_request)]
    connection.close()
    assert not faults, f"seed {SEED}: {len(faults)} faults in {len(slips)} slips\n" + "\n".join(faults[:SHOWN_FAULTS])
    told = Counter((one.told, one.is_whole) for slip in slips for one in slip.attempts)
    rivals = Counter(slip.rival for slip in slips)
    logger.info("%s kills, seed %s: undos %s, rivals %s", KILLS, SEED, dict(told), dict(rivals))
    assert told[YES, True] > KILLS, f"too few undos to prove anything: {told}"
    rebuilt = system.tracklog("rebuild", "--no-progress")
    assert rebuilt.returncode == 0, f"seed {SEED}: a rebuild differs from the live read model: {rebuilt.stderr}"


def events_of_undos(system: DistributedSystem) -> dict[str, list[Any]]:
    """What undos left in the log, by their requests."""
    printed = system.tracklog("events")
    assert printed.returncode == 0, printed.stderr
    found: dict[str, list[Any]] = {}
    for line in printed.stdout.splitlines():
        event = json.loads(line)
        if event["request_id"].startswith("undo-"):
            found.setdefault(event["request_id"], []).append(event)
    return found


def faults_of(connection: Connection, slip: Slip, by_request: dict[str, list[Any]]) -> Iterator[str]:
    """Every way in which the run is not as it was before the slip, and every undo that is not the planned one."""
    now = patiently(lambda: shown(connection, slip.run_id))
    if (now.state, now.lifecycle_stage) != (slip.before.state, slip.before.lifecycle_stage):
        yield f"run {slip.run_id} is {now}, was {slip.before}; {slip.attempts}"
    allowed = [*(["rival"] * (slip.rival != UNKNOWN)), *([slip.before.contended] * (slip.rival != YES))]
    if now.contended not in allowed:
        yield f"run {slip.run_id}: the tag that another set is {now.contended}; {slip}"
    for attempt in slip.attempts:
        yield from (f"run {slip.run_id}: {fault}" for fault in faults_of_attempt(attempt, by_request))


def faults_of_attempt(attempt: Attempt, by_request: dict[str, list[Any]]) -> Iterator[str]:
    """The events that it left are those of its plan, all or none, and those that were told of."""
    events = by_request.get(attempt.request_id, [])
    undoes = {one for event in events for one in event["data"]["undo"]["events"]}
    if events and undoes != attempt.planned:
        yield f"{attempt} left events that undo {undoes}"
    if attempt.told == YES and attempt.is_whole and sorted(attempt.undone) != sorted(one["id"] for one in events):
        yield f"{attempt} left the events {[one['id'] for one in events]}"
