"""What a database of MLflow holds by its own count, and what of it stays behind whatever it is."""

from collections import defaultdict
from typing import Final

from sqlalchemy import func, or_, select, true
from sqlalchemy.sql.elements import ColumnElement

from tracklog.moving.database_rows import DatabaseRows
from tracklog.moving.records import OddityRecord, Records, SizeRecord

DEFAULT_WORKSPACE: Final = "default"

ASSOCIATIONS: Final = "entity_associations"
"""The table of links from one thing to another, and its words for these."""
TRACE: Final = "trace"
RUN: Final = "run"
PROMPT_VERSION: Final = "prompt_version"
EVALUATED: Final = "evaluation_dataset"
EXPERIMENT: Final = "experiment"

_LINKS: Final = ((TRACE, RUN), (TRACE, PROMPT_VERSION), (EVALUATED, EXPERIMENT))
"""Those that are imported, with what they are of."""

_COUNTED: Final = {
    "experiments": "experiments",
    "experiment tags": "experiment_tags",
    "runs": "runs",
    "params": "params",
    "tags": "tags",
    "metric points": "metrics",
    "datasets": "datasets",
    "logged models": "logged_models",
    "params of logged models": "logged_model_params",
    "tags of logged models": "logged_model_tags",
    "points of logged models": "logged_model_metrics",
    "registered models": "registered_models",
    "tags of registered models": "registered_model_tags",
    "aliases": "registered_model_aliases",
    "model versions": "model_versions",
    "tags of model versions": "model_version_tags",
    "evaluation datasets": "evaluation_datasets",
    "tags of evaluation datasets": "evaluation_dataset_tags",
    "records of evaluation datasets": "evaluation_dataset_records",
    "links between things": ASSOCIATIONS,
    "issues": "issues",
    "label schemas": "label_schemas",
    "review queues": "review_queues",
    "items of review queues": "review_queue_items",
}
"""Kinds of things, and the table of each."""

_NEEDED: Final = {
    "experiments": ("experiment_id", "name"),
    "experiment_tags": ("experiment_id", "key", "value"),
    "runs": ("run_uuid", "experiment_id", "start_time"),
    "params": ("run_uuid", "key"),
    "tags": ("run_uuid", "key", "value"),
    "metrics": ("run_uuid", "key", "value", "timestamp"),
    "datasets": ("dataset_uuid", "name", "digest"),
    "inputs": ("input_uuid", "source_type", "source_id", "destination_id"),
    "input_tags": ("input_uuid", "name", "value"),
    "logged_models": ("model_id", "experiment_id"),
    "logged_model_params": ("model_id", "param_key", "param_value"),
    "logged_model_tags": ("model_id", "tag_key", "tag_value"),
    "logged_model_metrics": ("model_id", "run_id", "metric_name", "metric_value"),
    "registered_models": ("name",),
    "registered_model_tags": ("name", "key", "value"),
    "registered_model_aliases": ("name", "alias", "version"),
    "model_versions": ("name", "version"),
    "model_version_tags": ("name", "version", "key", "value"),
    "trace_info": ("request_id", "experiment_id", "timestamp_ms"),
    "trace_tags": ("request_id", "key", "value"),
    "trace_request_metadata": ("request_id", "key", "value"),
    "assessments": ("trace_id", "assessment_id", "name", "assessment_type"),
    "spans": ("trace_id", "span_id", "content"),
    "evaluation_datasets": ("dataset_id", "name"),
    "evaluation_dataset_tags": ("dataset_id", "key", "value"),
    "evaluation_dataset_records": ("dataset_id", "dataset_record_id", "inputs"),
    ASSOCIATIONS: ("source_type", "source_id", "destination_type", "destination_id"),
    "webhooks": ("webhook_id", "name", "url"),
    "webhook_events": ("webhook_id", "entity", "action"),
    "scorers": ("scorer_id", "experiment_id", "scorer_name"),
    "scorer_versions": ("scorer_id", "scorer_version", "serialized_scorer"),
    "online_scoring_configs": ("scorer_id", "online_scoring_config_id", "sample_rate"),
    "issues": ("issue_id", "experiment_id", "name"),
    "label_schemas": ("schema_id", "experiment_id", "name", "type", "input_type", "input_config"),
    "review_queues": ("queue_id", "experiment_id", "name", "queue_type"),
    "review_queue_users": ("queue_id", "user_id"),
    "review_queue_label_schemas": ("queue_id", "schema_id"),
    "review_queue_items": ("queue_id", "item_id", "status"),
}
"""Columns that each revision has, and without which rows mean nothing."""

