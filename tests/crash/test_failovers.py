"""A 200 survives the loss of PostgreSQL's machine where its replica has all that was answered.

TRACKLOG_FAILOVERS sets how many failovers, TRACKLOG_FAULT_SEED when they happen.
"""

import os
import random
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from tests.crash.distributed import DistributedSystem
from tests.crash.rounds import Fault, rounds
from tests.services.missing import ServiceMissing, leave_out
from tests.services.postgresql_pair import PostgresqlPair
from tests.services.stack import StackSettings

FAILOVERS: Final = int(os.environ.get("TRACKLOG_FAILOVERS", "1"))
FAILOVERS_PER_ROUND: Final = 5
SEED: Final = int(os.environ.get("TRACKLOG_FAULT_SEED", str(time.time_ns() % 1_000_000)))
LOAD_S: Final = (1.0, 3.0)
"""Before a failover and after it."""

LOG_IN_POSTGRESQL: Final = "the log in PostgreSQL, with a synchronous replica"
LOG_IN_KAFKA: Final = "the log in Kafka, with a replica that may lag"


@pytest.fixture(scope="module", params=[LOG_IN_POSTGRESQL, pytest.param(LOG_IN_KAFKA, marks=pytest.mark.soak)])
def system(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DistributedSystem]:
    in_kafka = request.param == LOG_IN_KAFKA
    try:
        with DistributedSystem(
            tmp_path_factory.mktemp("failovers") / "stack",
            StackSettings(kafka=in_kafka),
            make_postgresql=partial(PostgresqlPair, synchronous=not in_kafka),
        ) as running:
            yield running
    except ServiceMissing as missing:
        leave_out(missing)


def fail_over(system: DistributedSystem, dice: random.Random) -> None:
    """The primary is gone in the middle of its work, and the replica goes on; a new one is made of it."""
    assert isinstance(system.postgresql, PostgresqlPair)
    time.sleep(dice.uniform(*LOAD_S))
    system.postgresql.fail_over()
    time.sleep(dice.uniform(*LOAD_S))
    system.postgresql.replicate()


def fail_over_to_one_that_lags(system: DistributedSystem, dice: random.Random) -> None:
    """The replica was away for a while before: it lacks what nobody waited for."""
    assert isinstance(system.postgresql, PostgresqlPair)
    assert system.postgresql.replica is not None
    time.sleep(dice.uniform(*LOAD_S))
    system.postgresql.replica.kill()
    time.sleep(dice.uniform(*LOAD_S))
    system.postgresql.primary.kill()
    system.postgresql.replica.start()
    system.postgresql.promote()
    time.sleep(dice.uniform(*LOAD_S))
    system.postgresql.replicate()


EVERY_WAY: Final[Sequence[Fault[DistributedSystem]]] = [fail_over_to_one_that_lags, fail_over]
"""The harder one comes first: a short test has no other."""


@pytest.mark.timeout(0)
def test_what_was_acknowledged_survives_a_failover(system: DistributedSystem, tmp_path: Path) -> None:
    dice = random.Random(SEED)
    ways = [EVERY_WAY[one % len(EVERY_WAY)] for one in range(FAILOVERS)]
    rounds(system, dice, ways, FAILOVERS_PER_ROUND, tmp_path, seed=SEED, least=50, log_tail=system.postgresql.log_tail)
