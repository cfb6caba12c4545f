"""What commands ask the read model about a run itself."""

from typing import Final

from ingest.admission.known_entities import EntityKind
from ingest.admission.lookups import Lookup, Row
from ingest.runs.state import KnownRun, RunInfo
from schemas.documents.runs import LIFECYCLE_STAGE
from schemas.errors import ResourceDoesNotExist
from schemas.mlflow import ACTIVE


def _run(row: Row) -> KnownRun:
    return KnownRun(row[0], row[1], row[2] == ACTIVE, row[3], row[4])


def _not_found(run_id: str) -> ResourceDoesNotExist:
    return ResourceDoesNotExist(f"Run with id={run_id} not found")


def _run_info(row: Row) -> RunInfo:
    return RunInfo(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8] == ACTIVE)


RUNS: Final = EntityKind(
    lookup=Lookup(
        "SELECT run_id, experiment_id, lifecycle_stage, lifecycle_us, experiment_revision FROM runs WHERE run_id = $1",
        _run,
    ),
    not_found=_not_found,
)
"""Known by their ids, each with its own lifecycle."""

RUN_INFO: Final = Lookup(
    f"""
SELECT r.run_id, r.experiment_id, r.name, r.user_id, r.status, r.start_time_ms, r.end_time_ms, r.artifact_uri,
  {LIFECYCLE_STAGE}
FROM runs r LEFT JOIN experiments e ON e.experiment_id = r.experiment_id WHERE r.run_id = $1
""",
    _run_info,
)
"""With its effective lifecycle stage."""
