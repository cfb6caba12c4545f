"""How fast traces are found, summed up and read: `python -m bench.trace_searches` fills a server and asks it.

A store of 100,000 traces of 10 spans, sent by OTLP as `bench.traces` does, and one trace of 1,000 spans. Each question
is asked with other words every time, one request at a time; told are the median and the 95th percentile of the answers,
and the work of the processor for each, in all processes of the server.
With `--store` the traces stay in a folder, and are not sent again when it is there.
"""

import argparse
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from bench import process_tree
from bench.server_process import ServerProcess, UnexpectedAnswerError
from bench.servers import DISTRIBUTED_SERVERS, EMBEDDED_SERVERS, PROJECT
from bench.traces import COUNT_OF_ALL, SPANS, START_NS, TRACES, request, send_all, spans_of_trace

SERVERS: Final = {"embedded": EMBEDDED_SERVERS["tracklog"], "postgresql": DISTRIBUTED_SERVERS["tracklog-postgresql"]}
REQUESTS_AT_ONCE: Final = 100
"""Made before they are sent, so that memory does not grow with the store."""
TIMES_SENT: Final = 10
FOLD_LIMIT_S: Final = 1200
"""For a store that another version filled, whose traces are folded anew."""
LARGE_TRACE: Final = bytes([7] * 16)
LARGE_TRACE_SPANS: Final = 1000
DAY_S: Final = 86_400

Question = tuple[str, str, Callable[[int], dict[str, Any]]]
"""What is asked, the path, and the body of the n-th time; of a GET the parameters."""


def search(condition: Callable[[int], str] | None, results: int = 100) -> Callable[[int], dict[str, Any]]:
    locations = [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}]
    return lambda n: {
        "locations": locations,
        "max_results": results - n % 5,
        **({"filter": condition(n)} if condition else {}),
    }


def metrics(
    view: str, metric: str, aggregations: list[Any], dimensions: list[str], *, interval_s: int = 0
) -> Callable[[int], dict[str, Any]]:
    start_ms = START_NS // 1_000_000
    return lambda n: {
        "experiment_ids": ["0"],
        "view_type": view,
        "metric_name": metric,
        "aggregations": [
            {"aggregation_type": "PERCENTILE", "percentile_value": one}
            if isinstance(one, float)
            else {"aggregation_type": one}
            for one in aggregations
        ],
        "dimensions": dimensions,
        "start_time_ms": start_ms - 1 - n,
        "end_time_ms": start_ms + 8 * DAY_S * 1000,
        **({"time_interval_seconds": interval_s} if interval_s else {}),
    }


def correlated(first: str, second: str) -> Callable[[int], dict[str, Any]]:
    base = f"timestamp_ms > {START_NS // 1_000_000}"
    return lambda n: {
        "experiment_ids": ["0"],
        "filter_string1": first,
        "filter_string2": second,
        "base_filter": f"{base} AND timestamp_ms < {START_NS // 1_000_000 + 8 * DAY_S * 1000 + n}",
    }


def questions(traces: int) -> Iterator[Question]:
    found, asked, together = "traces/search", "traces/metrics", "traces/calculate-filter-correlation"
    first_ms, width_ms = START_NS // 1_000_000, 1 + traces // TRACES // 9

    def window(number: int) -> str:
        return f"timestamp_ms > {first_ms + number} AND timestamp_ms < {first_ms + number + width_ms}"

    yield "newest first, 100 of a page", found, search(None)
    yield "by a tag, one in 1,000", found, search(lambda n: f"tags.customer = 'c-{n * 37 % 1000}'")
    yield "by a tag that none has", found, search(lambda n: f"tags.customer = 'nobody-{n}'")
    yield "by a tag LIKE, one in 100", found, search(lambda n: f"tags.customer LIKE 'c-%{n % 90 + 10}'")
    yield "by the session", found, search(lambda n: f"metadata.`mlflow.trace.session` = 's-{n * 37 % 1000}'")
    yield "by status, one in 50", found, search(lambda n: "status = 'ERROR'")
    yield "in a window of time", found, search(window)
    yield (
        "by a span's name and status",
        found,
        search(lambda n: f"span.name = 'step {n % 9}' AND span.status = 'ERROR'"),
    )
    yield (
        "by a span's attribute, one in 1,000",
        found,
        search(lambda n: f"span.attributes.customer = 'c-{n * 37 % 1000}'"),
    )
    yield "by an attribute that none has", found, search(lambda n: f"span.attributes.customer = 'nobody-{n}'")
    yield (
        "by a span's attribute LIKE, one in 1,000",
        found,
        search(lambda n: f"span.attributes.customer LIKE 'c-{n * 37 % 1000}'"),
    )
    yield (
        "by an attribute LIKE '%…%', one in 1,000",
        found,
        search(lambda n: f"span.attributes.customer LIKE '%-{100 + n * 37 % 900}%'"),
    )
    yield (
        "by an attribute LIKE '%…%', all",
        found,
        search(lambda n: "span.attributes.`mlflow.spanInputs` LIKE '%gpt-4o%'"),
    )
    yield "by any text, one in 1,000", found, search(lambda n: f"trace.text ILIKE '%c-{100 + n * 37 % 900}%'")
    yield "by any text, one trace", found, search(lambda n: f"trace.text ILIKE '%question {10_000 + n * 791} of%'")
    yield "by any text that none has", found, search(lambda n: f"trace.text ILIKE '%nobody knows {n}%'")
    yield "trace_count by status", asked, metrics("TRACES", "trace_count", ["COUNT"], ["trace_status"])
    yield (
        "trace_count by status, a day each",
        asked,
        metrics("TRACES", "trace_count", ["COUNT"], ["trace_status"], interval_s=DAY_S),
    )
    yield (
        "latency P50, P90, P99, a day each",
        asked,
        metrics("TRACES", "latency", [50.0, 90.0, 99.0], [], interval_s=DAY_S),
    )
    yield (
        "total_tokens P50, P90, P99",
        asked,
        metrics("TRACES", "total_tokens", [50.0, 90.0, 99.0], [], interval_s=DAY_S),
    )
    yield "input_tokens SUM, a day each", asked, metrics("TRACES", "input_tokens", ["SUM"], [], interval_s=DAY_S)
    yield "session_count", asked, metrics("TRACES", "session_count", ["COUNT"], [])
    yield "span_count by name, 1,000,000 spans", asked, metrics("SPANS", "span_count", ["COUNT"], ["span_name"])
    yield "span latency AVG by name", asked, metrics("SPANS", "latency", ["AVG"], ["span_name"])
    yield "correlation of a tag and a status", together, correlated("tags.customer = 'c-0'", "status = 'ERROR'")
    yield (
        "correlation of a span's attribute and a status",
        together,
        correlated("span.attributes.customer = 'c-0'", "status = 'ERROR'"),
    )
    yield "a trace of 1,000 spans", "traces/get", lambda n: {"trace_id": f"tr-{LARGE_TRACE.hex()}"}


