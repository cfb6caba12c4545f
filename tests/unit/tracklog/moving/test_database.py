"""The database store of MLflow: columns that are there or not, and rows that belong to nothing."""

import sqlite3
from pathlib import Path

import pytest

from event_log.memory_event_log import MemoryEventLog
from schemas.events import MetricSeries, Param
from tests.unit.tracklog.moving.imports import counts, imported, records_of
from tracklog.moving.database_store import SqliteStore
from tracklog.moving.records import (
    ExperimentRecord,
    OddityRecord,
    PointsRecord,
    Record,
    RegisteredRecord,
    RunRecord,
    SizeRecord,
)
from tracklog.moving.stores import NoStore

OF_1_0 = """
CREATE TABLE experiments (experiment_id INTEGER, name TEXT, artifact_location TEXT, lifecycle_stage TEXT);
CREATE TABLE runs (run_uuid TEXT, name TEXT, user_id TEXT, status TEXT, start_time BIGINT, end_time BIGINT,
  lifecycle_stage TEXT, artifact_uri TEXT, experiment_id INTEGER);
CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);
CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);
CREATE TABLE metrics (key TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT);
INSERT INTO experiments VALUES (0, 'Default', './mlruns/0', 'active');
INSERT INTO runs VALUES ('b', '', 'ann', 'FINISHED', 20, 30, 'active', './mlruns/0/b/artifacts', 0);
"""
"""The tables of the first revision, as far as they are read."""


def records(tmp_path: Path, *statements: str) -> list[Record]:
    path = tmp_path / "mlflow.db"
    connection = sqlite3.connect(path)
    connection.executescript("".join((OF_1_0, *(f"{one};" for one in statements))))
    connection.close()
    return records_of(SqliteStore(path))


def lost(found: list[Record]) -> list[tuple[str, str, int]]:
    return [(one.kind, one.where, one.lost) for one in found if isinstance(one, OddityRecord) and one.lost]


def points(found: list[Record]) -> list[MetricSeries]:
    return [series for one in found if isinstance(one, PointsRecord) for series in one.metrics]


def test_columns_that_are_not_there_yet_are_as_if_they_were_empty(tmp_path: Path) -> None:
    found = records(tmp_path, "INSERT INTO metrics VALUES ('loss', NULL, 21, 'b')")
    [experiment] = [one for one in found if isinstance(one, ExperimentRecord)]
    assert (experiment.name, experiment.creation_time_ms, experiment.last_update_time_ms) == ("Default", 20, None)
    [run] = [one for one in found if isinstance(one, RunRecord)]
    assert (run.run_id, run.user_id, run.deleted_time_ms, run.datasets) == ("b", "ann", None, [])
    assert points(found) == [MetricSeries("loss", ["NaN"], [21], [0])]


def test_the_largest_doubles_are_infinities_and_nan_has_a_column(tmp_path: Path) -> None:
    found = records(
        tmp_path,
        "ALTER TABLE metrics ADD COLUMN step BIGINT",
        "ALTER TABLE metrics ADD COLUMN is_nan BOOLEAN",
        "INSERT INTO metrics VALUES ('a', 1.7976931348623157e308, 1, 'b', 2, 0)",
        "INSERT INTO metrics VALUES ('a', 0, 1, 'b', 1, 1)",
        "INSERT INTO metrics VALUES ('a', -1.7976931348623157e308, 1, 'b', 0, 0)",
    )
    assert points(found) == [MetricSeries("a", ["Infinity", "NaN", "-Infinity"], [1, 1, 1], [2, 1, 0])]


