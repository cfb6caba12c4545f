"""What `make bench` and `make bench-distributed` measure: which servers, which measures, with which goals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.footprint_measures import BytesOnDisk, ColdStart, ResidentMemory
from bench.measures import Measure
from bench.read_measures import GetRun, LongHistories, SearchManyRuns, SearchRuns
from bench.servers import EMBEDDED_SERVERS, Server
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
    """Measures of servers of one kind; the results' table stands between the suite's markers in the page."""

    name: str
    command: str
    servers: Mapping[str, Server]
    measures: Sequence[Measure]

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

SUITES = {suite.name: suite for suite in (EMBEDDED,)}
