"""Traces: those of the stock client, those of OpenTelemetry, and what is said about them."""

import uuid
from typing import Any

import pytest
from mlflow import MlflowClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.compatibility.rest import Rest
from tests.compatibility.training import run_script

V3 = "/api/3.0/mlflow/"


def otlp(*names: str, trace_id: bytes = b"\1" * 16, **attributes: str) -> bytes:
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    for number, name in enumerate(names, 1):
        span = spans.add(trace_id=trace_id, span_id=bytes([number] * 8), name=name)
        span.start_time_unix_nano, span.end_time_unix_nano = number * 10**9, (number + 1) * 10**9
        for key, value in attributes.items():
            span.attributes.add(key=key).value.string_value = value
    return bytes(request.SerializeToString())


def send(rest: Rest, body: bytes, experiment_id: str, **headers: str) -> Any:
    sent = {"Content-Type": "application/x-protobuf", "x-mlflow-experiment-id": experiment_id, **headers}
    return rest.send("POST", "/v1/traces", data=body, headers=sent)


@pytest.fixture(scope="package")
def seen(server_url: str) -> Any:
    """What a stock client reads back of a trace that it wrote."""
    experiment_id = MlflowClient(server_url).create_experiment(f"traces {uuid.uuid4().hex}")
    return run_script("traces.py", server_url, experiment_id)


def test_a_trace_of_the_stock_client_reads_back_whole(seen: Any) -> None:
    assert seen["read"] == {
        "spans": [["question", "UNKNOWN"], ["look_up", "TOOL"]],
        "is_below": True,
        "tool": [{"city": "Paris"}, {"population": 2_000_000}],
        "state": "OK",
        "preview": "How many?",
        "name": "question",
        "found": True,
        "frame": True,
    }


def test_feedback_and_expectations_are_said_and_overridden(seen: Any) -> None:
    assert sorted(seen["said"]["overridden"], key=repr) == [
        ["answer", {"population": 2.0}, None],
        ["good", False, True],
        ["good", True, False],
    ]


def test_what_was_said_in_a_run_outlives_it(seen: Any) -> None:
    assert (seen["said"]["again"], seen["said"]["found"]) == ([True, True, "as asked"], True)


def test_tags_are_set_and_traces_deleted(seen: Any) -> None:
    assert (seen["tags"], seen["deleted"], seen["left"]) == (["v", None], 1, [])


def test_spans_of_opentelemetry_are_a_trace(rest: Rest, experiment_id: str) -> None:
    trace_id = b"\2" * 16
    answer = send(rest, otlp("chat", trace_id=trace_id, **{"gen_ai.operation.name": "chat"}), experiment_id)
    assert (answer.status_code, answer.content) == (200, b"")
    read = rest.get(f"{V3}traces/get", params={"trace_id": f"tr-{trace_id.hex()}"}).json()["trace"]
    assert (read["trace_info"]["state"], read["trace_info"]["execution_duration"]) == ("OK", "1s")
    assert {"key": "mlflow.spanType", "value": {"string_value": "CHAT_MODEL"}} in read["spans"][0]["attributes"]


def test_a_request_of_otlp_that_is_wrong_is_refused(client: MlflowClient, rest: Rest, experiment_id: str) -> None:
    good = otlp("a", trace_id=b"\3" * 16)
    assert send(rest, good, "").status_code == 400
    assert send(rest, good, "999999").status_code == 404
    assert send(rest, good, experiment_id, **{"Content-Type": "text/plain"}).status_code == 400
    assert send(rest, b"\xff", experiment_id).status_code == 400
    assert send(rest, b"", experiment_id).status_code == 400
    assert send(rest, otlp("a", trace_id=b""), experiment_id).status_code == 400
    assert send(rest, bytes(17 * 2**20), experiment_id).status_code == 413
    client.delete_experiment(experiment_id)
    assert send(rest, good, experiment_id).status_code == 400


def test_no_tag_of_a_client_says_what_the_server_reads(rest: Rest, experiment_id: str) -> None:
    raw = b"\4" * 16
    trace_id = f"tr-{raw.hex()}"
    elsewhere = "file:///etc"
    tag = {"mlflow.traceTag.mlflow.artifactLocation": elsewhere, "mlflow.traceTag.mlflow.trace.spansLocation": "x"}
    assert send(rest, otlp("a", trace_id=raw, **tag), experiment_id).status_code == 200
    location = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment_id}}
    told = {"trace_id": trace_id, "trace_location": location, "tags": {"mlflow.artifactLocation": elsewhere}}
    assert rest.post(f"{V3}traces", {"trace": {"trace_info": told}}).status_code == 200
    patched = rest.send("PATCH", f"traces/{trace_id}/tags", json={"key": "mlflow.artifactLocation", "value": elsewhere})
    assert patched.status_code == 400
    tags = rest.get(f"{V3}traces/{trace_id}").json()["trace"]["trace_info"]["tags"]
    assert tags["mlflow.artifactLocation"].endswith(f"/{experiment_id}/traces/{trace_id}/artifacts")
    assert tags["mlflow.trace.spansLocation"] == "TRACKING_STORE"


