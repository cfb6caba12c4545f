"""The metrics of the proof of the log: kind, unit and labels of each."""

from collections.abc import Mapping
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric

SIGNED: Final = "tracklog_proof_signed_offset"  # gauge, events, by partition
FAULTS: Final = "tracklog_proof_faults"  # gauge, partitions


def proof_metrics(signed: Mapping[int, int], faults: int) -> list[Metric]:
    """How many events of each partition are signed, and in how many partitions nothing is signed any more."""
    offsets = GaugeMetricFamily(SIGNED, "Offset of the next event to be signed.", labels=("partition",))
    for partition, size in sorted(signed.items()):
        offsets.add_metric([str(partition)], size)
    return [offsets, GaugeMetricFamily(FAULTS, "Partitions that are not what was signed.", value=faults)]
