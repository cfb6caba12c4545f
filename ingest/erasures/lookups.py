"""What is deleted, and what holds it back: what erasing asks the read model."""

from collections.abc import Callable
from typing import Final, NamedTuple

from ingest.admission.lookups import Lookup, Row
from schemas.documents.runs import LIFECYCLE_STAGE
from schemas.envelope import Position
from schemas.mlflow import DEFAULT_EXPERIMENT_ID

MOST: Final = 500
"""Things of one plan: what is more is in the next one."""


class Candidate(NamedTuple):
    """Something that may be erased. `key` is its id; `deleted_us` is when it was deleted, None of what is active."""

    kind: str
    key: str
    experiment_id: int
    name: str
    artifact_uri: str
    deleted_us: int | None

    @property
    def stream(self) -> str:
        return f"{self.kind}/{self.key}"


class Registered(NamedTuple):
    """A version of a registered model, and where its files are from."""

    name: str
    version: int
    run_id: str
    logged_model_id: str
    source: str
    storage_location: str


RUN: Final = "run"
LOGGED_MODEL: Final = "logged-model"
EXPERIMENT: Final = "experiment"
TRACE: Final = "trace"


def _candidate(kind: str) -> Callable[[Row], Candidate]:
    def of_row(row: Row) -> Candidate:
        key, experiment_id, name, artifact_uri, is_deleted, deleted_us = row
        return Candidate(kind, str(key), experiment_id, name, artifact_uri, deleted_us if is_deleted else None)

    return of_row


_DELETED_RUN: Final = f"(e.experiment_id IS NULL OR {LIFECYCLE_STAGE} = 'deleted')"
_DELETED_US_OF_RUN: Final = "CASE WHEN r.lifecycle_stage = 'deleted' THEN r.lifecycle_us ELSE e.lifecycle_us END"
_RUNS: Final = f"""
SELECT r.run_id, r.experiment_id, r.name, r.artifact_uri, CASE WHEN {_DELETED_RUN} THEN 1 ELSE 0 END,
  coalesce({_DELETED_US_OF_RUN}, 0)
FROM runs r LEFT JOIN experiments e ON e.experiment_id = r.experiment_id
"""
_OF_RUN: Final = _candidate(RUN)

RUN_NAMED: Final = Lookup(f"{_RUNS} WHERE r.run_id = $1", _OF_RUN)
RUNS_OF_EXPERIMENT: Final = Lookup(
    f"{_RUNS} WHERE r.experiment_id = $1 ORDER BY r.start_time_ms DESC, r.run_id LIMIT {MOST}", _OF_RUN
)
DELETED_RUNS: Final = Lookup(
    f"{_RUNS} WHERE {_DELETED_RUN} AND coalesce({_DELETED_US_OF_RUN}, 0) <= $1 AND NOT (r.run_id = ANY($2))"
    f" ORDER BY r.run_id LIMIT {MOST}",
    _OF_RUN,
)
"""Deleted until then, without those of some ids."""

_DELETED_MODEL: Final = "(m.lifecycle_stage = 'deleted' OR e.experiment_id IS NULL OR e.lifecycle_stage = 'deleted')"
_DELETED_US_OF_MODEL: Final = (
    "CASE WHEN m.lifecycle_stage = 'deleted' THEN m.last_updated_timestamp_ms * 1000 ELSE e.lifecycle_us END"
)
_MODELS: Final = f"""
SELECT m.model_id, m.experiment_id, m.name, m.artifact_location, CASE WHEN {_DELETED_MODEL} THEN 1 ELSE 0 END,
  coalesce({_DELETED_US_OF_MODEL}, 0)
FROM logged_models m LEFT JOIN experiments e ON e.experiment_id = m.experiment_id
"""
_OF_MODEL: Final = _candidate(LOGGED_MODEL)

MODEL_NAMED: Final = Lookup(f"{_MODELS} WHERE m.model_id = $1", _OF_MODEL)
MODELS_OF_EXPERIMENT: Final = Lookup(
    f"{_MODELS} WHERE m.experiment_id = $1 ORDER BY m.model_id LIMIT {MOST}", _OF_MODEL
)
DELETED_MODELS: Final = Lookup(
    f"{_MODELS} WHERE {_DELETED_MODEL} AND coalesce({_DELETED_US_OF_MODEL}, 0) <= $1 AND NOT (m.model_id = ANY($2))"
    f" ORDER BY m.model_id LIMIT {MOST}",
    _OF_MODEL,
)

