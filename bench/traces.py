"""How fast spans are taken, and what they take: `python -m bench.traces` sends the same to this server and to MLflow.

Each request has 50 traces of 10 spans, as a model that is called says them. Told are the spans a second until all are
answered, and until all of them are counted; what the server's processes work for each; and bytes for each in its files.
"""

import argparse
import http.client
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bench import process_tree
from bench.server_process import ServerProcess
from bench.servers import EMBEDDED_SERVERS, PROJECT, Server

SPANS: Final = 10
TRACES: Final = 50
START_NS: Final = 1_700_000_000_000_000_000
DAY_NS: Final = 86_400_000_000_000
CONNECTIONS: Final = 4
OF_MLFLOW: Final = 4
"""Requests, which take it a minute."""
COUNT_OF_ALL: Final = {
    "experiment_ids": ["0"],
    "view_type": "TRACES",
    "metric_name": "trace_count",
    "aggregations": [{"aggregation_type": "COUNT"}],
}
"""Answered when all traces are seen."""
HEADERS: Final = {"Content-Type": "application/x-protobuf", "x-mlflow-experiment-id": "0"}


def request(number: int) -> bytes:
    """50 traces: a tool and models, each with what it was asked and what it answered, in sessions of customers."""
    sent = ExportTraceServiceRequest()
    of_resource = sent.resource_spans.add()
    of_resource.resource.attributes.add(key="service.name").value.string_value = "bench"
    spans = of_resource.scope_spans.add().spans
    start_ns = START_NS + number * 1_000_000
    for trace in range(TRACES):
        place = number * TRACES + trace
        _add_trace(spans, os.urandom(16), place, start_ns + place % 7 * DAY_NS, SPANS)
    return bytes(sent.SerializeToString())


def spans_of_trace(trace_id: bytes, count: int) -> bytes:
    """A request of one trace of so many spans."""
    sent = ExportTraceServiceRequest()
    _add_trace(sent.resource_spans.add().scope_spans.add().spans, trace_id, 0, START_NS, count)
    return bytes(sent.SerializeToString())


def _add_trace(spans: Any, trace_id: bytes, number: int, start_ns: int, count: int) -> None:
    root = (1).to_bytes(8, "big")
    for place in range(count):
        span = spans.add(trace_id=trace_id, span_id=(place + 1).to_bytes(8, "big"), name=f"step {place % 10}", kind=1)
        span.start_time_unix_nano = start_ns
        span.end_time_unix_nano = start_ns + 50_000_000 + number % 997 * 1_000_000
        if place:
            span.parent_span_id = root
        if number % 50 == 0 and place in (0, number // 50 % 10):
            span.status.code = 2
        asked = f"What is the answer to question {number} of the list? Explain in a few words."
        said = f"The answer is {number * 7}, because it follows from the premises of step {place}."
        texts = {
            "mlflow.spanType": '"LLM"' if place % 3 else '"TOOL"',
            "mlflow.spanInputs": json.dumps(
                {"messages": [{"role": "user", "content": asked}], "model": "gpt-4o", "temperature": 0.2}
            ),
            "mlflow.spanOutputs": json.dumps({"choices": [{"message": {"role": "assistant", "content": said}}]}),
            "customer": f"c-{number * 31 % 1000}",
        }
        if not place:
            texts["session.id"] = f"s-{number * 31 % 1000}"
            texts["mlflow.traceTag.customer"] = f"c-{number * 31 % 1000}"
        for key, text in texts.items():
            span.attributes.add(key=key).value.string_value = text
        span.attributes.add(key="gen_ai.usage.input_tokens").value.int_value = 120 + place
        span.attributes.add(key="gen_ai.usage.output_tokens").value.int_value = 30 + place


def send(port: int, bodies: Iterator[bytes], lock: threading.Lock, failed: list[int]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    while True:
        with lock:
            body = next(bodies, None)
        if body is None:
            return
        connection.request("POST", "/v1/traces", body, HEADERS)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            failed.append(answer.status)


def measure(server: Server, requests: int) -> str:
    """A row of the table: what a server does with so many requests."""
    folder = Path(tempfile.mkdtemp(prefix="bench-traces-", dir=PROJECT / "bench"))
    process = ServerProcess(server, folder)
    try:
        process.wait_until_healthy()
        bodies = [request(number) for number in range(requests)]
        process.settle()
        before_bytes, before_s = size_of(folder), process_tree.cpu_seconds(process.pid)
        began = time.perf_counter()
        failed: list[int] = []
        answered_s = send_all(process.port, bodies, failed)
        process.ask("POST", "/api/3.0/mlflow/traces/metrics", COUNT_OF_ALL)
        folded_s = time.perf_counter() - began
        spans = (requests - len(failed)) * SPANS * TRACES
        process.settle()
        work_s = sum(process_tree.cpu_spent(before_s, process_tree.cpu_seconds(process.pid)).values())
    finally:
        process.stop()
    taken = (size_of(folder) - before_bytes) / spans
    shutil.rmtree(folder)
    speeds = f"{spans / answered_s:,.0f} | {spans / folded_s:,.0f}"
    return f"| {server.title} | {spans:,} | {speeds} | {work_s * 1e6 / spans:.0f} | {taken:,.0f} | {len(failed)} |"


def send_all(port: int, bodies: list[bytes], failed: list[int]) -> float:
    """Seconds until all are answered."""
    lock, waiting = threading.Lock(), iter(bodies)
    senders = [threading.Thread(target=send, args=(port, waiting, lock, failed)) for _ in range(CONNECTIONS)]
    began = time.perf_counter()
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    return time.perf_counter() - began


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100, help="of 500 spans, to Tracklog; MLflow gets few")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--servers", nargs="+", choices=("tracklog", "mlflow"), default=["tracklog", "mlflow"])
    options = parser.parse_args()
    print("| | spans | answered, spans/s | seen, spans/s | work a span, µs | bytes a span | failed |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name in options.servers * options.rounds:
        print(measure(EMBEDDED_SERVERS[name], options.requests if name == "tracklog" else OF_MLFLOW), flush=True)


if __name__ == "__main__":
    main()