_KINDS: Final = {table: kind for kind, table in _COUNTED.items()} | {
    "inputs": "inputs",
    "input_tags": "tags of dataset inputs",
    "trace_info": "traces",
    "trace_tags": "tags of traces",
    "trace_request_metadata": "metadata of traces",
    "assessments": "assessments",
    "spans": "spans",
    "webhooks": "webhooks",
    "webhook_events": "events of webhooks",
    "scorers": "scorers",
    "scorer_versions": "versions of scorers",
    "online_scoring_configs": "shares of online scoring",
    "review_queue_users": "users of review queues",
    "review_queue_label_schemas": "questions of review queues",
}

_LEFT: Final = {
    "endpoints of the gateway": "endpoints",
    "secrets of the gateway": "secrets",
    "definitions of models of the gateway": "model_definitions",
    "guardrails of the gateway": "guardrails",
    "budgets of the gateway": "budget_policies",
    "MCP servers": "mcp_servers",
}
"""What is not imported, and is counted."""


def useless_tables(rows: DatabaseRows) -> Records:
    """Tables without the columns that say what their rows are about, which are as if they were not there."""
    for table, needed in _NEEDED.items():
        if table in rows.columns and (missing := set(needed) - rows.columns[table]):
            number = rows.count(table)
            what = f"left: it has no column {', '.join(sorted(missing))}"
            yield SizeRecord(_KINDS[table], number)
            yield OddityRecord(_KINDS[table], f"table {table}", what, number)
            del rows.columns[table]


def sizes(rows: DatabaseRows) -> Records:
    """How many things of each kind there are by the database's own count, and what of them can only stay behind."""
    for kind, table in _COUNTED.items():
        yield SizeRecord(kind, rows.count(table))
    roles: dict[str, int] = defaultdict(int)
    if "inputs" in rows.columns:
        inputs = rows.table("inputs")
        counted = select(inputs.c.source_type, func.count()).group_by(inputs.c.source_type)
        for role, number in rows.run(counted):
            roles[str(role)] += number
    of_datasets = roles.pop("DATASET", 0)
    yield SizeRecord("dataset inputs", of_datasets)
    yield SizeRecord("model inputs", roles.pop("RUN_INPUT", 0))
    yield SizeRecord("model outputs", roles.pop("RUN_OUTPUT", 0))
    yield SizeRecord("tags of dataset inputs", rows.count("input_tags"))
    yield SizeRecord("inputs", sum(roles.values()))
    for role, number in roles.items():
        yield OddityRecord("inputs", f"table inputs, source_type {role!r:.100}", "no role that is known; left", number)
    yield from _stray_tags(rows)
    if "datasets" not in rows.columns:
        if of_datasets:
            what = "left: there is no table of the datasets that they name"
            yield OddityRecord("dataset inputs", "table inputs", what, of_datasets)
    else:
        inputs, datasets = rows.table("inputs"), rows.table("datasets")
        unread: ColumnElement[bool] = true()
        if "inputs" in rows.columns:
            read = select(inputs.c.source_id).where(inputs.c.source_type == "DATASET", inputs.c.source_id.is_not(None))
            unread = or_(datasets.c.dataset_uuid.is_(None), datasets.c.dataset_uuid.not_in(read))
        for name, digest in rows.run(select(datasets.c.name, datasets.c.digest).where(unread)):
            what = f"left: no run reads {name!r:.100}, {digest!r:.50}"
            yield OddityRecord("datasets", "table datasets", what, 1)
        yield SizeRecord("datasets", _read_elsewhere(rows))
    yield from _other_links(rows)
    for kind, table in _LEFT.items():
        if number := rows.count(table):
            yield SizeRecord(kind, number)
            yield OddityRecord(kind, f"table {table}", "not imported", number)
    yield from _of_fasttrackml(rows)
    for workspace in _workspaces(rows):
        yield OddityRecord("workspaces", f"workspace {workspace!r:.100}", "what is in it is imported beside all else")