def fill(process: ServerProcess, traces: int) -> float:
    """Send the traces; seconds until all are counted."""
    began = time.perf_counter()
    for first in range(0, traces // TRACES, REQUESTS_AT_ONCE):
        numbers = range(first, min(first + REQUESTS_AT_ONCE, traces // TRACES))
        send_until_taken(process, [request(number) for number in numbers])
    send_until_taken(process, [spans_of_trace(LARGE_TRACE, LARGE_TRACE_SPANS)])
    process.ask("POST", "/api/3.0/mlflow/traces/metrics", COUNT_OF_ALL)
    return time.perf_counter() - began


def send_until_taken(process: ServerProcess, bodies: list[bytes]) -> None:
    """A busy server refuses some, and what is sent again changes nothing."""
    failed: list[int] = []
    for _ in range(TIMES_SENT):
        failed = []
        send_all(process.port, bodies, failed)
        if not failed:
            return
    raise SystemExit(f"{len(failed)} requests failed, the first with {failed[0]}")


def milliseconds(process: ServerProcess, question: Question, times: int) -> tuple[list[float], float, int]:
    """How long the answers took, the first left out, what all processes worked for each, and the bytes of the last."""
    _, path, body_of = question
    taken: list[float] = []
    size = 0
    before_s: dict[str, float] = {}
    for number in range(times + 1):
        if number == 1:
            before_s = process_tree.cpu_seconds(process.pid)
        body = body_of(number)
        began = time.perf_counter()
        if path == "traces/get":
            query = "&".join(f"{key}={quote(value)}" for key, value in body.items())
            answer = process.raw("GET", f"/api/3.0/mlflow/{path}?{query}")
        else:
            answer = process.raw("POST", f"/api/3.0/mlflow/{path}", body)
        taken.append((time.perf_counter() - began) * 1000)
        size = len(answer)
    work_s = sum(process_tree.cpu_spent(before_s, process_tree.cpu_seconds(process.pid)).values())
    return sorted(taken[1:]), work_s * 1000 / times, size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=50, help="of each question")
    parser.add_argument("--server", choices=SERVERS, default="embedded")
    parser.add_argument("--store", type=Path, help="a folder in which the traces stay")
    parser.add_argument("--only", default="", help="questions that hold this text")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that the server is stopped too
    folder = options.store or Path(tempfile.mkdtemp(prefix="bench-traces-", dir=PROJECT / "bench"))
    is_filled = folder.exists() and any(folder.iterdir())
    folder.mkdir(parents=True, exist_ok=True)
    process = ServerProcess(SERVERS[options.server], folder)
    try:
        process.wait_until_healthy(FOLD_LIMIT_S)
        if not is_filled:
            taken = fill(process, options.traces)
            print(f"{options.traces:,} traces of {SPANS} spans taken and folded in {taken:.0f} s")
        else:
            process.wait_until_searchable(FOLD_LIMIT_S)
            while process.answers_behind("experiments/search", [("max_results", "1")]):
                pass  # the projector is not there yet: each answer waits for it
        process.settle()
        print("| | median, ms | p95, ms | work, ms | bytes |")
        print("|---|---:|---:|---:|---:|")
        for question in questions(options.traces):
            if options.only in question[0]:
                try:
                    taken_ms, work_ms, size = milliseconds(process, question, options.times)
                except UnexpectedAnswerError as error:
                    print(f"| {question[0]} | {error} | | | |", flush=True)
                    continue
                p95 = taken_ms[min(len(taken_ms) - 1, round(len(taken_ms) * 0.95))]
                told = f"{statistics.median(taken_ms):,.1f} | {p95:,.1f} | {work_ms:,.1f}"
                print(f"| {question[0]} | {told} | {size:,} |", flush=True)
    finally:
        process.stop()


if __name__ == "__main__":
    main()
