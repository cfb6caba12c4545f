"""The file store of MLflow: its forms over the years, and what is damaged in it."""

import os
from pathlib import Path

import pytest

from event_log.memory_event_log import MemoryEventLog
from schemas.events import MetricSeries
from tests.unit.projector.read_models import projected
from tests.unit.tracklog.moving.imports import counts, imported, records_of
from tracklog.moving.file_store import TRASH, FileStore
from tracklog.moving.records import (
    ExperimentRecord,
    LoggedModelRecord,
    OddityRecord,
    PointsRecord,
    RegisteredRecord,
    RunRecord,
)
from tracklog.moving.stores import NoStore

RUN = "0123456789abcdef0123456789abcdef"


def write(path: Path, text: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A store of one experiment with one run."""
    root = tmp_path / "mlruns"
    write(root / "0" / "meta.yaml", "experiment_id: '0'\nname: Default\nlifecycle_stage: active\n")
    write(root / "0" / RUN / "meta.yaml", f"run_id: {RUN}\nexperiment_id: '0'\nstart_time: 5\nstatus: 3\n")
    return root


def points_in(root: Path) -> list[MetricSeries]:
    return [
        series
        for record in records_of(FileStore(root))
        if isinstance(record, PointsRecord)
        for series in record.metrics
    ]


def oddities_in(root: Path) -> list[OddityRecord]:
    return [record for record in records_of(FileStore(root)) if isinstance(record, OddityRecord)]


def test_points_are_read_in_the_order_of_their_lines(root: Path) -> None:
    write(
        root / "0" / RUN / "metrics" / "val" / "loss",
        "3 0.5 2\r\n3 0.5 2\n1 nan 1\n2 -inf -7\n4 1e-300 9007199254740993",
    )
    [series] = points_in(root)
    assert series == MetricSeries(
        "val/loss", [0.5, 0.5, "NaN", "-Infinity", 1e-300], [3, 3, 1, 2, 4], [2, 2, 1, -7, 9007199254740993]
    )


def test_points_without_a_step_are_of_step_0(root: Path) -> None:
    write(root / "0" / RUN / "metrics" / "loss", "3 0.5\n")
    assert points_in(root) == [MetricSeries("loss", [0.5], [3], [0])]


def test_the_name_of_a_dataset_may_have_blanks(root: Path) -> None:
    write(root / "0" / RUN / "metrics" / "loss", "3 0.5 1 my own data abc\n")
    assert points_in(root) == [MetricSeries("loss", [0.5], [3], [1])]
    model = root / "0" / "models" / "m-1"
    write(model / "meta.yaml", "model_id: m-1\nname: m\nstatus: 2\n")
    write(model / "metrics" / "loss", f"3 0.5 1 {RUN} my own data abc\n")
    [found] = [record for record in records_of(FileStore(root)) if isinstance(record, LoggedModelRecord)]
    [(run_id, point)] = found.metrics
    assert (run_id, point.dataset_name, point.dataset_digest) == (RUN, "my own data", "abc")


@pytest.mark.parametrize("line", ["1008", "1 2 3 4", "now 0.5 1", "1 much 1", "99999999999999999999 0.5 1"])
def test_a_line_that_is_no_point_is_left_and_told_of(root: Path, line: str) -> None:
    write(root / "0" / RUN / "metrics" / "loss", f"3 0.5 1\n{line}\n4 0.4 2\n")
    assert points_in(root) == [MetricSeries("loss", [0.5, 0.4], [3, 4], [1, 2])]
    [oddity] = [one for one in oddities_in(root) if one.lost]
    assert (oddity.kind, oddity.where, oddity.lost) == ("metric points", f"0/{RUN}/metrics/loss, line 2", 1)
    assert line in oddity.what


def test_a_blank_line_and_an_empty_file_are_told_of(root: Path) -> None:
    write(root / "0" / RUN / "metrics" / "loss", "\n")
    write(root / "0" / RUN / "metrics" / "empty", "")
    assert points_in(root) == []
    assert [(one.where, one.what, one.lost) for one in oddities_in(root)] == [
        (f"0/{RUN}/metrics/empty", "no point is in this file", 0),
        (f"0/{RUN}/metrics/loss, line 1", "a blank line", 0),
        (f"0/{RUN}/metrics/loss", "no point is in this file", 0),
    ]


def test_texts_are_kept_to_the_byte_and_what_is_no_text_is_told_of(root: Path) -> None:
    write(root / "0" / RUN / "params" / "lines", "one\r\ntwo  \n\n")
    write(root / "0" / RUN / "params" / "empty", "")
    write(root / "0" / RUN / "params" / "broken", b"caf\xe9")
    write(root / "0" / RUN / "params" / "nul", b"a\0b")
    records = records_of(FileStore(root))
    [run] = [record for record in records if isinstance(record, RunRecord)]
    assert {param.key: param.value for param in run.params} == {
        "lines": "one\r\ntwo  \n\n",
        "empty": "",
        "broken": "caf�",
        "nul": "a�b",
    }
    odd = {one.where: one.what for one in records if isinstance(one, OddityRecord)}
    assert odd[f"0/{RUN}/params/broken"].endswith("its bytes: 636166e9")
    assert odd[f"0/{RUN}/params/nul"].endswith("its bytes: 610062")


def test_a_run_and_an_experiment_that_say_nothing_of_themselves(root: Path) -> None:
    write(root / "0" / ("f" * 32) / "meta.yaml", "")
    write(root / "0" / ("f" * 32) / "params" / "a", "1")
    write(root / "7" / RUN.replace("0", "1") / "meta.yaml", "experiment_id: '7'\nstart_time: 9\n")
    records = records_of(FileStore(root))
    lost = [(one.kind, one.where, one.lost) for one in records if isinstance(one, OddityRecord) and one.lost]
    assert lost == [("runs", f"0/{'f' * 32}", 1), ("params", f"0/{'f' * 32}", 1)]
    experiments = [record for record in records if isinstance(record, ExperimentRecord)]
    assert [(one.experiment_id, one.name, one.creation_time_ms) for one in experiments] == [
        ("0", "Default", 5),
        ("7", "", 9),
    ]


def test_the_folder_decides_where_a_run_is_and_the_file_what_it_is_called(root: Path) -> None:
    write(root / "0" / "moved" / "meta.yaml", "run_uuid: abc\nexperiment_id: '5'\nstatus: 4\nname: old name\n")
    records = records_of(FileStore(root))
    run = next(one for one in records if isinstance(one, RunRecord) and one.run_id == "abc")
    assert (run.experiment_key, run.status, run.name) == ("0", "FAILED", "old name")
    said = [one.what for one in records if isinstance(one, OddityRecord)]
    assert said == ["its meta.yaml says that it is 'abc'", "its meta.yaml says that it is of the experiment '5'"]


def test_the_registry_lies_beside_the_experiments(root: Path) -> None:
    model = root / "models" / "iris"
    write(
        model / "meta.yaml",
        "name: iris\ndescription: null\ncreation_timestamp: 1\nlast_updated_timestamp: 3\naliases: []\n",
    )
    write(model / "version-2" / "meta.yaml", "version: 2\ncurrent_stage: Deleted_Internal\nsource: there\n")
    write(model / "version-10" / "meta.yaml", "version: 10\ncurrent_stage: Production\nsource: here\n")
    write(model / "version-10" / "tags" / "a", "b")
    write(model / "aliases" / "best", "10")
    [found] = [record for record in records_of(FileStore(root)) if isinstance(record, RegisteredRecord)]
    assert (found.name, found.description, found.aliases) == ("iris", "", [("best", 10)])
    assert [(one.version, one.stage, one.deleted) for one in found.versions] == [
        (2, "Deleted_Internal", True),
        (10, "Production", False),
    ]


def test_a_folder_without_experiments_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(NoStore, match="holds no experiment of MLflow"):
        records_of(FileStore(tmp_path))


def test_blanks_around_a_point_are_passed_by_as_mlflow_does(root: Path) -> None:
    write(root / "0" / RUN / "metrics" / "loss", " 3 0.5 1 \n")
    assert points_in(root) == [MetricSeries("loss", [0.5], [3], [1])]


def test_a_store_of_nothing_but_runs_or_a_registry_is_one(root: Path, tmp_path: Path) -> None:
    (root / "0" / "meta.yaml").unlink()
    assert [one.name for one in records_of(FileStore(root)) if isinstance(one, ExperimentRecord)] == [""]
    write(tmp_path / "other" / "models" / "iris" / "meta.yaml", "name: iris\n")
    assert any(isinstance(one, RegisteredRecord) for one in records_of(FileStore(tmp_path / "other")))


def test_what_is_no_file_and_what_cannot_be_read_is_told_of(root: Path) -> None:
    run = root / "0" / RUN
    write(run / "params" / "lr", "0.1")
    (run / "params" / "link").symlink_to("link")
    (run / "params" / "folder").symlink_to(run)
    os.mkfifo(run / "params" / "pipe")
    write(run / "tags", "a file in the place of the folder")
    write(run / "inputs", "the same")
    (run / "metrics").mkdir()
    (run / "metrics" / "loss").symlink_to("/nowhere/at/all")
    records = records_of(FileStore(root))
    [found] = [one for one in records if isinstance(one, RunRecord)]
    assert [(one.key, one.value) for one in found.params] == [("lr", "0.1")]
    odd = {
        (one.kind, one.where.removeprefix(f"0/{RUN}/"), one.lost) for one in records if isinstance(one, OddityRecord)
    }
    assert odd == {
        ("params", "params/link", 1),
        ("params", "params/folder", 0),
        ("params", "params/pipe", 1),
        ("tags", "tags", 0),
        ("inputs", "inputs", 0),
        ("metric points", "metrics/loss", 0),
    }


@pytest.mark.slow
@pytest.mark.parametrize("text", ["!!timestamp x", "!!bool x", "[" * 5000, "a: !!int ''", "? [1]\n: 2", "2020-13-45"])
def test_a_meta_that_yaml_stumbles_over_is_none(root: Path, text: str) -> None:
    write(root / "0" / RUN / "meta.yaml", text)
    assert [one.lost for one in oddities_in(root) if one.kind == "runs"] == [0, 1]


def test_what_belongs_to_a_folder_that_says_nothing_is_counted(root: Path) -> None:
    write(root / "0" / "models" / "m-1" / "params" / "a", "1")
    write(root / "0" / "models" / "m-1" / "tags" / "b", "1")
    write(root / "0" / ("e" * 32) / "inputs" / "x" / "meta.yaml", "source_type: DATASET")
    write(root / "models" / "iris" / "version-1" / "tags" / "a", "b")
    write(root / "models" / "iris" / "version-2" / "meta.yaml", "version: 3")
    odd = [(one.kind, one.lost) for one in oddities_in(root)]
    for kind in ("params of logged models", "tags of logged models", "dataset inputs", "tags of model versions"):
        assert (kind, 1) in odd
    assert ("model versions", 0) in odd, "the number of the folder counts"


async def test_copied_folders_of_one_experiment_are_two(root: Path, tmp_path: Path) -> None:
    """Neither of these two says more of itself than the other; one of them is in the trash."""
    write(root / "4" / "meta.yaml", "experiment_id: '4'\nname: twice\nartifact_location: ./mlruns/4\n")
    write(root / TRASH / "4" / "meta.yaml", "experiment_id: '4'\nname: twice\nartifact_location: ./mlruns/4\n")
    write(root / TRASH / "4" / ("d" * 32) / "meta.yaml", "status: 3\nlifecycle_stage: 2\n")
    log = MemoryEventLog()
    report = await imported(FileStore(root), log)
    assert counts(report) == {"experiments": (3, 3, 0), "runs": (2, 2, 0)}
    assert "its stage 2 is no word that is known; taken for active" in [what for _, _, what in report.oddities]
    folded = await projected(tmp_path, log)
    assert folded.rows("SELECT * FROM set_aside") == []
    stages = "SELECT e.lifecycle_stage, count(r.run_id) FROM experiments e LEFT JOIN runs r USING (experiment_id)"
    assert folded.rows(f"{stages} WHERE e.name LIKE 'twice%' GROUP BY 1 ORDER BY 1") == [("active", 0), ("deleted", 1)]
    again = await imported(FileStore(root), log)
    assert again.events == 0


def run_meta(**fields: str) -> str:
    """What each version wrote of a run, but for what is given."""
    common = {"artifact_uri": "a", "end_time": "1550000001000", "start_time": "1550000000000", "status": "3"}
    return "".join(f"{key}: {value}\n" for key, value in {**common, **fields}.items())


OF_0_9 = {
    "7/meta.yaml": "artifact_location: /home/x/mlruns/7\nexperiment_id: 7\nlifecycle_stage: active\nname: old\n",
    f"7/{RUN}/meta.yaml": run_meta(
        entry_point_name="''", experiment_id="7", lifecycle_stage="active", name="first", run_uuid=RUN,
        source_name="train.py", source_type="4", source_version="abc", tags="[]", user_id="ada",
    ),
    f"7/{RUN}/metrics/loss": "1550000000 0.5\n1550000001 0.25\n",
    f"7/{RUN}/params/lr": "0.1",
    f"7/{RUN}/tags/mlflow.user": "ada",
}  # fmt: skip
OF_1_0 = {
    "7/meta.yaml": "artifact_location: ./mlruns/7\nexperiment_id: '7'\nlifecycle_stage: active\nname: old\n",
    f"7/{RUN}/meta.yaml": run_meta(
        experiment_id="'7'", lifecycle_stage="active", name="''", run_id=RUN, run_uuid=RUN, source_type="4",
        tags="[]", user_id="ada",
    ),
    f"7/{RUN}/metrics/loss": "1550000000 0.5 0\n1550000001 0.25 1\n",
    f"7/{RUN}/params/lr": "0.1",
    f"7/{RUN}/tags/mlflow.runName": "first",
    f"7/{RUN}/tags/mlflow.user": "ada",
}  # fmt: skip
OF_1_30_ON_WINDOWS = {
    "7/meta.yaml": "artifact_location: file:///C:/Users/x/mlruns/7\ncreation_time: 1549999999999\nexperiment_id: '7'\n"
    "last_update_time: 1549999999999\nlifecycle_stage: active\nname: old\n",
    "7/tags/mlflow.note.content": "a note",
    f"7/{RUN}/meta.yaml": run_meta(
        experiment_id="'7'", lifecycle_stage="active", run_id=RUN, run_name="first", run_uuid=RUN, source_type="4",
        tags="[]", user_id="ada",
    ),
    f"7/{RUN}/metrics/loss": "1550000000 0.5 0\r\n1550000001 0.25 1\r\n",
    f"7/{RUN}/params/lr": "0.1",
    f"7/{RUN}/tags/mlflow.runName": "first",
}  # fmt: skip
OF_3_17_WITH_OTHER_TYPES = {
    "7/meta.yaml": "experiment_id: '7'\nlifecycle_stage: active\nname: old\nworkspace: default\ncreation_time: 5.0\n",
    f"7/{RUN}/meta.yaml": run_meta(
        experiment_id="7", lifecycle_stage="active", run_id=RUN, run_name="first", user_id="ada",
        start_time="1550000000000.0", end_time="'1550000001000'", status="FINISHED",
    ),
    f"7/{RUN}/metrics/loss": "1550000000 0.5 0 iris d1\n1550000001 0.25 1\n",
    f"7/{RUN}/params/lr": "0.1",
}  # fmt: skip


@pytest.mark.parametrize(
    ("files", "steps"),
    [(OF_0_9, [0, 0]), (OF_1_0, [0, 1]), (OF_1_30_ON_WINDOWS, [0, 1]), (OF_3_17_WITH_OTHER_TYPES, [0, 1])],
    ids=["0.9", "1.0", "1.30 on Windows", "3.17, numbers in other types"],
)
async def test_every_version_of_the_store_comes_to_the_same(
    files: dict[str, str], steps: list[int], tmp_path: Path
) -> None:
    for name, text in files.items():
        write(tmp_path / "mlruns" / name, text)
    log = MemoryEventLog()
    report = await imported(FileStore(tmp_path / "mlruns"), log)
    assert report.is_whole
    folded = await projected(tmp_path, log)
    assert folded.rows("SELECT name FROM experiments WHERE experiment_id = 7") == [("old",)]
    columns = "experiment_id, name, user_id, status, start_time_ms, end_time_ms, lifecycle_stage"
    row = (7, "first", "ada", "FINISHED", 1550000000000, 1550000001000, "active")
    assert folded.rows(f"SELECT {columns} FROM runs") == [row]
    assert folded.rows("SELECT key, value FROM params") == [("lr", "0.1")]
    [points] = points_in(tmp_path / "mlruns")
    assert points == MetricSeries("loss", [0.5, 0.25], [1550000000, 1550000001], steps)


def test_a_run_beside_the_experiments_is_told_of(root: Path) -> None:
    write(root / ("9" * 32) / "meta.yaml", f"run_id: {'9' * 32}\nexperiment_id: '0'\n")
    write(root / ("9" * 32) / "params" / "a", "1")
    write(root / ("9" * 32) / "metrics" / "m", "1 2 3\n")
    records = records_of(FileStore(root))
    assert [one.experiment_id for one in records if isinstance(one, ExperimentRecord)] == ["0"]
    lost = [(one.kind, one.lost) for one in records if isinstance(one, OddityRecord)]
    assert lost == [("runs", 1), ("params", 1), ("metric points", 1)]


@pytest.mark.parametrize("inner", ["0", f"0/{RUN}"])
def test_one_experiment_alone_is_no_store(root: Path, inner: str) -> None:
    with pytest.raises(NoStore, match="name the folder that has all experiments"):
        records_of(FileStore(root / inner))
