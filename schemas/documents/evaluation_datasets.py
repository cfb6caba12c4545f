"""An evaluation dataset and its records as MLflow answers them: tags, schema and profile are JSON in a text."""

from typing import Final

from schemas.documents.shape import Document, Integer, Json, List, Nested, Object, Optional, Rows, Source, Text

EVALUATION_DATASETS: Final = Source("evaluation_datasets", "d")

_MEMBERS: Final = (
    Text("dataset_id"),
    Text("name"),
    Text("tags"),
    Optional(Text("schema")),
    Optional(Text("profile")),
    Text("digest"),
    Integer("created_time", "created_time_ms"),
    Integer("last_update_time", "last_update_time_ms"),
    Optional(Text("created_by")),
    Optional(Text("last_updated_by")),
)

EVALUATION_DATASET: Final = Document(EVALUATION_DATASETS, Object(*_MEMBERS))

EVALUATION_DATASET_CHANGED: Final = Object(
    Nested(
        "dataset",
        Object(
            *_MEMBERS,
            List(
                "experiment_ids",
                Rows("evaluation_dataset_experiments", owner="dataset_id"),
                Text("experiment_id"),
            ),
        ),
    )
)
"""The answer to requests that create a dataset or change its experiments. Reads do not name these."""

DATASET_RECORD: Final = Document(
    Source("evaluation_dataset_records", "r"),
    Object(
        Text("dataset_record_id", "record_id"),
        Text("dataset_id"),
        Json("inputs"),
        Optional(Json("expectations")),
        Json("tags"),
        Optional(Json("source")),
        Optional(Text("source_id")),
        Optional(Text("source_type")),
        Integer("created_time", "created_time_ms"),
        Integer("last_update_time", "last_update_time_ms"),
        Optional(Text("created_by")),
        Optional(Text("last_updated_by")),
        Optional(Json("outputs")),
    ),
)