def test_an_attachment_is_served_from_where_the_trace_lies(rest: Rest, experiment_id: str) -> None:
    raw = b"\5" * 16
    trace_id = f"tr-{raw.hex()}"
    assert send(rest, otlp("a", trace_id=raw), experiment_id).status_code == 200
    name = "01234567-89ab-cdef-0123-456789abcdef"
    path = f"{experiment_id}/traces/{trace_id}/artifacts/attachments/{name}"
    put = rest.send("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{path}", data=b"bytes")
    assert put.status_code == 200
    where = "/ajax-api/2.0/mlflow/get-trace-artifact"
    assert rest.get(where, params={"request_id": trace_id, "path": name}).content == b"bytes"
    assert rest.get(where, params={"request_id": trace_id, "path": "../../x"}).status_code == 400
    assert rest.get(where, params={"request_id": trace_id}).json()["spans"][0]["name"] == "a"
    assert rest.get(where, params={"request_id": "tr-unknown"}).status_code == 404


def test_a_client_of_mlflow_2_starts_ends_and_reads(rest: Rest, experiment_id: str) -> None:
    tag = {"key": "mlflow.traceName", "value": "n"}
    started = rest.post("traces", {"experiment_id": experiment_id, "timestamp_ms": 5, "tags": [tag]}).json()
    info = started["trace_info"]
    assert (info["status"], info["timestamp_ms"]) == ("IN_PROGRESS", 5)
    ended = rest.send("PATCH", f"traces/{info['request_id']}", json={"timestamp_ms": 12, "status": "OK"}).json()
    assert ended["trace_info"]["execution_time_ms"] == 7
    read = rest.get(f"traces/{info['request_id']}/info").json()["trace_info"]
    assert (read["status"], read["execution_time_ms"]) == ("OK", 7)
    assert tag in read["tags"]
    found = rest.get("traces", params={"experiment_ids": experiment_id}).json()["traces"]
    assert [one["request_id"] for one in found] == [info["request_id"]]


def test_what_a_client_of_mlflow_2_sends_of_a_trace_is_one(rest: Rest, experiment_id: str) -> None:
    """As the client of 2.22 does: the start, the spans as a file, the end. It reads the spans from the file again."""
    version = {"key": "mlflow.trace_schema.version", "value": "2"}
    start = {
        "experiment_id": experiment_id,
        "timestamp_ms": 1_700_000_000_000,
        "request_metadata": [version],
        "tags": [{"key": "mlflow.source.type", "value": "LOCAL"}, {"key": "t", "value": "1"}],
    }
    started = rest.post("traces", start).json()["trace_info"]
    trace_id, tags = started["request_id"], {tag["key"]: tag["value"] for tag in started["tags"]}
    assert (started["status"], "mlflow.trace.spansLocation" in tags) == ("IN_PROGRESS", False)
    path = tags["mlflow.artifactLocation"].removeprefix("mlflow-artifacts:/")
    spans = b'{"spans": [{"name": "question", "context": {"span_id": "0x1", "trace_id": "0x2"}, "parent_id": null}]}'
    file = f"/api/2.0/mlflow-artifacts/artifacts/{path}/traces.json"
    assert rest.send("PUT", file, data=spans).status_code == 200
    end = {
        "request_id": trace_id,
        "timestamp_ms": 1_700_000_000_107,
        "status": "OK",
        "request_metadata": [version, {"key": "mlflow.traceInputs", "value": '{"x": "Paris"}'}],
        "tags": [{"key": "mlflow.traceName", "value": "question"}],
    }
    assert rest.send("PATCH", f"traces/{trace_id}", json=end).status_code == 200
    tag = {"key": "k", "value": "v"}
    assert rest.send("PATCH", f"traces/{trace_id}/tags", json=tag).status_code == 200
    assert rest.send("DELETE", f"traces/{trace_id}/tags", json={"key": "k"}).status_code == 200
    info = rest.get(f"traces/{trace_id}/info", params={"request_id": trace_id}).json()["trace_info"]
    assert (info["status"], info["execution_time_ms"]) == ("OK", 107)
    assert {"key": "mlflow.traceInputs", "value": '{"x": "Paris"}'} in info["request_metadata"]
    for filter_text in ("", "tags.t = '1'", "name = 'question'", "attributes.status = 'OK'"):
        asked = {"experiment_ids": experiment_id, "filter": filter_text, "max_results": 100}
        found = rest.get("traces", params=asked).json()
        assert [one["request_id"] for one in found["traces"]] == [trace_id]
    assert rest.get(file).content == spans
    page = rest.get("/ajax-api/2.0/mlflow/get-trace-artifact", params={"request_id": trace_id})
    assert page.content == spans
    delete = {"experiment_id": experiment_id, "request_ids": [trace_id]}
    assert rest.post("traces/delete-traces", delete).json() == {"traces_deleted": 1}
    assert rest.get("traces", params={"experiment_ids": experiment_id}).json() == {}
