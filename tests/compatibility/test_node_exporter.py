"""OpenTelemetry's exporters of another language, taken from npm: what they send reads back as one expects."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.compatibility.rest import Rest
from tests.services.missing import ServiceMissing, leave_out
from tests.services.opentelemetry_node import modules

SCRIPT = Path(__file__).parent / "node" / "export_spans.js"
RUN_TIMEOUT_S = 120


@pytest.fixture
def traces(rest: Rest, server_url: str, experiment_id: str) -> list[Any]:
    """The trace that came in JSON, and the one that came in protocol buffers."""
    try:
        packages = modules()
    except ServiceMissing as missing:
        leave_out(missing)
    done = subprocess.run(
        ["node", str(SCRIPT), server_url, experiment_id],
        env={**os.environ, "NODE_PATH": str(packages)},
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ids = [f"tr-{one}" for one in json.loads(done.stdout)]
    return [rest.get("/api/3.0/mlflow/traces/get", params={"trace_id": one}).json()["trace"] for one in ids]


def test_spans_of_nodes_exporters_are_traces_in_json_and_in_protocol_buffers(traces: list[Any]) -> None:
    for trace in traces:
        info = trace["trace_info"]
        assert (info["state"], info["tags"]["service.name"]) == ("OK", "from node")
        assert json.loads(info["trace_metadata"]["mlflow.trace.tokenUsage"])["input_tokens"] == 3
        root, tool = trace["spans"]
        given = {one["key"]: one["value"] for one in root["attributes"]}
        assert given["text"] == {"string_value": "\N{SNOWMAN}"}
        assert (given["flag"], given["share"]) == ({"bool_value": True}, {"double_value": 0.5})
        assert given["list"] == {"array_value": {"values": [{"string_value": "a"}, {"string_value": "b"}]}}
        assert given["mlflow.spanType"] == {"string_value": "CHAT_MODEL"}
        assert tool["parent_span_id"] == root["span_id"]
        assert tool["status"] == {"code": "STATUS_CODE_ERROR", "message": "no such city"}
        assert (tool["name"], tool["events"][0]["name"]) == ("look up", "asked")
        assert tool["links"][0]["span_id"] == root["span_id"]
