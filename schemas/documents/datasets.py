"""Datasets as MLflow answers them: as inputs of a run."""

from typing import Final

from schemas.documents.shape import Json, Nested, Object, Optional, Text

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
