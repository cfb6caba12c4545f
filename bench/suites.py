"""What `make bench` and its siblings, such as `make bench-distributed`, measure: servers, measures, goals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.artifact_measures import LargeFile, LargeListing, SmallFiles
from bench.distributed_measures import HotNeighbour, MemoryOfARole, ProjectedPoints, VisibleAfter
from bench.footprint_measures import BytesOnDisk, ColdStart, ResidentMemory
from bench.measures import Measure
from bench.read_measures import GetRun, LongHistories, SearchManyRuns, SearchRuns
from bench.registry_measures import CreateVersionsOfOne, CreateVersionsOfSeveral, GetByAlias, SearchRegistry
from bench.servers import ARTIFACT_SERVERS, DISTRIBUTED_SERVERS, EMBEDDED_SERVERS, WEBHOOK_SERVERS, Server
from bench.webhook_measures import Deliveries
from bench.write_measures import (
    CreateRuns,
    LogBatchOf10,
    LogBatchOf1000,
    LogMetric,
    LogMetricAlone,
    LogParameter,
    SetTag,
    ShortRuns,
)

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Suite:
    """Measures of servers of one kind; the results' table stands between the suite's markers in the page.

    `warmup_s` is how long a load runs before it counts.
    """

    name: str
    command: str
    servers: Mapping[str, Server]
    measures: Sequence[Measure]
    warmup_s: float = 1.0

    def results(self, *, quick: bool) -> Path:
        """Where the raw results are kept."""
        return RESULTS / (f"{self.name}-quick.json" if quick else f"{self.name}.json")


def with_goals(measure: Measure, **goals: float) -> Measure:
    """A measure whose rows, by name with `_` for `-`, have other goals."""
    measure.rows = tuple(replace(row, goal=goals.get(row.name.replace("-", "_"), row.goal)) for row in measure.rows)
    return measure


EMBEDDED = Suite(
    "embedded",
    "make bench",
    EMBEDDED_SERVERS,
    [
        LogMetric(),
        LogMetricAlone(),
        SetTag(),
        LogParameter(),
        CreateRuns(),
        LogBatchOf10(),
        LogBatchOf1000(),
        ShortRuns(),
        GetRun(),
        SearchRuns(),
        SearchManyRuns(),
        LongHistories(),
        BytesOnDisk(),
        ResidentMemory(),
        ColdStart(),
    ],
)

DISTRIBUTED = Suite(
    "distributed",
    "make bench-distributed",
    DISTRIBUTED_SERVERS,
    [
        with_goals(LogMetric(), log_metric=5_000),
        with_goals(LogMetricAlone(), log_metric_1=1_000),
        with_goals(LogParameter(), log_parameter=2_500),
        with_goals(CreateRuns(), runs_create=2_000),
        with_goals(LogBatchOf10(), log_batch_10=30_000),
        ProjectedPoints(),
        with_goals(ShortRuns(), short_runs=500),
        with_goals(GetRun(), runs_get=4_000),
        SearchRuns(),
        SearchManyRuns(),
        LongHistories(),
        VisibleAfter(),
        HotNeighbour(),
        MemoryOfARole(),
    ],
    # Kafka runs on Java, which compiles what is used most in its first seconds.
    warmup_s=10.0,
)

ARTIFACTS = Suite(
    "artifacts",
    "make bench-artifacts",
    ARTIFACT_SERVERS,
    [LargeFile(), SmallFiles(), LargeListing()],
)

REGISTRY = Suite(
    "registry",
    "make bench-registry",
    {name: EMBEDDED_SERVERS[name] for name in ("tracklog", "mlflow")},  # FastTrackML has no registry
    [CreateVersionsOfSeveral(), CreateVersionsOfOne(), GetByAlias(), SearchRegistry()],
)

WEBHOOKS = Suite(
    "webhooks",
    "make bench-webhooks",
    WEBHOOK_SERVERS,
    [Deliveries()],
)

SUITES = {suite.name: suite for suite in (EMBEDDED, DISTRIBUTED, ARTIFACTS, REGISTRY, WEBHOOKS)}