_EXPERIMENTS: Final = """
SELECT e.experiment_id, e.experiment_id, e.name, e.artifact_location,
  CASE WHEN e.lifecycle_stage = 'deleted' THEN 1 ELSE 0 END, e.lifecycle_us
FROM experiments e
"""
_OF_EXPERIMENT: Final = _candidate(EXPERIMENT)

EXPERIMENT_WITH_ID: Final = Lookup(f"{_EXPERIMENTS} WHERE e.experiment_id = $1", _OF_EXPERIMENT)
DELETED_EXPERIMENTS: Final = Lookup(
    f"{_EXPERIMENTS} WHERE e.lifecycle_stage = 'deleted' AND e.lifecycle_us <= $1"
    f" AND e.experiment_id <> {DEFAULT_EXPERIMENT_ID} AND NOT (CAST(e.experiment_id AS text) = ANY($2))"
    f" ORDER BY e.experiment_id LIMIT {MOST}",
    _OF_EXPERIMENT,
)

TRACES_OF_EXPERIMENT: Final = Lookup(
    "SELECT t.trace_id, t.experiment_id, coalesce(t.name, ''), '', 1, e.lifecycle_us"
    " FROM traces t JOIN experiments e ON e.experiment_id = t.experiment_id WHERE t.experiment_id = $1"
    f" ORDER BY t.request_time_ms DESC, t.trace_id LIMIT {MOST}",
    _candidate(TRACE),
)
"""Each as if it had been deleted with its experiment. They are found by no name: deleting one erases it."""

REGISTERED: Final = Lookup(
    "SELECT name, version, run_id, logged_model_id, source, storage_location FROM model_versions"
    " WHERE run_id = ANY($1) OR logged_model_id = ANY($2) ORDER BY name, version",
    lambda row: Registered(*row),
)
"""The versions that are of some runs, or of some logged models."""

BELONGINGS: Final = Lookup(
    f"""
SELECT 'scorer/' || reference FROM scorers WHERE experiment_id = $1
UNION SELECT 'issue/' || issue_id FROM issues WHERE experiment_id = $1
UNION SELECT 'label-schema/' || schema_id FROM label_schemas WHERE experiment_id = $1
UNION SELECT 'review-queue/' || queue_id FROM review_queues WHERE experiment_id = $1
UNION SELECT 'evaluation-dataset/' || d.dataset_id FROM evaluation_dataset_experiments d
  WHERE d.experiment_id = $1 AND NOT EXISTS (
    SELECT 1 FROM evaluation_dataset_experiments o JOIN experiments e ON e.experiment_id = o.experiment_id
    WHERE o.dataset_id = d.dataset_id AND o.experiment_id <> $1
  )
UNION SELECT s.stream FROM deleted_streams s
  WHERE s.experiment_id = $1 AND NOT EXISTS (
    SELECT 1 FROM deleted_streams o JOIN experiments e ON e.experiment_id = o.experiment_id
    WHERE o.stream = s.stream AND o.experiment_id <> $1
  ) AND NOT EXISTS (
    SELECT 1 FROM evaluation_dataset_experiments o JOIN experiments e ON e.experiment_id = o.experiment_id
    WHERE s.stream = 'evaluation-dataset/' || o.dataset_id AND o.experiment_id <> $1
  )
ORDER BY 1 LIMIT {MOST}
""",
    lambda row: str(row[0]),
)
"""The streams of what belongs to an experiment alone, beside its runs, logged models and traces, and of what did until
it was deleted."""

REFUSED_BELONGINGS: Final = Lookup(
    """
SELECT r.partition, r."offset" FROM refusals r
WHERE r.error_code = $1 AND (
    r.stream >= 'label-schema/' AND r.stream < 'label-schema0'
    AND NOT EXISTS (SELECT 1 FROM label_schemas s WHERE r.stream = 'label-schema/' || s.schema_id)
  OR r.stream >= 'review-queue/' AND r.stream < 'review-queue0'
    AND NOT EXISTS (SELECT 1 FROM review_queues q WHERE r.stream = 'review-queue/' || q.queue_id)
) AND NOT EXISTS (SELECT 1 FROM deleted_streams d WHERE d.stream = r.stream)
ORDER BY r.partition, r."offset"
""",
    lambda row: Position(*row),
)
"""Where those are of them that never were, because another one of their experiment had the name."""

REFUSED_FOR_NAMES: Final = Lookup(
    'SELECT "offset" FROM refusals WHERE partition = $1 AND error_code = $2 AND stream >= $3 AND stream < $4'
    ' ORDER BY "offset"',
    lambda row: int(row[0]),
)
"""The offsets of refused events of streams from one name up to another."""