def test_what_belongs_to_nothing_is_counted_and_told_of(tmp_path: Path) -> None:
    found = records(
        tmp_path,
        "INSERT INTO params VALUES ('k', '1', 'a'), ('k', '2', 'b'), ('k', '3', 'c'), ('l', '4', 'c')",
        "INSERT INTO metrics VALUES ('m', 1, 1, 'zzz')",
        "CREATE TABLE registered_models (name TEXT)",
        "CREATE TABLE model_versions (name TEXT, version INTEGER)",
        "INSERT INTO model_versions VALUES ('gone', 1)",
    )
    [run] = [one for one in found if isinstance(one, RunRecord)]
    assert run.params == [Param("k", "2")]
    assert lost(found) == [
        ("params", "of 'a'", 1),
        ("params", "of 'c'", 2),
        ("metric points", "of 'zzz'", 1),
        ("model versions", "model 'gone'", 1),
    ]
    assert [one.number for one in found if isinstance(one, SizeRecord) and one.kind == "params"] == [4]


def test_cells_of_another_kind_than_their_column_are_told_of(tmp_path: Path) -> None:
    found = records(
        tmp_path,
        "INSERT INTO metrics VALUES ('m', 'much', 1, 'b'), ('m', '0.5', '7', 'b'), ('m', 1, 'now', 'b')",
        "INSERT INTO params VALUES ('broken', CAST(x'636166e9' AS TEXT), 'b')",
    )
    assert points(found) == [MetricSeries("m", [0.5], [7], [0])]
    [run] = [one for one in found if isinstance(one, RunRecord)]
    assert run.params == [Param("broken", "caf�")]
    assert [number for _, _, number in lost(found)] == [1, 1]


def test_points_of_a_run_come_in_records_of_a_bounded_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracklog.moving.database_points.POINTS_PER_RECORD", 4)
    rows = ", ".join(f"('{'ab'[step % 2]}', {step}, {step}, 'b')" for step in range(10))
    found = [one for one in records(tmp_path, f"INSERT INTO metrics VALUES {rows}") if isinstance(one, PointsRecord)]
    assert [[(series.key, series.value) for series in one.metrics] for one in found] == [
        [("a", [0.0, 2.0]), ("b", [1.0, 3.0])],
        [("a", [4.0, 6.0]), ("b", [5.0, 7.0])],
        [("a", [8.0]), ("b", [9.0])],
    ]


def test_a_registry_of_any_revision(tmp_path: Path) -> None:
    found = records(
        tmp_path,
        "CREATE TABLE registered_models (name TEXT, creation_time BIGINT, last_updated_time BIGINT)",
        "CREATE TABLE model_versions (name TEXT, version INTEGER, source TEXT, current_stage TEXT, user_id TEXT)",
        "CREATE TABLE registered_model_aliases (name TEXT, alias TEXT, version INTEGER)",
        "INSERT INTO registered_models VALUES ('iris', 1, 2)",
        "INSERT INTO model_versions VALUES ('iris', 3, 'there', 'Staging', 'ann')",
        "INSERT INTO model_versions VALUES ('iris', 1, '', 'Deleted_Internal', '')",
        "INSERT INTO registered_model_aliases VALUES ('iris', 'best', 3)",
    )
    [model] = [one for one in found if isinstance(one, RegisteredRecord)]
    assert (model.name, model.creation_time_ms, model.aliases) == ("iris", 1, [("best", 3)])
    assert [(one.version, one.stage, one.deleted) for one in model.versions] == [
        (1, "Deleted_Internal", True),
        (3, "Staging", False),
    ]
    assert any("who made it is not kept: 'ann'" in one.what for one in found if isinstance(one, OddityRecord))


def test_another_database_is_no_store(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "other.db")
    connection.execute("CREATE TABLE photos (name TEXT)")
    connection.close()
    with pytest.raises(NoStore, match="no tables of MLflow"):
        records_of(SqliteStore(tmp_path / "other.db"))
    (tmp_path / "text").write_text("no database")
    with pytest.raises(NoStore, match="is no database of SQLite"):
        records_of(SqliteStore(tmp_path / "text"))


