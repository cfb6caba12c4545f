"""Copying artifacts: where they come, what is skipped, what is left and told of."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from artifact_proxy.artifact_path import ROOT, ArtifactPath, folder_path
from artifact_proxy.artifact_roots import Place
from artifact_proxy.stores.blob_store import BlobInfo
from artifact_proxy.stores.local.blob_store import LocalBlobStore
from event_log.sqlite.event_log import SqliteEventLogReader
from schemas import codec
from schemas.envelope import PARTITION
from schemas.events import AnyEvent, ExperimentCreated, LoggedModelCreated, ModelVersionCreated, RunCreated
from tests.unit.tracklog.moving.imports import counts, state_of
from tracklog.cli.commands import tracklog
from tracklog.moving.artifact_copying import ArtifactCopying, Folder
from tracklog.moving.report import Report

RUN: Final = "0" * 31 + "a"
MODEL: Final = "m-" + "0" * 31 + "b"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A file store that was moved here from a machine on which it was in /home/ann."""
    root = tmp_path / "moved" / "mlruns"
    write(root / "7" / "meta.yaml", "experiment_id: '7'\nname: iris\nartifact_location: file:///home/ann/mlruns/7\n")
    run(root / "7" / RUN, f"/home/ann/mlruns/7/{RUN}/artifacts")
    write(root / "7" / RUN / "artifacts" / "model" / "MLmodel", "flavors: {}")
    write(root / "7" / RUN / "artifacts" / "big.bin", "x" * 1_000_000)
    model = root / "7" / "models" / MODEL
    write(model / "meta.yaml", f"model_id: {MODEL}\nartifact_location: /home/ann/mlruns/7/models/{MODEL}/artifacts\n")
    write(model / "artifacts" / "weights", "w")
    versions = root / "models" / "registered"
    write(versions / "meta.yaml", "name: registered\n")
    write(versions / "version-1" / "meta.yaml", f"source: /home/ann/mlruns/7/{RUN}/artifacts/model\nrun_id: {RUN}\n")
    return root


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def run(folder: Path, location: str) -> None:
    write(folder / "meta.yaml", f"run_id: {folder.name}\nartifact_uri: {location}\nstatus: 3\nstart_time: 5000\n")


def imported(store: Path, tmp_path: Path, *options: str) -> dict[str, Any]:
    """The report of an import that copies to the folder `artifacts`."""
    log, report = f"sqlite:///{tmp_path / 'log.db'}", tmp_path / "report.json"
    arguments = ["import", str(store), "--event-log", log, "--report", str(report), "--copy-artifacts"]
    done = CliRunner().invoke(tracklog, [*arguments, "--artifacts-destination", str(tmp_path / "artifacts"), *options])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(report.read_text())
    return found


def events(tmp_path: Path) -> list[AnyEvent]:
    async def read() -> list[AnyEvent]:
        log = SqliteEventLogReader(tmp_path / "log.db")
        found = [codec.decode(event) for event in await log.read(PARTITION, 0, limit=1000)]
        await log.close()
        return found

    return asyncio.run(read())


