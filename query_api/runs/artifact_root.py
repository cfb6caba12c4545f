"""Where the artifacts of a run lie."""

from typing import Final

from query_api.artifact_roots import ArtifactRoot
from schemas.events.runs import RUNS

RUN_ARTIFACTS: Final = ArtifactRoot(
    "SELECT artifact_uri FROM runs WHERE run_id = $1", RUNS.ordering_unit, "Run with id={} not found.".format
)