def test_a_database_of_fasttrackml_has_params_of_types_and_points_with_contexts(tmp_path: Path) -> None:
    found = records(
        tmp_path,
        "ALTER TABLE params DROP COLUMN value",
        "ALTER TABLE params ADD COLUMN value_str TEXT",
        "ALTER TABLE params ADD COLUMN value_int BIGINT",
        "ALTER TABLE params ADD COLUMN value_float FLOAT",
        "ALTER TABLE metrics ADD COLUMN context_id INTEGER",
        "INSERT INTO params (run_uuid, key, value_str, value_int, value_float)"
        " VALUES ('b', 'i', NULL, 3, NULL), ('b', 'f', NULL, NULL, 0.5), ('b', 's', 'text', NULL, NULL)",
        "INSERT INTO metrics VALUES ('m', 1, 1, 'b', 1), ('m', 2, 1, 'b', 2)",
    )
    [run] = [one for one in found if isinstance(one, RunRecord)]
    assert run.params == [Param("i", "3"), Param("f", "0.5"), Param("s", "text")]
    [oddity] = [one for one in found if isinstance(one, OddityRecord)]
    assert (oddity.where, oddity.lost) == ("table metrics, column context_id", 0)


def test_a_table_without_the_columns_that_it_needs_is_told_of(tmp_path: Path) -> None:
    found = records(tmp_path, "ALTER TABLE tags DROP COLUMN run_uuid", "INSERT INTO tags VALUES ('a', 'b'), ('c', 'd')")
    assert lost(found) == [("tags", "table tags", 2)]


def test_inputs_whose_datasets_have_no_table_are_counted(tmp_path: Path) -> None:
    inputs = "CREATE TABLE inputs (input_uuid TEXT, source_type TEXT, source_id TEXT, destination_id TEXT)"
    found = records(
        tmp_path,
        inputs,
        "INSERT INTO inputs VALUES ('i', 'DATASET', 'd', 'b')",
        "CREATE TABLE input_tags (input_uuid TEXT, name TEXT, value TEXT)",
        "INSERT INTO input_tags VALUES ('i', 'k', 'v')",
    )
    assert lost(found) == [("tags of dataset inputs", "table input_tags", 1), ("dataset inputs", "table inputs", 1)]


def test_tags_of_inputs_without_ids_are_counted(tmp_path: Path) -> None:
    found = records(
        tmp_path,
        "CREATE TABLE datasets (dataset_uuid TEXT, name TEXT, digest TEXT)",
        "INSERT INTO datasets VALUES (NULL, 'n', 'd')",
        "CREATE TABLE inputs (input_uuid TEXT, source_type TEXT, source_id TEXT, destination_id TEXT)",
        "INSERT INTO inputs VALUES (NULL, 'DATASET', NULL, 'b')",
        "CREATE TABLE input_tags (input_uuid TEXT, name TEXT, value TEXT)",
        "INSERT INTO input_tags VALUES (NULL, 'k', 'v')",
    )
    kinds = [kind for kind, _, _ in lost(found)]
    assert sorted(kinds) == ["dataset inputs", "datasets", "tags of dataset inputs"]


@pytest.mark.slow
async def test_of_a_database_that_was_cut_off_what_can_be_read_comes(tmp_path: Path) -> None:
    """The copy of a file that ended too early: its catalogue and its first pages are there."""
    metrics = ", ".join(f"('loss', {number}, {number}, 'b', {number}, 0)" for number in range(20_000))
    records(
        tmp_path,
        "ALTER TABLE metrics ADD COLUMN step BIGINT",
        "ALTER TABLE metrics ADD COLUMN is_nan BOOLEAN",
        "CREATE INDEX metrics_of_runs ON metrics (run_uuid)",
        f"INSERT INTO metrics VALUES {metrics}",
    )
    path = tmp_path / "mlflow.db"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    report = await imported(SqliteStore(path), MemoryEventLog())
    assert counts(report)["runs"] == (1, 1, 0)
    assert all(tally.unexplained == 0 for tally in report.tallies.values())
    [what] = [what for kind, _, what in report.oddities if kind == "the source"]
    assert "metrics cannot be read further: database disk image is malformed" in what


