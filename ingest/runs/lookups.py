"""What commands ask the read model about a run itself."""

from typing import Final

from ingest.admission.known_entities import EntityKind
from ingest.admission.lookups import Lookup, Row
from ingest.experiments.state import KnownExperiment
from ingest.runs.state import KnownRun, RunInfo, is_active
from schemas.errors import ResourceDoesNotExist


def _run(row: Row) -> KnownRun:
    return KnownRun(row[0], row[1], row[2] == "active", row[3], row[4])


def _not_found(run_id: str) -> ResourceDoesNotExist:
    return ResourceDoesNotExist(f"Run with id={run_id} not found")


def _run_info(row: Row) -> RunInfo:
    run = KnownRun(row[0], row[1], row[8] == "active", row[9], row[10])
    active = run.active
    if row[12] is not None:  # None only while the experiment's own partition is behind
        active = is_active(run, KnownExperiment(row[1], "", "", row[11] == "active", row[12], row[13]))
    return RunInfo(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], active)


RUNS: Final = EntityKind(
    lookup=Lookup(
        "SELECT run_id, experiment_id, lifecycle_stage, lifecycle_us, experiment_revision FROM runs WHERE run_id = $1",
        _run,
    ),
    not_found=_not_found,
)
"""Known by their ids, each with its own lifecycle."""

RUN_INFO: Final = Lookup(
    """
SELECT r.run_id, r.experiment_id, r.name, r.user_id, r.status, r.start_time_ms, r.end_time_ms, r.artifact_uri,
  r.lifecycle_stage, r.lifecycle_us, r.experiment_revision, e.lifecycle_stage, e.lifecycle_us, e.lifecycle_revision
FROM runs r LEFT JOIN experiments e ON e.experiment_id = r.experiment_id WHERE r.run_id = $1
""",
    _run_info,
)
"""With its effective lifecycle."""
