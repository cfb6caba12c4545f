"""Where artifacts lie is answered once what was acknowledged about them is in the read model."""

from collections.abc import Iterable
from typing import Any

import pytest

from query_api.artifact_roots import ArtifactRoot, StoredArtifactRoots
from query_api.logged_models.artifact_root import LOGGED_MODEL_ARTIFACTS
from query_api.model_versions.artifact_root import MODEL_VERSION_FILES
from query_api.runs.artifact_root import RUN_ARTIFACTS
from schemas.errors import ResourceDoesNotExist
from tests.unit.query_api.sqlite_rows import SqliteRows


class Freshness:
    """A read model that holds everything; it notes what was to be in it."""

    def __init__(self) -> None:
        self.units: list[str] = []

    async def caught_up(self, units: Iterable[str]) -> None:
        self.units += units


@pytest.mark.parametrize(
    ("root", "wanted_id", "unit", "found"),
    [
        (RUN_ARTIFACTS, "r", "run/r", "s3://runs/r"),
        (LOGGED_MODEL_ARTIFACTS, "m", "logged-model/m", "s3://models/m"),
        (MODEL_VERSION_FILES, "n/3", "registered-models", "s3://versions/3"),
    ],
)
async def test_a_root_is_found_after_the_events_that_can_change_it(
    rows: SqliteRows, root: ArtifactRoot, wanted_id: str, unit: str, found: str
) -> None:
    rows.run("r", artifact_uri="s3://runs/r")
    rows.logged_model("m", artifact_location="s3://models/m")
    rows.insert(
        "model_versions",
        version_id="v",
        registered_model_id="id",
        name="n",
        version=3,
        reference="n/3",
        is_prompt=0,
        creation_timestamp_ms=0,
        last_updated_timestamp_ms=0,
        current_stage="None",
        source="models:/m",
        storage_location="s3://versions/3",
        run_id="r",
        run_link="",
        logged_model_id="m",
    )
    freshness: Any = Freshness()
    assert await StoredArtifactRoots(rows, freshness).find(root, wanted_id) == found
    assert freshness.units == [unit]


async def test_what_is_unknown_or_a_deleted_logged_model_has_no_root(rows: SqliteRows) -> None:
    rows.logged_model("m", lifecycle_stage="deleted")
    freshness: Any = Freshness()
    roots = StoredArtifactRoots(rows, freshness)
    with pytest.raises(ResourceDoesNotExist, match=r"Run with id=x not found\."):
        await roots.find(RUN_ARTIFACTS, "x")
    for model_id in ("m", "x"):
        with pytest.raises(ResourceDoesNotExist, match=f"Logged model with ID '{model_id}' not found."):
            await roots.find(LOGGED_MODEL_ARTIFACTS, model_id)
    with pytest.raises(ResourceDoesNotExist, match=r"Model Version \(name=n, version=3\) not found"):
        await roots.find(MODEL_VERSION_FILES, "n/3")
