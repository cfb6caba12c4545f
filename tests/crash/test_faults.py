"""A 200 survives whatever happens to the parts of a distributed system: nothing lost, nothing doubled, batches whole.

TRACKLOG_FAULTS sets how many faults, TRACKLOG_FAULT_SEED which ones.
"""

import os
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.crash.distributed import DistributedSystem
from tests.crash.rounds import Fault, rounds
from tests.services.missing import ServiceMissing, leave_out
from tests.services.running import AnyKafka, AnyPostgresql

FAULTS = int(os.environ.get("TRACKLOG_FAULTS", "10"))
SEED = int(os.environ.get("TRACKLOG_FAULT_SEED", str(time.time_ns() % 1_000_000)))
FAULTS_PER_ROUND = 12
CALM_S = (0.3, 1.5)
"""Between faults, so that something is acknowledged."""
OUTAGE_S = (0.5, 3.0)
LONGER_THAN_A_SESSION_S = 8.0
"""After so long without a sign of life the group has given a worker's partitions to the other."""


def calm(dice: random.Random) -> None:
    time.sleep(dice.uniform(*CALM_S))


def kill_ingest(system: DistributedSystem, dice: random.Random) -> None:
    """One of the two doors; the other takes over, and knows nothing of what the first knew."""
    calm(dice)
    process = dice.choice(system.ingest)
    process.kill()
    calm(dice)
    process.start()


def restart_ingest(system: DistributedSystem, dice: random.Random) -> None:
    """As an upgrade does: it drains."""
    calm(dice)
    dice.choice(system.ingest).restart()


def kill_projector(system: DistributedSystem, dice: random.Random) -> None:
    """One of the two workers in the middle of a batch; its partitions move."""
    calm(dice)
    process = dice.choice(system.projectors)
    process.kill()
    calm(dice)
    process.start()


def kill_all_projectors(system: DistributedSystem, dice: random.Random) -> None:
    """Nobody projects for a moment: writes that need a verdict wait, the others are acknowledged."""
    calm(dice)
    for process in system.projectors:
        process.kill()
    calm(dice)
    for process in system.projectors:
        process.start()


def stall_projector(system: DistributedSystem, dice: random.Random) -> None:
    """One worker is stopped in the middle of a batch, loses its partitions, and goes on as if nothing had happened."""
    calm(dice)
    process = dice.choice(system.projectors)
    process.suspend()
    time.sleep(LONGER_THAN_A_SESSION_S)
    process.resume()


def kill_query(system: DistributedSystem, dice: random.Random) -> None:
    """Whoever reads in that moment gets no answer."""
    calm(dice)
    process = dice.choice(system.query)
    process.kill()
    process.start()


def kill_kafka(system: DistributedSystem, dice: random.Random) -> None:
    """The broker, with appends on their way."""
    calm(dice)
    assert system.kafka is not None
    system.kafka.kill()
    time.sleep(dice.uniform(*OUTAGE_S))
    system.kafka.start()


def stall_kafka(system: DistributedSystem, dice: random.Random) -> None:
    """The broker answers nothing for a while, and then all at once."""
    calm(dice)
    assert isinstance(system.kafka, AnyKafka)
    system.kafka.suspend()
    time.sleep(dice.uniform(*OUTAGE_S))
    system.kafka.resume()


def kill_postgresql(system: DistributedSystem, dice: random.Random) -> None:
    """Commits that were not flushed are lost, and folded again."""
    calm(dice)
    system.postgresql.kill()
    time.sleep(dice.uniform(*OUTAGE_S))
    system.postgresql.start()


def stall_postgresql(system: DistributedSystem, dice: random.Random) -> None:
    """Statements hang, and then end."""
    calm(dice)
    assert isinstance(system.postgresql, AnyPostgresql)
    system.postgresql.suspend()
    time.sleep(dice.uniform(*OUTAGE_S))
    system.postgresql.resume()


WAYS: Sequence[Fault[DistributedSystem]] = [
    *([kill_ingest] * 3),
    restart_ingest,
    *([kill_projector] * 4),
    kill_all_projectors,
    stall_projector,
    kill_query,
    *([kill_kafka] * 2),
    stall_kafka,
    *([kill_postgresql] * 3),
    stall_postgresql,
]
EVERY_WAY: Sequence[Fault[DistributedSystem]] = list(dict.fromkeys(WAYS))


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DistributedSystem]:
    try:
        with DistributedSystem(tmp_path_factory.mktemp("faults") / "stack") as running:
            yield running
    except ServiceMissing as missing:
        leave_out(missing)


@pytest.mark.timeout(0)
def test_what_was_acknowledged_survives_every_fault(system: DistributedSystem, tmp_path: Path) -> None:
    dice = random.Random(SEED)
    # Each way once before chance decides.
    ways = [*EVERY_WAY, *(dice.choice(WAYS) for _ in range(FAULTS - len(EVERY_WAY)))][:FAULTS]
    dice.shuffle(ways)
    rounds(system, dice, ways, FAULTS_PER_ROUND, tmp_path, seed=SEED, least=20)