def _read_elsewhere(rows: DatabaseRows) -> int:
    """How often runs of one more experiment read a dataset: MLflow looks for its name and digest in all experiments,
    and keeps one row, in the one whose run was the first to read it. Here each experiment has its own."""
    if not {"inputs", "runs"} <= rows.columns.keys():
        return 0
    inputs, runs, datasets = rows.table("inputs"), rows.table("runs"), rows.table("datasets")
    experiments = func.count(runs.c.experiment_id.distinct())
    counted = (
        select(experiments)
        .select_from(inputs.join(runs, inputs.c.destination_id == runs.c.run_uuid))
        .where(inputs.c.source_type == "DATASET", inputs.c.source_id.in_(select(datasets.c.dataset_uuid)))
        .group_by(inputs.c.source_id)
        .having(experiments > 1)
    )
    return sum(number - 1 for (number,) in rows.run(counted))


def _stray_tags(rows: DatabaseRows) -> Records:
    """Tags of inputs that are no dataset's, or whose input or dataset has no table."""
    if "input_tags" not in rows.columns:
        return
    if "inputs" in rows.columns and "datasets" in rows.columns:
        inputs, tags = rows.table("inputs"), rows.table("input_tags")
        those = select(inputs.c.input_uuid).where(inputs.c.source_type == "DATASET", inputs.c.input_uuid.is_not(None))
        without = or_(tags.c.input_uuid.is_(None), tags.c.input_uuid.not_in(those))
        strays = sum(number for (number,) in rows.run(select(func.count()).select_from(tags).where(without)))
    else:
        strays = rows.count("input_tags")
    if strays:
        yield OddityRecord("tags of dataset inputs", "table input_tags", "of no input that is there", strays)


def _other_links(rows: DatabaseRows) -> Records:
    """Links of kinds that are not imported."""
    if ASSOCIATIONS not in rows.columns:
        return
    associations = rows.table(ASSOCIATIONS)
    types = associations.c.source_type, associations.c.destination_type
    for of, to, number in rows.run(select(*types, func.count()).group_by(*types)):
        if (of, to) not in _LINKS:
            what = f"left: links of {of!r:.40} with {to!r:.40} are not imported"
            yield OddityRecord("links between things", f"table {ASSOCIATIONS}", what, number)


def _of_fasttrackml(rows: DatabaseRows) -> Records:
    """What FastTrackML's databases have more than MLflow's, and that has no place here."""
    for table, column_name, kind in (
        ("metrics", "context", "metric points"),
        ("metrics", "context_id", "metric points"),
        ("experiments", "namespace_id", "experiments"),
    ):
        if rows.has(table, column_name):
            of = rows.table(table).c[column_name]
            values = [value for (value,) in rows.run(select(of).distinct()) if value not in (None, "", "{}")]
            if len(values) > (column_name != "context"):
                what = f"not kept; {kind} of all {len(values)} are together"
                yield OddityRecord(kind, f"table {table}, column {column_name}", what)


def _workspaces(rows: DatabaseRows) -> list[str]:
    found: set[str] = set()
    for table in ("experiments", "registered_models"):
        if rows.has(table, "workspace"):
            found.update(str(one) for (one,) in rows.run(select(rows.table(table).c.workspace).distinct()))
    return sorted(found - {DEFAULT_WORKSPACE, "None"})
