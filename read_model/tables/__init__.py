"""The tables of the read model: rows folded from the log, thrown away and rebuilt at will.

Only a projector writes them. `run_number` stands for a run's id inside the read model, because a small growing integer
makes every row and index of its data smaller and appends them in order; it means nothing outside.

Each aggregate declares its tables in a file of its own, which registers by being imported here: with that, `metadata`
holds them, and the databases make, check, compare and write them. A new table is also a new step of
`read_model.migrations`, and a new SCHEMA_VERSION.

Two read models are compared whole, with the ids of runs in the place of their numbers (`projector/compare.py`).
"""

from typing import Final

from read_model.tables import (
    bookkeeping,
    datasets,
    erasures,
    evaluation_datasets,
    experiments,
    issues,
    label_schemas,
    logged_models,
    metrics,
    registered_models,
    review_queues,
    rights,
    runs,
    scorers,
    traces,
    users,
    webhooks,
)
from read_model.tables.columns import INDEXED_VALUE_CHARACTERS, metadata

__all__ = [
    "INDEXED_VALUE_CHARACTERS",
    "SCHEMA_VERSION",
    "bookkeeping",
    "datasets",
    "erasures",
    "evaluation_datasets",
    "experiments",
    "issues",
    "label_schemas",
    "logged_models",
    "metadata",
    "metrics",
    "registered_models",
    "review_queues",
    "rights",
    "runs",
    "scorers",
    "traces",
    "users",
    "webhooks",
]

SCHEMA_VERSION: Final = 20
"""Raised with every change of a table or of what the fold puts in it; a read model of another version is rebuilt."""
