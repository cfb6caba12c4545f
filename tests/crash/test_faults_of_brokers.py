"""A 200 survives what happens to three brokers, one or two at a time: nothing lost, nothing doubled, batches whole.

TRACKLOG_BROKER_FAULTS sets how many faults, TRACKLOG_FAULT_SEED which ones.
"""

import os
import random
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.crash.distributed import DistributedSystem
from tests.crash.rounds import Fault, rounds
from tests.services.kafka_cluster import BROKERS, Broker, KafkaCluster
from tests.services.missing import ServiceMissing, leave_out
from tests.services.stack import TOPIC, StackSettings

FAULTS: Final = int(os.environ.get("TRACKLOG_BROKER_FAULTS", "2"))
SEED: Final = int(os.environ.get("TRACKLOG_FAULT_SEED", str(time.time_ns() % 1_000_000)))
FAULTS_PER_ROUND: Final = 7
CALM_S: Final = (0.3, 1.5)
"""Between faults, so that something is acknowledged."""
OUTAGE_S: Final = (0.5, 3.0)
LONGER_THAN_A_SESSION_S: Final = 4.0
"""After so long without a sign of life others lead a broker's partitions."""

SETTINGS: Final = StackSettings(
    ingest=2, projectors=2, partitions=6, environment={"TRACKLOG_KAFKA_REPLICATION_FACTOR": str(BROKERS)}
)


def calm(dice: random.Random) -> None:
    time.sleep(dice.uniform(*CALM_S))


def cluster_of(system: DistributedSystem) -> KafkaCluster:
    assert isinstance(system.kafka, KafkaCluster)
    return system.kafka


def broker_of(system: DistributedSystem, dice: random.Random) -> Broker:
    """One broker, while all have everything: the others can do without it."""
    cluster_of(system).wait_until_in_sync(TOPIC)
    return dice.choice(cluster_of(system).brokers)


def kill_a_broker(system: DistributedSystem, dice: random.Random) -> None:
    """Others lead its partitions; appends on their way to it have no answer."""
    broker = broker_of(system, dice)
    calm(dice)
    broker.kill()
    time.sleep(dice.uniform(*OUTAGE_S))
    broker.start()


def stall_a_broker(system: DistributedSystem, dice: random.Random) -> None:
    """It is stopped, loses its offices, and goes on as if it led still."""
    broker = broker_of(system, dice)
    calm(dice)
    broker.suspend()
    time.sleep(LONGER_THAN_A_SESSION_S)
    broker.resume()


def take_two_brokers_away(system: DistributedSystem, dice: random.Random) -> None:
    """The last one may acknowledge nothing, and nobody can be elected."""
    cluster = cluster_of(system)
    cluster.wait_until_in_sync(TOPIC)
    calm(dice)
    for broker in dice.sample(cluster.brokers, 2):
        broker.kill()
    time.sleep(dice.uniform(*OUTAGE_S))
    cluster.start()


def restart_all_brokers_in_turn(system: DistributedSystem, dice: random.Random) -> None:
    """As an upgrade does."""
    cluster = cluster_of(system)
    for broker in dice.sample(cluster.brokers, BROKERS):
        cluster.wait_until_in_sync(TOPIC)
        broker.stop()
        broker.start()


def bring_a_broker_back_with_an_old_log(system: DistributedSystem, dice: random.Random) -> None:
    """Its disk was restored from an earlier moment: it takes what it lacks from the others, and leads nothing yet."""
    broker = broker_of(system, dice)
    cluster = cluster_of(system)
    copy = broker.folder / "old"
    broker.kill()
    broker.copy_log(copy)
    broker.start()
    cluster.wait_until_in_sync(TOPIC)
    calm(dice)
    broker.kill()
    cluster.wait_until_in_sync(TOPIC, but=broker.node)
    broker.replace_log(copy)
    shutil.rmtree(copy)
    broker.start()


def bring_a_broker_back_with_an_empty_log(system: DistributedSystem, dice: random.Random) -> None:
    """It has a new disk."""
    broker = broker_of(system, dice)
    calm(dice)
    broker.kill()
    cluster_of(system).wait_until_in_sync(TOPIC, but=broker.node)
    broker.replace_log(None)
    broker.start()


def move_partitions(system: DistributedSystem, dice: random.Random) -> None:
    """Every partition leaves its leader, and comes back to it as to a new broker."""
    cluster = cluster_of(system)
    cluster.wait_until_in_sync(TOPIC)
    calm(dice)
    led = {one["partition"]: one["leader"] for one in cluster.partitions(TOPIC)}
    nodes = [broker.node for broker in cluster.brokers]
    others = {partition: [node for node in nodes if node != leader] for partition, leader in led.items()}
    cluster.reassign(TOPIC, others)
    cluster.wait_until_kept_by(TOPIC, others)
    calm(dice)
    everywhere = {partition: [led[partition], *others[partition]] for partition in led}
    cluster.reassign(TOPIC, everywhere)
    cluster.wait_until_kept_by(TOPIC, everywhere)


EVERY_WAY: Sequence[Fault[DistributedSystem]] = [
    kill_a_broker,
    take_two_brokers_away,
    move_partitions,
    stall_a_broker,
    bring_a_broker_back_with_an_old_log,
    bring_a_broker_back_with_an_empty_log,
    restart_all_brokers_in_turn,
]
"""The quick ones come first: a short test has no others."""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DistributedSystem]:
    try:
        folder = tmp_path_factory.mktemp("brokers") / "stack"
        with DistributedSystem(folder, SETTINGS, make_kafka=KafkaCluster) as running:
            yield running
    except ServiceMissing as missing:
        leave_out(missing)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_what_was_acknowledged_survives_every_fault_of_brokers(system: DistributedSystem, tmp_path: Path) -> None:
    dice = random.Random(SEED)
    ways = [*EVERY_WAY, *(dice.choice(EVERY_WAY) for _ in range(FAULTS - len(EVERY_WAY)))][:FAULTS]
    dice.shuffle(ways)
    rounds(system, dice, ways, FAULTS_PER_ROUND, tmp_path, seed=SEED, least=20, log_tail=cluster_of(system).log_tail)
