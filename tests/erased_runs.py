"""Runs that hold secrets and are deleted, for tests of what is left of them when they are erased."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from contextlib import suppress
from typing import Any

import asyncpg
import pytest

from event_log.kafka.event_log import open_kafka_reader
from event_log.kafka.settings import KafkaSettings
from event_log.sealing.stream_key import CannotOpen, StreamKey
from tests.contracts.event_log_contract import everything
from tests.planted_secrets import Planted
from tests.tracklog_server import TracklogServer


def ask(server: TracklogServer, path: str, body: object = None, method: str = "POST") -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(f"{server.url}/{path}", data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read() or b"{}")


def tracklog(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tracklog", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))


def stored(server: TracklogServer) -> bytes:
    """The bytes of all files, and their names."""
    files = [file for file in server.data_dir.rglob("*") if file.is_file()]
    return b"".join(file.read_bytes() for file in files) + "\n".join(map(str, files)).encode()


def deleted_run(server: TracklogServer, planted: Planted) -> str:
    """A run that holds a secret in each way, one that was overwritten, and one that was refused, among them."""
    secret = planted.new
    tags = [{"key": secret("key of a tag"), "value": secret("value of a tag")}]
    created = ask(
        server, "api/2.0/mlflow/runs/create", {"experiment_id": "0", "run_name": secret("name"), "tags": tags}
    )
    run_id: str = created["run"]["info"]["run_id"]
    api = "api/2.0/mlflow/runs"
    metrics = [{"key": secret("metric"), "value": 1, "timestamp": step, "step": step} for step in range(3)]
    params = [{"key": "k", "value": secret("param")}]
    ask(server, f"{api}/log-batch", {"run_id": run_id, "metrics": metrics, "params": params})
    with pytest.raises(urllib.error.HTTPError):
        ask(server, f"{api}/log-parameter", {"run_id": run_id, "key": "k", "value": secret("refused param")})
    for _ in range(2):
        ask(server, f"{api}/set-tag", {"run_id": run_id, "key": "t", "value": secret("overwritten tag")})
    dataset = {"name": secret("dataset"), "digest": "1", "source": secret("source"), "source_type": "local"}
    ask(server, f"{api}/log-inputs", {"run_id": run_id, "datasets": [{"dataset": dataset}]})
    path = f"0/{run_id}/artifacts/{secret('name of an artifact')}"
    ask(server, f"api/2.0/mlflow-artifacts/artifacts/{path}", secret("artifact").encode(), "PUT")
    ask(server, f"{api}/update", {"run_id": run_id, "status": "FINISHED"})
    ask(server, f"{api}/delete", {"run_id": run_id})
    delete_a_trace(server, planted)
    return run_id


def delete_a_trace(server: TracklogServer, planted: Planted) -> None:
    """One that holds secrets, which is all that erases it."""
    secret = planted.new
    trace_id = f"tr-{uuid.uuid4().hex}"
    location = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}
    info = {
        "trace_id": trace_id,
        "trace_location": location,
        "request_time": "2026-01-01T00:00:00Z",
        "state": "OK",
        "request_preview": secret("request"),
        "response_preview": secret("response"),
        "tags": {"t": secret("tag of a trace")},
        "trace_metadata": {"m": secret("metadata of a trace")},
    }
    ask(server, "api/3.0/mlflow/traces", {"trace": {"trace_info": info}})
    assessment = {"assessment_name": "n", "feedback": {"value": secret("feedback")}, "source": {"source_type": "HUMAN"}}
    ask(server, f"api/3.0/mlflow/traces/{trace_id}/assessments", {"assessment": assessment})
    deletion = {"experiment_id": "0", "request_ids": [trace_id]}
    assert ask(server, "api/2.0/mlflow/traces/delete-traces", deletion) == {"traces_deleted": 1}
    ask(server, "api/3.0/mlflow/traces", {"trace": {"trace_info": info | {"client_request_id": secret("late")}}})


def deleted_experiment(server: TracklogServer, planted: Planted) -> str:
    """An experiment with what belongs to one, each of which holds a secret, some of it deleted before, and a run."""
    secret = planted.new
    api = "api/3.0/mlflow"
    experiment_id: str = ask(server, "api/2.0/mlflow/experiments/create", {"name": secret("name of an experiment")})[
        "experiment_id"
    ]
    of = {"experiment_id": experiment_id}
    for name in ("kept", "gone"):
        scorer = of | {"name": name}
        ask(server, f"{api}/scorers/register", scorer | {"serialized_scorer": json.dumps({"text": secret(name)})})
        asked: dict[str, Any] = {"name": name, "type": "FEEDBACK", "input": {"text": {}}}
        schema = of | asked | {"instruction": secret(f"schema {name}")}
        schema_id = ask(server, f"{api}/label-schemas/create", schema)["label_schema"]["schema_id"]
        dataset = {"name": secret(f"dataset {name}"), "experiment_ids": [experiment_id]}
        dataset_id = ask(server, f"{api}/datasets/create", dataset)["dataset"]["dataset_id"]
        ask(server, f"{api}/issues", of | {"name": name, "description": secret(f"issue {name}")})
        if name == "gone":
            ask(server, f"{api}/scorers/delete", scorer, "DELETE")
            ask(server, f"{api}/label-schemas/delete", {"schema_id": schema_id}, "DELETE")
            ask(server, f"{api}/datasets/{dataset_id}", {}, "DELETE")
    ask(server, "api/2.0/mlflow/runs/create", of | {"run_name": secret("run of an experiment")})
    ask(server, "api/2.0/mlflow/experiments/delete", of)
    return experiment_id


async def every_row(database: str) -> bytes:
    connection = await asyncpg.connect(database)
    try:
        tables = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname LIKE 'tracklog%'"
        )
        assert len(tables) > 10
        held = b""
        for (table,) in tables:
            held += repr([tuple(row) for row in await connection.fetch(f"SELECT * FROM {table}")]).encode()
        return held
    finally:
        await connection.close()


async def readable_in(log: str, database: asyncpg.Connection) -> bytes:
    """The messages of a log in Kafka as they are stored, and opened by each key in the database that opens them."""
    rows = await database.fetch("SELECT secret FROM tracklog_keys.stream_keys WHERE secret IS NOT NULL")
    keys = [StreamKey(row[0]) for row in rows]
    reader = await open_kafka_reader(KafkaSettings.parse(log))
    found: list[bytes] = []
    try:
        for stored_event in await everything(reader):
            found.append(repr(stored_event).encode() + stored_event.payload)
            for key in keys:
                with suppress(CannotOpen):
                    found.append(key.open(stored_event.id, stored_event.stream, stored_event.payload))
    finally:
        await reader.close()
    return b"\n".join(found)
