"""Answers to writes, as the JSON bytes MLflow's clients read."""

from typing import Any, Final

import orjson

from ingest.runs.state import RunInfo
from schemas.envelope import EventData
from schemas.events import LoggedModelCreated, Param, RunCreated, Tag
from schemas.mlflow import LOGGED_MODEL_STATUSES, NEW_LOGGED_MODEL_STATUS, NEW_RUN_STATUS, RUN_NAME_TAG

EMPTY: Final = b"{}"


def experiment_created(experiment_id: int) -> bytes:
    return orjson.dumps({"experiment_id": str(experiment_id)})


def run_created(event: RunCreated) -> bytes:
    tags = _pairs(event.tags)
    tags.append({"key": RUN_NAME_TAG, "value": event.name})
    info = RunInfo(
        run_id=event.run_id,
        experiment_id=event.experiment_id,
        name=event.name,
        user_id=event.user_id,
        status=NEW_RUN_STATUS,
        start_time_ms=event.start_time_ms,
        end_time_ms=None,
        artifact_uri=event.artifact_uri,
        active=True,
    )
    return orjson.dumps({"run": {"info": _run_info(info), "data": {"tags": tags}, "inputs": {}}})


def run_info(info: RunInfo) -> bytes:
    return orjson.dumps({"run_info": _run_info(info)})


def logged_model_created(stamped: EventData, event: LoggedModelCreated) -> bytes:
    created_ms = stamped.time_us // 1000
    info: dict[str, Any] = {
        "model_id": event.model_id,
        "experiment_id": str(event.experiment_id),
        "name": event.name,
        "creation_timestamp_ms": created_ms,
        "last_updated_timestamp_ms": created_ms,
        "artifact_uri": event.artifact_location,
        "status": LOGGED_MODEL_STATUSES[NEW_LOGGED_MODEL_STATUS],
        "model_type": event.model_type,
        "source_run_id": event.source_run_id,
    }
    if event.tags:
        info["tags"] = _pairs(event.tags)
    data = {"params": _pairs(event.params)} if event.params else {}
    return orjson.dumps({"model": {"info": info, "data": data}})


def _run_info(info: RunInfo) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "run_uuid": info.run_id,
        "experiment_id": str(info.experiment_id),
        "run_name": info.name,
        "user_id": info.user_id,
        "status": info.status,
        "start_time": info.start_time_ms,
    }
    if info.end_time_ms is not None:
        answer["end_time"] = info.end_time_ms
    answer["artifact_uri"] = info.artifact_uri
    answer["lifecycle_stage"] = "active" if info.active else "deleted"
    answer["run_id"] = info.run_id
    return answer


def _pairs(pairs: list[Tag] | list[Param]) -> list[dict[str, str]]:
    return [{"key": pair.key, "value": pair.value} for pair in pairs]
