"""Datasets as MLflow answers them: as inputs of a run, and in the search of datasets."""

from typing import Final

from schemas.documents.shape import Digits, Json, List, Nested, Object, Optional, Rows, Text

DATASET_INPUT: Final = Object(
    Optional(Json("tags"), empty="[]"),
    Nested(
        "dataset",
        Object(
            Text("name"),
            Text("digest"),
            Text("source_type"),
            Text("source"),
            Optional(Text("schema"), empty=""),
            Optional(Text("profile"), empty=""),
        ),
    ),
)

DATASETS_FOUND: Final = Object(
    List(
        "dataset_summaries",
        Rows("dataset_inputs", owner="experiment_id"),
        Object(Digits("experiment_id"), Text("name"), Text("digest"), Optional(Text("context"), empty="")),
    )
)
"""The answer to a search: each dataset once for each context."""
