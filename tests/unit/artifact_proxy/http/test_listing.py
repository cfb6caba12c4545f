"""A list of artifacts that is part of another answer, and held whole."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from artifact_proxy.artifact_roots import ArtifactRoots
from artifact_proxy.changes import ArtifactChanges
from artifact_proxy.http import listing
from artifact_proxy.http.listing import list_whole
from artifact_proxy.service import ArtifactProxy
from artifact_proxy.stores.local.blob_store import LocalBlobStore
from event_log.memory_event_log import MemoryEventLog
from schemas.envelope import EventClock
from schemas.errors import InvalidParameterValue, ResourceDoesNotExist
from schemas.messages.artifacts import ListArtifacts


async def root_of(run_id: str) -> str:
    if run_id != "r":
        raise ResourceDoesNotExist(run_id)
    return "mlflow-artifacts:/1/r/artifacts"


@asynccontextmanager
async def passing(folder: Path) -> AsyncIterator[ArtifactProxy]:
    store = LocalBlobStore(folder)
    await store.start()
    changes = ArtifactChanges(MemoryEventLog(), EventClock())
    roots = ArtifactRoots(store)
    yield ArtifactProxy(
        roots, changes, artifact_root_of_run=root_of, artifact_root_of_model=root_of, files_of_version=root_of
    )
    await store.close()


async def test_a_folder_is_listed_as_by_its_route(tmp_path: Path) -> None:
    (tmp_path / "1/r/artifacts/a/b").mkdir(parents=True)
    (tmp_path / "1/r/artifacts/a/c.txt").write_text("abc")
    async with passing(tmp_path) as proxy:
        for path, files in (
            ("", [{"path": "a", "is_dir": True}]),
            ("a", [{"path": "a/b", "is_dir": True}, {"path": "a/c.txt", "is_dir": False, "file_size": 3}]),
            ("nothing", []),
        ):
            listed = json.loads(await list_whole(proxy, ListArtifacts(run_id="r", path=path)))
            assert listed == {"root_uri": "mlflow-artifacts:/1/r/artifacts", "files": files}
        with pytest.raises(ResourceDoesNotExist):
            await list_whole(proxy, ListArtifacts(run_id="nobody"))
        with pytest.raises(InvalidParameterValue):
            await list_whole(proxy, ListArtifacts(run_id="r", path="../x"))


async def test_a_list_that_is_held_whole_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST_ENTRIES", 5)
    (tmp_path / "1/r/artifacts").mkdir(parents=True)
    async with passing(tmp_path) as proxy:
        for count in range(1, 7):
            (tmp_path / "1/r/artifacts" / str(count)).touch()
            if count <= 5:
                assert len(json.loads(await list_whole(proxy, ListArtifacts(run_id="r")))["files"]) == count
        with pytest.raises(InvalidParameterValue, match="more than 5 entries"):
            await list_whole(proxy, ListArtifacts(run_id="r"))