def files_in(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_what_lies_beside_the_store_comes_behind_the_proxy(store: Path, tmp_path: Path) -> None:
    before = state_of(store)
    report = imported(store, tmp_path)
    assert report["complete"], report
    assert report["counts"]["artifact files"] == {"source": 3, "imported": 3, "new": 3, "left": 0, "unexplained": 0}
    assert report["counts"]["bytes of artifacts"]["new"] == 1_000_012
    assert files_in(tmp_path / "artifacts") == {
        f"7/{RUN}/artifacts/model/MLmodel": "flavors: {}",
        f"7/{RUN}/artifacts/big.bin": "x" * 1_000_000,
        f"7/models/{MODEL}/artifacts/weights": "w",
    }
    locations: list[str] = []
    for event in events(tmp_path):
        match event:
            case ExperimentCreated(experiment_id=7, artifact_location=found):
                locations.append(found)
            case RunCreated(artifact_uri=found) | LoggedModelCreated(artifact_location=found):
                locations.append(found)
            case ModelVersionCreated(source=source, storage_location=found):
                locations += [source, found]
            case _:
                pass
    of_run = f"mlflow-artifacts:/7/{RUN}/artifacts"
    of_model = f"mlflow-artifacts:/7/models/{MODEL}/artifacts"
    assert locations == ["mlflow-artifacts:/7", of_run, of_model, f"{of_run}/model", f"{of_run}/model"]
    assert state_of(store) == before


def test_what_is_there_is_not_copied_again_and_what_is_another_file_stays(store: Path, tmp_path: Path) -> None:
    imported(store, tmp_path)
    copied = tmp_path / "artifacts" / "7" / RUN / "artifacts"
    (copied / "big.bin").unlink()
    (copied / "model" / "MLmodel").write_text("somebody's own")
    report = imported(store, tmp_path)
    assert report["counts"]["artifact files"] == {"source": 3, "imported": 2, "new": 1, "left": 1, "unexplained": 0}
    assert (copied / "model" / "MLmodel").read_text() == "somebody's own"
    assert "another file, of 14 bytes, is there already" in str(report["oddities"])


def test_a_dry_run_counts_and_copies_nothing(store: Path, tmp_path: Path) -> None:
    report = imported(store, tmp_path, "--dry-run")
    assert report["counts"]["artifact files"]["new"] == 3
    assert not (tmp_path / "artifacts").exists()


def test_places_that_nobody_named_are_not_read(store: Path, tmp_path: Path) -> None:
    secret = tmp_path / "etc"
    write(secret / "shadow", "root:x")
    run(store / "7" / ("0" * 31 + "e"), str(secret))
    (store / "7" / RUN / "artifacts" / "link").symlink_to(secret / "shadow")
    report = imported(store, tmp_path)
    assert report["counts"]["artifact files"] == {"source": 4, "imported": 3, "new": 3, "left": 1, "unexplained": 0}
    told = {oddity["what"] for oddity in report["oddities"]}
    assert f"not copied: {str(secret)!r} is in no place that was named to copy from" in told
    assert "left: 'link' is a link or has a name that no artifact can have" in told

    named = imported(
        store, tmp_path, "--map-root", f"{secret}={secret}", "--event-log", f"sqlite:///{tmp_path / 'b.db'}"
    )
    assert named["counts"]["artifact files"]["new"] == 1


class FailingStore(LocalBlobStore):
    """Loses the last byte of what it keeps, and says nothing."""

    async def put(self, path: ArtifactPath, content: AsyncIterator[bytes], size: int | None = None) -> BlobInfo:
        whole = b"".join([chunk async for chunk in content])
        return await super().put(path, one_chunk(whole[:-1]))


async def one_chunk(chunk: bytes) -> AsyncIterator[bytes]:
    yield chunk


async def test_a_copy_that_is_not_what_was_read_is_removed_and_told_of(tmp_path: Path) -> None:
    write(tmp_path / "from" / "weights", "weights")
    source, destination = LocalBlobStore(tmp_path / "from"), FailingStore(tmp_path / "to")
    report = Report("source", "target", dry_run=False)
    copying = ArtifactCopying(destination=destination, report=report, show=lambda *_: None)
    await copying.run([Folder(Place(source, ROOT), folder_path("7"))])
    for store in (source, destination):
        await store.close()
    assert counts(report) == {"artifact files": (1, 0, 1), "bytes of artifacts": (7, 0, 7)}
    assert "the copy is not what was read" in str(report.oddities)
    assert files_in(tmp_path / "to") == {}


def test_what_lay_behind_the_old_proxy_comes_to_the_same_path(store: Path, tmp_path: Path) -> None:
    run(store / "7" / ("0" * 31 + "c"), "mlflow-artifacts://old.example.com:5000/7/c%20d/artifacts")
    write(tmp_path / "mlartifacts" / "7" / "c d" / "artifacts" / "plot.svg", "<svg/>")
    report = imported(store, tmp_path, "--artifacts-root", str(tmp_path / "mlartifacts"))
    assert report["counts"]["artifact files"]["new"] == 4
    assert (tmp_path / "artifacts" / "7" / "c d" / "artifacts" / "plot.svg").read_text() == "<svg/>"
    assert "mlflow-artifacts:/7/c%20d/artifacts" in [getattr(event, "artifact_uri", "") for event in events(tmp_path)]
