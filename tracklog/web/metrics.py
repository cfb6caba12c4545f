"""Every metric of a Tracklog server, with its kind and unit, in the text format of Prometheus.

What is counted for each request is kept in plain numbers and shaped into metrics only when somebody asks: a request
pays for a bisection and three additions.
"""

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from schemas.envelope import Positions

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4

BUCKETS_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
"""From half a millisecond, what a read by key takes, to a minute, what only streams of bytes take."""

REQUEST_SECONDS: Final = "tracklog_http_request_seconds"  # histogram, seconds, by method and route
RESPONSES: Final = "tracklog_http_responses"  # counter, by method, route and status
REQUESTS_IN_FLIGHT: Final = "tracklog_http_requests_in_flight"  # gauge, requests
REQUESTS_REFUSED: Final = "tracklog_http_requests_refused"  # counter, requests beyond the bound of those in flight
CONNECTIONS: Final = "tracklog_http_connections"  # gauge, connections that are open
CONNECTIONS_REFUSED: Final = "tracklog_http_connections_refused"  # counter, connections beyond the bound
HELD: Final = "tracklog_http_held_bytes"  # gauge, bytes of requests and answers that clients are charged for
SILENT: Final = "tracklog_http_silent_connections"  # counter, connections ended because the client was silent
UNREAD: Final = "tracklog_http_unread_answers"  # counter, answers given up because the client held too many unread
REQUESTS_TIMED_OUT: Final = "tracklog_http_requests_timed_out"  # counter, requests ended by their route's time limit
READS_BEHIND: Final = "tracklog_reads_behind"  # counter, reads answered before they saw the whole log
ACCESS_LOG_DROPPED: Final = "tracklog_access_log_dropped_lines"  # counter, lines a slow reader cost
LOG_END: Final = "tracklog_log_end_offset"  # gauge, events, by partition
CHECKPOINT: Final = "tracklog_projection_checkpoint_offset"  # gauge, events, by partition
LAG: Final = "tracklog_projection_lag_events"  # gauge, events, by partition
SET_ASIDE: Final = "tracklog_set_aside_events"  # gauge, events the projector could not fold
APPENDED: Final = "tracklog_appended_events"  # counter, events this process appended to the log
VERDICT_SECONDS: Final = "tracklog_verdict_wait_seconds"  # histogram, seconds a write waited for the fold's verdict
REFUSED_WRITES: Final = "tracklog_refused_writes"  # counter, writes of this process that the fold refused
PROJECTED: Final = "tracklog_projected_events"  # counter, events this projector folded
COMMITS: Final = "tracklog_projection_commits"  # counter, transactions of this projector
REFUSED_EVENTS: Final = "tracklog_projection_refused_events"  # counter, events this projector's fold refused
ASSIGNED_PARTITIONS: Final = "tracklog_assigned_partitions"  # gauge, partitions this projector follows
RESIDENT_MEMORY: Final = "tracklog_resident_memory_bytes"  # gauge, bytes, of this process
OPEN_FILES: Final = "tracklog_open_file_descriptors"  # gauge, of this process


@dataclass(slots=True)
class Durations:
    """How long something took, counted by bucket."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    seconds: float = 0.0

    def count(self, seconds: float) -> None:
        self.buckets[bisect_left(BUCKETS_S, seconds)] += 1
        self.seconds += seconds


@dataclass(slots=True)
class EndpointCounts:
    """What has been counted of one endpoint since the start."""

    method: str
    template: str
    durations: Durations = field(default_factory=Durations)
    statuses: dict[int, int] = field(default_factory=dict)

    def count(self, seconds: float, status: int) -> None:
        """Account for one answered request."""
        self.durations.count(seconds)
        self.statuses[status] = self.statuses.get(status, 0) + 1


@dataclass(slots=True)
class RequestCounts:
    """What has been counted of all requests since the start, and how many are under way."""

    endpoints: list[EndpointCounts] = field(default_factory=list)
    in_flight: int = 0
    connections: int = 0
    connections_refused: int = 0
    held_bytes: int = 0
    refused: int = 0
    fell_silent: int = 0
    cut_off: int = 0
    timed_out: int = 0
    behind: int = 0
    access_log_dropped: int = 0

    def endpoint(self, method: str, template: str) -> EndpointCounts:
        """New counts for an endpoint; an endpoint asks once, when the server is built."""
        counts = EndpointCounts(method, template)
        self.endpoints.append(counts)
        return counts


@dataclass(slots=True)
class WriteCounts:
    """What has been counted of the events that this process appended."""

    appended_events: int = 0
    refused_writes: int = 0
    verdict_waits: Durations = field(default_factory=Durations)

    def appended(self, events: int) -> None:
        self.appended_events += events

    def decided(self, seconds: float, *, refused: bool) -> None:
        """Account for a verdict that came after `seconds`."""
        self.verdict_waits.count(seconds)
        self.refused_writes += refused


@dataclass(slots=True)
class ProjectionCounts:
    """What has been counted of the commits of this process's projector."""

    events: int = 0
    commits: int = 0
    refused: int = 0
    assigned_partitions: int = 0


@dataclass(frozen=True, slots=True)
class LogState:
    """Where the log ends, how far the read model has come, and how many events were set aside."""

    end: Positions
    checkpoint: Positions
    set_aside: int


MetricSource = Callable[[], Awaitable[Sequence[Metric]]]
"""Metrics as of now; it may ask the log, and is bounded."""


