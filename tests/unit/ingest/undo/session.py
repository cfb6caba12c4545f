"""A deployment in which things happen, for the tests of undoing them."""

import sqlite3
from collections.abc import Awaitable
from contextlib import closing
from typing import Any, Final

import orjson

from read_model.metric_points import unpack_segments
from schemas.errors import TracklogError
from schemas.messages.undo import ApplyUndo, PlanUndo
from tests.unit.ingest.doubles import ANN, Deployment

TABLES: Final = {
    "experiments": "SELECT experiment_id, name, lifecycle_stage FROM experiments",
    "experiment tags": "SELECT experiment_id, key, value FROM experiment_tags",
    "runs": "SELECT run_id, name, status, end_time_ms, lifecycle_stage FROM runs",
    "run tags": "SELECT run_number, key, value FROM tags",
    "params": "SELECT run_number, key, value FROM params",
    "datasets": "SELECT experiment_id, name, digest, source_type, source, schema, profile FROM datasets",
    "dataset inputs": "SELECT run_number, name, digest, tags, context FROM dataset_inputs",
    "model inputs": "SELECT run_number, model_id FROM model_inputs",
    "model outputs": "SELECT run_number, model_id, step FROM model_outputs",
    "latest metrics": "SELECT run_number, key, value, step, timestamp_ms FROM latest_metrics",
    "models": "SELECT registered_model_id, name, description, is_prompt FROM registered_models",
    "model tags": "SELECT registered_model_id, key, value FROM registered_model_tags",
    "versions": "SELECT version_id, name, version, current_stage, description FROM model_versions",
    "version tags": "SELECT version_id, key, value FROM model_version_tags",
    "aliases": "SELECT registered_model_id, alias, version FROM registered_model_aliases",
    "logged models": "SELECT model_id, status, lifecycle_stage FROM logged_models",
    "logged model tags": "SELECT model_id, key, value FROM logged_model_tags",
    "evaluation datasets": (
        "SELECT dataset_id, name, tags, record_count, created_time_ms, created_by FROM evaluation_datasets"
    ),
    "dataset experiments": "SELECT dataset_id, experiment_id FROM evaluation_dataset_experiments",
    "dataset records": "SELECT * FROM evaluation_dataset_records",
    "dataset tags": "SELECT dataset_id, key, value FROM evaluation_dataset_tags",
    "trace tags": "SELECT trace_number, key, value FROM trace_tags",
    "trace runs": "SELECT trace_number, run_id FROM trace_runs",
    "trace prompts": "SELECT trace_number, name, version FROM trace_prompts",
    "assessments": "SELECT trace_number, document FROM assessments",
    "issues": "SELECT issue_id, name, description, status, severity, severity_rank FROM issues",
    "label schemas": "SELECT schema_id, name, reference, instruction, enable_comment, input FROM label_schemas",
    "review queues": ("SELECT queue_id, name, reference, users, schema_ids, created_by, item_count FROM review_queues"),
    "users of review queues": "SELECT * FROM review_queue_users",
    "items of review queues": "SELECT queue_id, item_id, status, completed_by FROM review_queue_items",
    "online scoring": "SELECT * FROM online_scoring_configs",
    "webhooks": "SELECT webhook_id, name, description, url, events, status FROM webhooks",
}
"""What is to be as it was; times and counts of changes are not."""

Rows = dict[str, set[tuple[Any, ...]]]


class Session:
    """Commands of `ann` on one deployment; each names the request that it is of."""

    def __init__(self) -> None:
        self.deployment = Deployment()
        self.ingest = self.deployment.ingest

    async def do(self, command: Awaitable[bytes]) -> Any:
        """The answer of a command, None for one that was refused."""
        try:
            return orjson.loads(await command)
        except TracklogError:
            return None

    async def plan(self, **selected: Any) -> Any:
        return orjson.loads(await self.ingest.undo.plan(PlanUndo(**selected), None))

    async def undo(self, as_request: str = "undo", digest: str | None = None, **selected: Any) -> Any:
        """Undo what is selected as it is planned now, or by a plan made before."""
        if digest is None:
            digest = (await self.plan(**selected))["digest"]
        return orjson.loads(await self.ingest.undo.undo(ApplyUndo(**selected, digest=digest), None, ANN, as_request))

    async def rows(self) -> Rows:
        """What the read model holds, once it has caught up."""
        await self.ingest.known.catch_up()
        with closing(sqlite3.connect(self.deployment.projection.file)) as connection:
            rows = {name: set(connection.execute(statement)) for name, statement in TABLES.items()}
            tails = connection.execute("SELECT run_number, key, data FROM metric_tails")
            return {
                **rows,
                "points": {(*key, *sorted(zip(*unpack_segments(data), strict=True))) for *key, data in tails},
            }
