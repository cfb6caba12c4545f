"""An issue as MLflow answers it."""

from typing import Final

from schemas.documents.shape import Digits, Document, Integer, Json, Nested, Object, Optional, Source, Text

ISSUE: Final = Document(
    Source("issues", "i"),
    Object(
        Text("issue_id"),
        Digits("experiment_id"),
        Text("name"),
        Text("description"),
        Text("status"),
        Optional(Text("severity")),
        Optional(Json("root_causes")),
        Optional(Text("source_run_id")),
        Integer("created_timestamp", "created_timestamp_ms"),
        Integer("last_updated_timestamp", "last_updated_timestamp_ms"),
        Optional(Text("created_by")),
        Optional(Json("categories")),
    ),
)

ISSUE_ANSWER: Final = Object(Nested("issue", ISSUE.shape))
"""The answer to requests that create or change it."""
