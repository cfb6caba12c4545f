"""The columns of issues, label schemas and review items in a database of MLflow, as they are read and written."""

from typing import Final

ISSUE_COLUMNS: Final = (
    "issue_id",
    "experiment_id",
    "name",
    "description",
    "status",
    "severity",
    "root_causes",
    "categories",
    "source_run_id",
    "created_by",
    "created_timestamp",
    "last_updated_timestamp",
)

LABEL_SCHEMA_COLUMNS: Final = (
    "schema_id",
    "experiment_id",
    "name",
    "type",
    "input_type",
    "input_config",
    "instruction",
    "enable_comment",
    "is_default",
    "created_time",
    "last_update_time",
)

REVIEW_ITEM_COLUMNS: Final = (
    "queue_id",
    "item_id",
    "item_type",
    "status",
    "completed_by",
    "completed_time_ms",
    "creation_time_ms",
    "last_update_time_ms",
)
