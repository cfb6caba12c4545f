"""What commands know of a version of a registered model."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownVersion:
    """A version as other commands need it. Whether it is there when an event is appended, the fold decides."""

    version_id: str
    name: str
    version: int
    run_id: str
    storage_location: str
    logged_model_id: str


@dataclass(frozen=True, slots=True)
class LoggedModelFiles:
    """Of a logged model that is not deleted: which run made it, and where its files are."""

    model_id: str
    source_run_id: str
    artifact_location: str
