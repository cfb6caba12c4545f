"""Rules of the metrics: what Prometheus is told."""

from aiohttp.test_utils import TestClient
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.web_server import WebServer
from tracklog.settings.process import WebSettings
from tracklog.web.app import create_app
from tracklog.web.metrics import LogState, RequestCounts, ServerMetrics, WriteCounts, log_metrics, write_metrics
from tracklog.web.metrics_route import metrics_route


async def samples(metrics: ServerMetrics) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample by its name and the values of its labels."""
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families((await metrics.text()).decode())
        for sample in family.samples
    }


async def test_a_request_is_in_every_bucket_its_time_fits() -> None:
    counts = RequestCounts()
    endpoint = counts.endpoint("GET", "/x")
    for seconds in (0.001, 0.3, 100.0):
        endpoint.count(seconds, 200)
    found = await samples(ServerMetrics(counts))
    bucket = "tracklog_http_request_seconds_bucket"
    assert found[bucket, ("0.0005", "GET", "/x")] == 0
    assert found[bucket, ("0.001", "GET", "/x")] == 1
    assert found[bucket, ("0.25", "GET", "/x")] == 1
    assert found[bucket, ("0.5", "GET", "/x")] == 2
    assert found[bucket, ("60.0", "GET", "/x")] == 2
    assert found[bucket, ("+Inf", "GET", "/x")] == 3
    assert found["tracklog_http_request_seconds_count", ("GET", "/x")] == 3
    assert found["tracklog_http_request_seconds_sum", ("GET", "/x")] == 100.301


async def test_answers_are_counted_by_status() -> None:
    counts = RequestCounts()
    endpoint = counts.endpoint("GET", "/x")
    for status in (200, 404, 200):
        endpoint.count(0.001, status)
    found = await samples(ServerMetrics(counts))
    assert found["tracklog_http_responses_total", ("GET", "/x", "200")] == 2
    assert found["tracklog_http_responses_total", ("GET", "/x", "404")] == 1


async def test_an_endpoint_nobody_asked_for_is_left_out() -> None:
    counts = RequestCounts()
    counts.endpoint("GET", "/x")
    assert not [name for name, labels in await samples(ServerMetrics(counts)) if "/x" in labels]


async def test_lag_is_what_the_log_has_and_the_read_model_has_not() -> None:
    state = LogState(end={0: 10, 1: 3}, checkpoint={0: 7}, set_aside=2)

    async def measured() -> list[Metric]:
        return log_metrics(state)

    found = await samples(ServerMetrics(RequestCounts(), [measured]))
    assert found["tracklog_log_end_offset", ("0",)] == 10
    assert found["tracklog_projection_checkpoint_offset", ("0",)] == 7
    assert found["tracklog_projection_lag_events", ("0",)] == 3
    assert found["tracklog_projection_lag_events", ("1",)] == 3
    assert found["tracklog_set_aside_events", ()] == 2


async def test_what_was_written_and_refused_is_told() -> None:
    counts = WriteCounts()
    counts.appended(1)
    counts.appended(1)
    counts.decided(0.003, refused=False)
    counts.decided(0.3, refused=True)

    async def written() -> list[Metric]:
        return write_metrics(counts)

    found = await samples(ServerMetrics(RequestCounts(), [written]))
    assert found["tracklog_appended_events_total", ()] == 2
    assert found["tracklog_refused_writes_total", ()] == 1
    assert found["tracklog_verdict_wait_seconds_bucket", ("0.005",)] == 1
    assert found["tracklog_verdict_wait_seconds_count", ()] == 2


async def test_the_memory_of_the_process_is_told() -> None:
    found = await samples(ServerMetrics(RequestCounts()))
    assert found["tracklog_resident_memory_bytes", ()] > 1024 * 1024
    assert found["tracklog_open_file_descriptors", ()] > 0


async def test_metrics_are_served_as_prometheus_asks_for_them() -> None:
    counts = RequestCounts()
    app = create_app([metrics_route(ServerMetrics(counts))], WebSettings(), counts=counts)
    async with TestClient(WebServer(app)) as client:
        await client.get("/metrics")
        response = await client.get("/metrics")
        assert response.status == 200
        assert response.content_type == "text/plain"
        assert 'tracklog_http_responses_total{method="GET",route="/metrics",status="200"} 1.0' in await response.text()
