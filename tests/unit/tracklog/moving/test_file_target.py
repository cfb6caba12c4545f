"""What a store of files cannot hold is told of, and the rest is there."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from schemas.events import ModelMetric, Param, Tag
from tracklog.moving.export_report import ExportReport
from tracklog.moving.file_target import FileTarget
from tracklog.moving.records import (
    ExperimentRecord,
    LoggedModelRecord,
    OddityRecord,
    Record,
    RegisteredRecord,
    RunRecord,
    SizeRecord,
    VersionRecord,
)
from tracklog.moving.roots import Roots

EXPERIMENT: Final = ExperimentRecord(
    where="", key="7", experiment_id="7", name="train", artifact_location="s3://b/7", creation_time_ms=1
)
RUN: Final = RunRecord(
    where="run r", run_id="r" * 32, experiment_key="7", name="first", user_id="u", status="FINISHED",
    start_time_ms=1, end_time_ms=2, artifact_uri="s3://b/7/r",
)  # fmt: skip
MODEL: Final = LoggedModelRecord(
    where="model m-1", model_id="m-1", experiment_key="7", name="m", artifact_location="s3://b/7/m", model_type="",
    source_run_id="", status=2, creation_time_ms=1, last_update_time_ms=1,
)  # fmt: skip
VERSION: Final = VersionRecord(
    where="", version=1, source="s", storage_location="s", run_id="", run_link="", model_id="", description="",
    stage="None", creation_time_ms=1, last_update_time_ms=1, tags=[Tag("t", "v")],
)  # fmt: skip
REGISTERED: Final = RegisteredRecord(
    where="registered m", name="m", description="", creation_time_ms=1, last_update_time_ms=1,
)  # fmt: skip


def written(folder: Path, *records: Record) -> ExportReport:
    report = ExportReport("", "", dry_run=False)
    all_of_them: Sequence[Record] = [EXPERIMENT, *records]
    FileTarget(folder / "mlruns", Roots((), None)).write(iter(all_of_them), report)
    return report


def told(report: ExportReport) -> set[tuple[str, str]]:
    return {(kind, what) for kind, _, what in report.oddities}


def test_a_status_that_mlflow_has_no_number_for_becomes_failed(tmp_path: Path) -> None:
    report = written(tmp_path, SizeRecord("runs", 1), replace(RUN, status="ODD"))
    assert told(report) == {("runs", "its status 'ODD' has no place there: FAILED")}
    assert "status: 4\n" in (tmp_path / "mlruns" / "7" / RUN.run_id / "meta.yaml").read_text()
    assert report.tally("runs").imported == 1


def test_a_key_that_no_file_can_have_is_told_of(tmp_path: Path) -> None:
    params = [Param("../out", "1"), Param("fine", "2"), Param("fine/below", "3")]
    report = written(tmp_path, replace(RUN, params=params))
    assert [where for kind, where, _ in report.oddities if kind == "params"] == [
        "run r, '../out'",
        "run r, 'fine/below'",
    ]
    folder = tmp_path / "mlruns" / "7" / RUN.run_id / "params"
    assert [file.name for file in folder.iterdir()] == ["fine"]


def test_points_of_a_logged_model_are_lines_of_their_metric(tmp_path: Path) -> None:
    def point(key: str, dataset: str | None) -> tuple[str, ModelMetric]:
        digest = None if dataset is None else "d1"
        metric = ModelMetric(
            model_id="m-1", key=key, value=0.5, timestamp_ms=7, step=1, dataset_name=dataset, dataset_digest=digest
        )
        return "a", metric

    metrics = [point("acc", None), point("acc", "iris"), point("acc", "two words"), point("../out", None)]
    report = written(tmp_path, replace(MODEL, metrics=metrics))
    file = tmp_path / "mlruns" / "7" / "models" / "m-1" / "metrics" / "acc"
    assert file.read_text() == "7 0.5 1 a\n7 0.5 1 a iris d1\n"
    assert report.tally("points of logged models").imported == 2
    assert [where for kind, where, _ in report.oddities if kind == "points of logged models"] == [
        "model m-1, metric 'acc'",
        "model m-1, metric '../out'",
    ]


def test_a_registered_model_whose_name_is_no_folder_is_left_with_all_that_is_its(tmp_path: Path) -> None:
    deleted = replace(VERSION, version=2, deleted=True)
    model = replace(REGISTERED, name="a/b", tags=[Tag("t", "v")], aliases=[("best", 1)], versions=[VERSION, deleted])
    report = written(tmp_path, model, replace(REGISTERED, versions=[VERSION, deleted]))
    lost = set(report.oddities_of)
    assert lost == {
        "registered models", "tags of registered models", "aliases", "model versions", "tags of model versions",
    }  # fmt: skip
    folder = tmp_path / "mlruns" / "models"
    assert [one.name for one in folder.iterdir()] == ["m"]
    assert "current_stage: Deleted_Internal" in (folder / "m" / "version-2" / "meta.yaml").read_text().replace('"', "")
    assert report.tally("model versions").imported == 1


def test_what_the_log_could_not_say_is_passed_on(tmp_path: Path) -> None:
    report = written(tmp_path, OddityRecord("runs", "run x", "it was damaged", 2))
    assert (told(report), report.tally("runs").left) == ({("runs", "it was damaged")}, 2)
