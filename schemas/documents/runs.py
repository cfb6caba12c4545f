"""A run as MLflow answers it."""

from typing import Final

from schemas.documents.datasets import DATASET_INPUT
from schemas.documents.experiments import EXPERIMENTS
from schemas.documents.key_values import KEY_VALUE
from schemas.documents.shape import (
    Computed,
    Digits,
    Document,
    Integer,
    Json,
    List,
    Nested,
    Object,
    Optional,
    Rows,
    Source,
    Text,
    Word,
)

RUNS: Final = Source("runs", "r", joined=EXPERIMENTS)
"""An experiment is missing only while the projection of its own partition is behind."""

LIFECYCLE_STAGE: Final = (
    "CASE WHEN coalesce(r.experiment_revision < e.lifecycle_revision, r.lifecycle_us <= e.lifecycle_us)"
    " THEN e.lifecycle_stage ELSE r.lifecycle_stage END"
)
"""Of RUNS, in the SQL of every database: a run's own stage, unless its experiment's changed after what the writer of
the run's last change had seen; where that was not noted, unless its experiment's changed later or at the same time.

`ingest.runs.state.is_active` says the same of values; a test holds the two together.
"""

_METRIC: Final = Object(Text("key"), Json("value", "value_json"), Integer("timestamp", "timestamp_ms"), Integer("step"))

RUN_INFO: Final = Object(
    Text("run_uuid", "run_id"),
    Digits("experiment_id"),
    Text("run_name", "name"),
    Text("user_id"),
    Word("status"),
    Integer("start_time", "start_time_ms"),
    Optional(Integer("end_time", "end_time_ms")),
    Text("artifact_uri"),
    Computed("lifecycle_stage", LIFECYCLE_STAGE),
    Text("run_id"),
)

_TAGS: Final = List("tags", Rows("tags", owner="run_number"), KEY_VALUE)

_DATA: Final = Object(
    List("metrics", Rows("latest_metrics", owner="run_number"), _METRIC),
    List("params", Rows("params", owner="run_number"), KEY_VALUE),
    _TAGS,
)

_DATASET_INPUTS: Final = List(
    "dataset_inputs", Rows("dataset_inputs", owner="run_number", joined="datasets"), DATASET_INPUT
)

_MODEL_INPUTS: Final = List("model_inputs", Rows("model_inputs", owner="run_number"), Object(Text("model_id")))

_OUTPUTS: Final = Object(
    List("model_outputs", Rows("model_outputs", owner="run_number"), Object(Text("model_id"), Integer("step")))
)

RUN: Final = Document(
    RUNS,
    Object(
        Nested("info", RUN_INFO),
        Nested("data", _DATA),
        Nested("inputs", Object(_DATASET_INPUTS, _MODEL_INPUTS)),
        Nested("outputs", _OUTPUTS),
    ),
)

RUN_IN_SEARCH: Final = Document(
    RUNS,
    Object(
        Nested("info", RUN_INFO),
        Nested("data", _DATA),
        Nested("inputs", Object(_DATASET_INPUTS)),
        Nested("outputs", _OUTPUTS),
    ),
)
"""MLflow's search of runs leaves the model inputs out."""

RUN_CREATED: Final = Object(
    Nested(
        "run",
        Object(Nested("info", RUN_INFO, values="info"), Nested("data", Object(_TAGS)), Nested("inputs", Object())),
    )
)
"""The answer to the request that created it, from its `info` and its `tags`."""

RUN_UPDATED: Final = Object(Nested("run_info", RUN_INFO))
"""The answer to a request that changed it."""