class ServerMetrics(Collector):
    """Shapes what was counted into metrics."""

    def __init__(self, counts: RequestCounts, sources: Iterable[MetricSource] = ()) -> None:
        self._counts = counts
        self._sources = tuple(sources)
        self._from_sources: list[Metric] = []

    async def text(self) -> bytes:
        """All metrics in the Prometheus text format."""
        self._from_sources = [metric for source in self._sources for metric in await source()]
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry)

    def collect(self) -> Iterator[Metric]:
        yield from self._requests()
        yield from self._from_sources
        yield GaugeMetricFamily(RESIDENT_MEMORY, "Resident memory of the process.", value=resident_memory_bytes())
        yield GaugeMetricFamily(OPEN_FILES, "Open files and sockets of the process.", value=open_file_descriptors())

    def _requests(self) -> Iterator[Metric]:
        counts = self._counts
        seconds = HistogramMetricFamily(
            REQUEST_SECONDS, "Time from a request's headers to its answer.", labels=("method", "route")
        )
        responses = CounterMetricFamily(RESPONSES, "Answers by status.", labels=("method", "route", "status"))
        for endpoint in counts.endpoints:
            labels = [endpoint.method, endpoint.template]
            if endpoint.statuses:
                seconds.add_metric(
                    labels, buckets=cumulative(endpoint.durations.buckets), sum_value=endpoint.durations.seconds
                )
            for status, number in sorted(endpoint.statuses.items()):
                responses.add_metric([*labels, str(status)], number)
        yield seconds
        yield responses
        yield GaugeMetricFamily(REQUESTS_IN_FLIGHT, "Requests under way.", value=counts.in_flight)
        yield CounterMetricFamily(REQUESTS_REFUSED, "Requests refused for overload.", value=counts.refused)
        yield GaugeMetricFamily(CONNECTIONS, "Connections that are open.", value=counts.connections)
        yield CounterMetricFamily(
            CONNECTIONS_REFUSED, "Connections beyond the bound.", value=counts.connections_refused
        )
        yield GaugeMetricFamily(HELD, "Bytes that are held for clients.", value=counts.held_bytes)
        yield CounterMetricFamily(SILENT, "Connections ended for silence.", value=counts.fell_silent)
        yield CounterMetricFamily(UNREAD, "Answers given up because too many were unread.", value=counts.cut_off)
        yield CounterMetricFamily(REQUESTS_TIMED_OUT, "Requests ended by a time limit.", value=counts.timed_out)
        yield CounterMetricFamily(READS_BEHIND, "Reads that gave up waiting for the projection.", value=counts.behind)
        yield CounterMetricFamily(
            ACCESS_LOG_DROPPED, "Lines of the access log that were lost.", value=counts.access_log_dropped
        )


def log_metrics(state: LogState) -> list[Metric]:
    """How far log and read model are."""
    end = GaugeMetricFamily(LOG_END, "Offset of the next event of the log.", labels=("partition",))
    checkpoint = GaugeMetricFamily(CHECKPOINT, "Offset of the next event to be projected.", labels=("partition",))
    lag = GaugeMetricFamily(LAG, "Events that are not projected yet.", labels=("partition",))
    for partition, reached in sorted(state.checkpoint.items()):
        checkpoint.add_metric([str(partition)], reached)
    for partition, offset in sorted(state.end.items()):
        end.add_metric([str(partition)], offset)
        lag.add_metric([str(partition)], max(0, offset - state.checkpoint.get(partition, 0)))
    set_aside = GaugeMetricFamily(SET_ASIDE, "Events that could not be projected.", value=state.set_aside)
    return [end, checkpoint, lag, set_aside]


def write_metrics(counts: WriteCounts) -> list[Metric]:
    """What this process wrote to the log."""
    waits = HistogramMetricFamily(VERDICT_SECONDS, "Time a write waited for the verdict of the fold.")
    waits.add_metric([], buckets=cumulative(counts.verdict_waits.buckets), sum_value=counts.verdict_waits.seconds)
    return [
        CounterMetricFamily(APPENDED, "Events appended to the log.", value=counts.appended_events),
        CounterMetricFamily(REFUSED_WRITES, "Writes that the fold refused.", value=counts.refused_writes),
        waits,
    ]


def projection_metrics(counts: ProjectionCounts) -> list[Metric]:
    """What this process folded."""
    return [
        CounterMetricFamily(PROJECTED, "Events folded.", value=counts.events),
        CounterMetricFamily(COMMITS, "Transactions committed.", value=counts.commits),
        CounterMetricFamily(REFUSED_EVENTS, "Events that the fold refused.", value=counts.refused),
        GaugeMetricFamily(ASSIGNED_PARTITIONS, "Partitions that are followed.", value=counts.assigned_partitions),
    ]


def cumulative(buckets: list[int]) -> list[tuple[str, float]]:
    """Counts by bucket as Prometheus wants them: each with all smaller ones, the last without a bound."""
    total, found = 0, []
    for bound, number in zip((*BUCKETS_S, inf), buckets, strict=True):
        total += number
        found.append(("+Inf" if bound == inf else str(bound), float(total)))
    return found


def resident_memory_bytes() -> int:
    """The resident set of this process; 0 where /proc is not served."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def open_file_descriptors() -> int:
    """How many files and sockets this process has open; 0 where /proc is not served."""
    folder = Path("/proc/self/fd")
    return sum(1 for _ in folder.iterdir()) if folder.exists() else 0
