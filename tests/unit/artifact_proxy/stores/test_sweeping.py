"""What uploads that were killed left behind is removed, and nothing that may still be in use."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from artifact_proxy.artifact_path import ArtifactPath, file_path
from artifact_proxy.stores.blob_store import StoreUnavailable
from artifact_proxy.stores.local.blob_store import LocalBlobStore
from artifact_proxy.stores.staged_multipart import (
    ABANDONED_AFTER_S,
    TOUCHED_AFTER_S,
    NoSuchUpload,
    StagedMultipartUploads,
)
from artifact_proxy.stores.sweeping import Sweeping

DAY_S = 24 * 3600.0
PATH = file_path("run/model.bin")


class Deployment:
    """A store, the store of its parts, and processes that use both at times of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store, self.parts = LocalBlobStore(folder / "store"), LocalBlobStore(folder / "parts")
        self.now_s = time.time()

    def process(self) -> StagedMultipartUploads:
        return StagedMultipartUploads(self.store, self.parts, lambda: self.now_s)

    def all_of(self, upload_id: str, age_s: float) -> None:
        """Give all files of an upload an age."""
        for file in (self.folder / "parts" / upload_id).iterdir():
            os.utime(file, (self.now_s - age_s,) * 2)

    def uploads(self) -> set[str]:
        folder = self.folder / "parts"
        return {name for name in os.listdir(folder) if not name.startswith(".")} if folder.exists() else set()


@pytest.fixture
async def deployment(tmp_path: Path) -> AsyncIterator[Deployment]:
    deployment = Deployment(tmp_path)
    yield deployment
    await deployment.store.close()
    await deployment.parts.close()


async def one(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def test_an_abandoned_upload_is_removed_with_its_parts(deployment: Deployment) -> None:
    ours, theirs = deployment.process(), deployment.process()
    upload_id = await theirs.create(PATH)
    await theirs.put_part(PATH, upload_id, 1, one(b"1"), 1)
    await ours.sweep()
    assert deployment.uploads() == {upload_id}
    deployment.now_s += ABANDONED_AFTER_S + 1
    await ours.sweep()
    assert deployment.uploads() == set()
    with pytest.raises(NoSuchUpload):
        await theirs.put_part(PATH, upload_id, 2, one(b"2"), 1)


async def test_an_old_upload_of_another_process_whose_parts_still_come_stays(deployment: Deployment) -> None:
    ours, theirs = deployment.process(), deployment.process()
    upload_id = await theirs.create(PATH)
    deployment.now_s += ABANDONED_AFTER_S + 1
    deployment.all_of(upload_id, ABANDONED_AFTER_S + 1)
    await theirs.put_part(PATH, upload_id, 1, one(b"1"), 1)
    os.utime(deployment.folder / "parts" / upload_id / "000001", (deployment.now_s - DAY_S,) * 2)
    await ours.sweep()
    await theirs.complete(PATH, upload_id, [(1, "")])
    assert (deployment.folder / "store" / "run" / "model.bin").read_bytes() == b"1"


async def test_an_old_upload_is_not_swept_while_it_is_completed(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = deployment.process(), deployment.process()
    upload_id = await theirs.create(PATH)
    await theirs.put_part(PATH, upload_id, 1, one(b"1"), 1)
    deployment.all_of(upload_id, ABANDONED_AFTER_S + TOUCHED_AFTER_S)
    # Begun so long ago, as the id tells.
    old_id = f"{int((deployment.now_s - ABANDONED_AFTER_S - DAY_S) * 1000):012x}{upload_id[12:]}"
    (deployment.folder / "parts" / upload_id).rename(deployment.folder / "parts" / old_id)
    put = deployment.store.put

    async def swept_meanwhile(path: ArtifactPath, content: AsyncIterator[bytes], size: int | None = None) -> object:
        await ours.sweep()
        return await put(path, content, size)

    monkeypatch.setattr(deployment.store, "put", swept_meanwhile)
    await theirs.complete(PATH, old_id, [(1, "")])
    assert deployment.uploads() == set()


async def test_what_is_no_upload_is_left_alone(deployment: Deployment) -> None:
    for name in ("0001-notes", "README", "-x"):
        await deployment.parts.put(file_path(f"{name}/file"), one(b"1"))
    deployment.now_s += 2 * ABANDONED_AFTER_S
    await deployment.process().sweep()
    assert deployment.uploads() == {"0001-notes", "README", "-x"}


async def test_a_store_is_swept_at_the_start_and_again_and_again_whatever_goes_wrong() -> None:
    sweeps = 0
    enough = asyncio.Event()

    async def sweep() -> None:
        nonlocal sweeps
        sweeps += 1
        if sweeps == 4:
            enough.set()
        if sweeps % 2:
            raise StoreUnavailable("The store is away.")

    sweeping = Sweeping(sweep, every_s=0.001)
    sweeping.start()
    await sweeping.swept_once.wait()
    await enough.wait()
    await sweeping.close()


async def test_what_was_never_started_can_be_closed() -> None:
    async def sweep() -> None:
        raise AssertionError("nobody asked for it")

    await Sweeping(sweep).close()