def test_a_database_whose_pages_are_no_pages_is_told_of(tmp_path: Path) -> None:
    records(tmp_path)
    path = tmp_path / "mlflow.db"
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 8000)
    with pytest.raises(NoStore, match="cannot be read: database disk image is malformed"):
        records_of(SqliteStore(path))


def test_a_stage_that_nobody_knows_is_told_of(tmp_path: Path) -> None:
    found = records(tmp_path, "UPDATE runs SET lifecycle_stage = 'archived'")
    odd = [one.what for one in found if isinstance(one, OddityRecord)]
    assert odd == ["its stage 'archived' is no word that is known; taken for active"]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("metrics", {"experiments": (1, 1, 0), "runs": (1, 1, 0)}),
        ("runs", {"experiments": (1, 1, 0), "metric points": (1, 0, 1)}),
        # Experiment 0 is made again for its runs.
        ("experiments", {"experiments": (1, 1, 0), "runs": (1, 1, 0), "metric points": (1, 1, 0)}),
    ],
)
async def test_what_is_there_comes_from_a_database_without_a_table(
    tmp_path: Path, table: str, expected: dict[str, tuple[int, int, int]]
) -> None:
    records(tmp_path, "INSERT INTO metrics VALUES ('loss', 1.0, 21, 'b')", f"DROP TABLE {table}")
    report = await imported(SqliteStore(tmp_path / "mlflow.db"), MemoryEventLog())
    assert counts(report) == expected
    assert ("the source", f"table {table}", "it is not there; all else is read") in report.oddities


async def test_tags_of_a_dataset_that_is_there_twice_count_once(tmp_path: Path) -> None:
    records(
        tmp_path,
        "CREATE TABLE datasets (dataset_uuid TEXT, name TEXT, digest TEXT)",
        "INSERT INTO datasets VALUES ('d', 'iris', '1'), ('d', 'iris', '1')",
        "CREATE TABLE inputs (input_uuid TEXT, source_type TEXT, source_id TEXT, destination_id TEXT)",
        "INSERT INTO inputs VALUES ('i', 'DATASET', 'd', 'b')",
        "CREATE TABLE input_tags (input_uuid TEXT, name TEXT, value TEXT)",
        "INSERT INTO input_tags VALUES ('i', 'k', 'v')",
    )
    found = counts(await imported(SqliteStore(tmp_path / "mlflow.db"), MemoryEventLog()))
    assert found["tags of dataset inputs"] == (1, 1, 0)
    assert found["datasets"] == (2, 1, 1)


async def test_a_dataset_that_runs_of_several_experiments_read_counts_for_each(tmp_path: Path) -> None:
    """MLflow keeps one row of it, in the experiment whose run was the first to read it."""
    records(
        tmp_path,
        "INSERT INTO experiments VALUES (7, 'other', 'file:///other', 'active')",
        "INSERT INTO runs VALUES ('c', '', 'ann', 'FINISHED', 40, 50, 'active', './mlruns/7/c/artifacts', 7)",
        "CREATE TABLE datasets (dataset_uuid TEXT, name TEXT, digest TEXT)",
        "INSERT INTO datasets VALUES ('d', 'iris', '1'), ('e', 'digits', '2')",
        "CREATE TABLE inputs (input_uuid TEXT, source_type TEXT, source_id TEXT, destination_id TEXT)",
        "INSERT INTO inputs VALUES ('i', 'DATASET', 'd', 'b'), ('j', 'DATASET', 'd', 'c'), ('k', 'DATASET', 'e', 'c')",
    )
    found = counts(await imported(SqliteStore(tmp_path / "mlflow.db"), MemoryEventLog()))
    assert found["datasets"] == (3, 3, 0)
