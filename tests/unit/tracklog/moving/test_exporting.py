"""What is exported as a store of MLflow is the same when it is imported again."""

import asyncio
import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from sqlalchemy import BigInteger, Integer, SmallInteger

from event_log.memory_event_log import MemoryEventLog
from read_model.tables import metadata
from schemas.events import (
    Assessment,
    DatasetInput,
    DatasetRecord,
    MetricSeries,
    ModelMetric,
    ModelOutput,
    Param,
    PromptVersion,
    Span,
    SpanEvent,
    SpanLink,
    Tag,
)
from tests.unit.projector.read_models import projected
from tests.unit.tracklog.moving.exports import differences, exported, held, moved_in
from tests.unit.tracklog.moving.imports import STORES, RecordsStore, database_2025, imported
from tracklog.moving import read_model_records, read_model_reviews, read_model_traces
from tracklog.moving.database_store import SqliteStore, database_store_of
from tracklog.moving.export_report import ExportReport
from tracklog.moving.file_store import FileStore
from tracklog.moving.file_target import FileTarget
from tracklog.moving.folded import reading
from tracklog.moving.mlflow_database import MlflowDatabase
from tracklog.moving.records import (
    EvaluatedRecord,
    ExampleRecord,
    ExperimentRecord,
    IssueRecord,
    LabelSchemaRecord,
    LoggedModelRecord,
    OnlineScoringRecord,
    PointsRecord,
    Record,
    RegisteredRecord,
    ReviewItem,
    ReviewItemsRecord,
    ReviewQueueRecord,
    RunRecord,
    ScorerRecord,
    ScorerVersionRecord,
    SpansRecord,
    TraceRecord,
    VersionRecord,
    WebhookRecord,
)
from tracklog.moving.roots import Roots
from tracklog.moving.sqlite_target import SqliteTarget
from tracklog.moving.stores import Store
from tracklog.moving.targets import database_target_of
from tracklog.moving.written_rows import WrittenRows
from tracklog.moving.written_store import TargetTaken, TargetUnfit, WrittenStore

pytestmark = pytest.mark.slow

AS_THEY_ARE: Final = Roots((), None)
TIME_MS: Final = 1_700_000_000_000


def version(number: int, **given: str | bool) -> VersionRecord:
    fields: dict[str, str] = {"source": "s3://a/b", "storage_location": "s3://a/b", "run_id": "", "stage": "None"}
    return VersionRecord(
        where="",
        version=number,
        run_link="",
        model_id="",
        description="",
        creation_time_ms=TIME_MS,
        last_update_time_ms=TIME_MS + number,
        **{**fields, **given},  # type: ignore[arg-type]
    )


def everything() -> RecordsStore:
    """A store in which each kind of things has what is hard to say of it."""
    long = [(0.1 * index, TIME_MS + index, index - 5) for index in range(1500)]
    rest = [(math.nan, TIME_MS, 3), (math.inf, TIME_MS, 2**53 + 1), (-math.inf, TIME_MS, -3)]
    records: tuple[Record, ...] = (
        ExperimentRecord(
            where="", key="0", experiment_id="0", name="Default", artifact_location="s3://b/0", creation_time_ms=TIME_MS
        ),
        ExperimentRecord(
            where="",
            key="7",
            experiment_id="7",
            name='an "odd"\nname: {#\x85\u2028\ufeff😀',
            artifact_location="mlflow-artifacts:/7",
            deleted=True,
            creation_time_ms=TIME_MS,
            last_update_time_ms=TIME_MS + 9,
            tags=[Tag("a/b", "two\nlines ")],
        ),
        RunRecord(
            where="",
            run_id="a" * 32,
            experiment_key="0",
            name="first",
            user_id="ada",
            status="KILLED",
            start_time_ms=TIME_MS,
            end_time_ms=None,
            artifact_uri="mlflow-artifacts:/0/a/artifacts",
            params=[Param("p/q", ""), Param("r", "x" * 3000)],
            tags=[Tag("mlflow.runName", "first"), Tag("t", "ä→😀")],
            datasets=[
                DatasetInput(name="two", digest="d", source_type="s3", source="s3://x", schema=None, profile="{}"),
                DatasetInput(
                    name="one",
                    digest="d",
                    source_type="s3",
                    source="s3://x",
                    tags=[Tag("mlflow.data.context", "train")],
                ),
            ],
            model_inputs=["m-" + "c" * 32],
            outputs=[ModelOutput("m-" + "d" * 32, 7)],
        ),
        PointsRecord("a" * 32, [_series("long", long), _series("rest", rest), _series("one/two", [(1e-300, 1, 2)])]),
        RunRecord(
            where="",
            run_id="b" * 32,
            experiment_key="7",
            name="second",
            user_id="",
            status="RUNNING",
            start_time_ms=TIME_MS,
            end_time_ms=TIME_MS + 5,
            artifact_uri="",
            deleted=True,
            deleted_time_ms=TIME_MS + 9,
            tags=[Tag("mlflow.runName", "second")],
        ),
        LoggedModelRecord(
            where="",
            model_id="m-" + "d" * 32,
            experiment_key="0",
            name="model",
            artifact_location="mlflow-artifacts:/0/models/m/artifacts",
            model_type="tree",
            source_run_id="a" * 32,
            status=2,
            creation_time_ms=TIME_MS,
            last_update_time_ms=TIME_MS + 4,
            params=[Param("depth", "3")],
            tags=[Tag("k", "v")],
            metrics=[
                ("a" * 32, ModelMetric("m-" + "d" * 32, "acc", 0.5, TIME_MS, 2, "one", "d")),
                ("a" * 32, ModelMetric("m-" + "d" * 32, "acc", 0.25, TIME_MS, 3)),
            ],
        ),
        RegisteredRecord(
            where="",
            name="registered",
            description="what it is",
            creation_time_ms=TIME_MS,
            last_update_time_ms=TIME_MS + 50,
            tags=[Tag("k", "")],
            aliases=[("best", 4)],
            versions=[version(2), version(4, stage="Production", run_id="a" * 32), version(5, deleted=True)],
        ),
    )
    return RecordsStore(*records)


def _series(key: str, points: list[tuple[float, int, int]]) -> MetricSeries:
    values: list[float | str] = [
        one if math.isfinite(one) else "NaN" if one != one else "Infinity" if one > 0 else "-Infinity"
        for one, _, _ in points
    ]
    return MetricSeries(key, values, [one[1] for one in points], [one[2] for one in points])


def in_any_order(value: Any) -> Any:
    """With every list sorted, and series as their points."""
    if isinstance(value, MetricSeries):
        return value.key, sorted(zip(value.step, value.timestamp_ms, map(str, value.value), strict=True))
    if isinstance(value, DatasetInput):
        return in_any_order(msgspec.structs.astuple(value))
    if isinstance(value, dict):
        return {key: in_any_order(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return tuple(map(in_any_order, value))
    return sorted(map(in_any_order, value), key=str) if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("everything", "sqlite"),
        ("everything", "files"),
        pytest.param("everything", "postgresql", marks=pytest.mark.service),
        ("files of 2020", "files"),
        ("database of 2025", "sqlite"),
    ],
)
async def test_what_is_exported_and_imported_again_is_the_same(
    source: str, kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    stores: dict[str, Store] = {
        "everything": everything(),
        "files of 2020": FileStore(STORES / "fs-2020-trash" / "mlruns"),
        "database of 2025": SqliteStore(database_2025(tmp_path / "2025.db")),
    }
    first = await moved_in(stores[source], tmp_path)
    target: WrittenStore
    if kind == "files":
        target = FileTarget(tmp_path / "mlruns", AS_THEY_ARE)
    elif kind == "sqlite":
        target = SqliteTarget(tmp_path / "mlflow.db", AS_THEY_ARE)
    else:
        target = database_target_of(request.getfixturevalue("postgresql_database"), ())
    report = await asyncio.to_thread(exported, first.path, target)
    assert (report.is_whole, report.oddities) == (True, []), report.lines()

    written: Store = FileStore(tmp_path / "mlruns") if kind == "files" else SqliteStore(tmp_path / "mlflow.db")
    if kind == "postgresql":
        written = database_store_of(request.getfixturevalue("postgresql_database"))
    second = await moved_in(written, tmp_path)
    found, expected = held(second.path), held(first.path)
    if kind == "postgresql":  # it keeps no order of points and of inputs
        found, expected = in_any_order(found), in_any_order(expected)
    assert list(differences(found, expected)) == []


TRACED: Final = (
    TraceRecord(
        where="",
        trace_id="tr-1",
        experiment_key="0",
        request_time_ms=TIME_MS,
        execution_duration_ms=7,
        state="OK",
        client_request_id="mine",
        request_preview='"ä"',
        response_preview=None,
        tags={"mlflow.traceName": "f", "k": "v"},
        metadata={"mlflow.trace.session": "s", "mlflow.trace.tokenUsage": '{"input_tokens": 3}', "m": "x\ny"},
        numbers_of_pairs=(2, 3),
        assessments=[
            Assessment(
                assessment_id="a-1",
                name="good",
                kind="feedback",
                value="0.5",
                source_type="HUMAN",
                source_id="ann",
                create_time_ms=TIME_MS,
                last_update_time_ms=TIME_MS + 1,
                rationale="why",
                metadata={"m": "1"},
                span_id="1" * 16,
            ),
            Assessment(
                assessment_id="a-2",
                name="expected",
                kind="expectation",
                value='{"a":[1]}',
                create_time_ms=TIME_MS,
                last_update_time_ms=TIME_MS,
            ),
        ],
    ),
    SpansRecord(
        "tr-1",
        [
            Span(
                span_id="1" * 16,
                name="f",
                start_ns=TIME_MS * 1_000_000,
                end_ns=TIME_MS * 1_000_000 + 7,
                status=1,
                attributes={"mlflow.spanInputs": '{"x": 1}', "n": 3, "mlflow.traceRequestId": '"tr-1"'},
                events=[SpanEvent("ev", 15, {"k": "v"})],
                links=[SpanLink("a" * 32, "2" * 16)],
            )
        ],
    ),
)
IN_A_DATABASE: Final[tuple[Record, ...]] = (
    replace(TRACED[0], run_ids=["a" * 32], prompts=[PromptVersion("p", 2)]),
    *TRACED[1:],
    EvaluatedRecord(
        where="",
        dataset_id="d-1",
        name="questions",
        experiment_keys=["0"],
        creation_time_ms=TIME_MS,
        last_update_time_ms=TIME_MS + 5,
        tags=[Tag("mlflow.user", "ann")],
    ),
    ExampleRecord(
        where="",
        dataset_id="d-1",
        example=DatasetRecord(
            inputs='{"q":"ä"}',
            outputs="[1]",
            expectations='{"a":1}',
            tags='{"mlflow.user":"ann"}',
            source='{"source_type":"TRACE","source_data":{"trace_id":"tr-1"}}',
            record_id="dr-1",
        ),
        creation_time_ms=TIME_MS,
        last_update_time_ms=TIME_MS + 3,
    ),
    WebhookRecord(
        where="",
        webhook_id="w",
        name="hook",
        description="",
        url="https://ci.example.com/hook",
        events=[("REGISTERED_MODEL", "CREATED")],
        has_secret=False,
        creation_time_ms=TIME_MS,
        last_update_time_ms=TIME_MS,
    ),
    ScorerRecord(
        where="",
        scorer_id="s",
        experiment_key="0",
        name="judge",
        versions=[ScorerVersionRecord(1, '{"a": 1}', TIME_MS), ScorerVersionRecord(3, '{"b": 2}', TIME_MS)],
        online=OnlineScoringRecord("c", 0.5, None),
    ),
    IssueRecord(
        where="",
        issue_id="iss-1",
        experiment_key="0",
        name="wrong",
        description="all of it",
        status="resolved",
        severity="high",
        root_causes=["a", "ä"],
        categories=["safety"],
        source_run_id="a" * 32,
        created_by="ann",
        creation_time_ms=TIME_MS,
        last_update_time_ms=TIME_MS + 4,
    ),
    LabelSchemaRecord(
        where="",
        schema_id="ls-1",
        experiment_key="0",
        name="good?",
        type="EXPECTATION",
        input='{"categorical": {"options": ["a", "b"], "multi_select": true}}',
        instruction="say so",
        enable_comment=True,
        is_default=False,
        creation_time_ms=TIME_MS,
        last_update_time_ms=TIME_MS + 4,
    ),
    LabelSchemaRecord(
        where="",
        schema_id="ls-of-theirs",
        experiment_key="0",
        name="Feedback",
        type="FEEDBACK",
        input='{"text": {}}',
        instruction=None,
        enable_comment=False,
        is_default=True,
        creation_time_ms=TIME_MS,
        last_update_time_ms=TIME_MS,
    ),
    ReviewQueueRecord(
        where="",
        queue_id="rq-1",
        experiment_key="0",
        name="To Do",
        queue_type="CUSTOM",
        users=["ann", "bob"],
        schema_ids=["ls-1", "ls-of-theirs"],
        created_by="ann",
        creation_time_ms=TIME_MS,
        last_update_time_ms=TIME_MS + 4,
    ),
    ReviewItemsRecord(
        "rq-1",
        [
            ReviewItem("tr-1", "PENDING", None, None, TIME_MS, TIME_MS),
            ReviewItem("tr-2", "DECLINED", "bob", TIME_MS + 7, TIME_MS, TIME_MS + 7),
            ReviewItem("tr-3", "PENDING", None, None, TIME_MS + 1, TIME_MS + 8),
        ],
    ),
)


@pytest.mark.parametrize("kind", ["sqlite", "files", pytest.param("postgresql", marks=pytest.mark.service)])
async def test_traces_and_what_belongs_to_evaluation_come_back(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    more = TRACED if kind == "files" else IN_A_DATABASE
    first = await moved_in(RecordsStore(*everything().records, *more), tmp_path)
    target: WrittenStore = FileTarget(tmp_path / "mlruns", AS_THEY_ARE)
    database = request.getfixturevalue("postgresql_database") if kind == "postgresql" else str(tmp_path / "mlflow.db")
    if kind != "files":
        target = database_target_of(database, ())
    report = await asyncio.to_thread(exported, first.path, target)
    assert report.is_whole, report.lines()
    assert [what for kind, _, what in report.oddities if kind != "webhooks"] == []

    log = MemoryEventLog()
    written: Store = FileStore(tmp_path / "mlruns")
    if kind != "files":
        written = SqliteStore(tmp_path / "mlflow.db") if kind == "sqlite" else database_store_of(database)
    await imported(written, log, beside=tmp_path / "mlruns" if kind == "files" else None)
    second = await projected(tmp_path, log)
    found, expected = held(second.path), held(first.path)
    if kind == "postgresql":
        found, expected = in_any_order(found), in_any_order(expected)
    assert list(differences(found, expected)) == []


@pytest.mark.parametrize("kind", ["sqlite", "files"])
async def test_what_is_there_is_not_written_over_and_half_a_store_is_not_left(kind: str, tmp_path: Path) -> None:
    (tmp_path / "read-models").mkdir()
    first = await moved_in(everything(), tmp_path / "read-models")
    place = tmp_path / "target"

    def target() -> WrittenStore:
        return FileTarget(place, AS_THEY_ARE) if kind == "files" else SqliteTarget(place, AS_THEY_ARE)

    def half() -> Iterator[Record]:
        yield from everything().records[:4]
        raise KeyError("gone")

    with pytest.raises(KeyError):
        target().write(half(), ExportReport("", "", dry_run=False))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["read-models"]
    exported(first.path, target())
    with pytest.raises(TargetTaken):
        exported(first.path, target())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["read-models", "target"]


async def test_points_that_are_alike_are_one_row_of_a_database_and_told_of(tmp_path: Path) -> None:
    run = everything().records[2]
    assert isinstance(run, RunRecord)
    twice = PointsRecord(run.run_id, [_series("loss", [(0.5, 1, 1), (0.5, 1, 1), (math.nan, 1, 1)])])
    first = await moved_in(RecordsStore(everything().records[0], run, twice), tmp_path)
    report = exported(first.path, SqliteTarget(tmp_path / "mlflow.db", AS_THEY_ARE))
    assert (report.tally("metric points").imported, report.tally("metric points").left) == (2, 1)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        assert database.execute("SELECT value, is_nan FROM latest_metrics").fetchall() == [(0.5, 0)]


async def test_what_no_file_can_be_named_is_told_of(tmp_path: Path) -> None:
    run = everything().records[2]
    assert isinstance(run, RunRecord)
    points = PointsRecord(run.run_id, [_series("a", [(1.0, 1, 1)]), _series("a/b", [(1.0, 1, 1), (2.0, 2, 2)])])
    first = await moved_in(RecordsStore(everything().records[0], run, points), tmp_path)
    report = exported(first.path, FileTarget(tmp_path / "mlruns", AS_THEY_ARE))
    assert (report.tally("metric points").imported, report.tally("metric points").left) == (1, 2)


def test_only_databases_that_can_be_written_are_named() -> None:
    with pytest.raises(TargetUnfit, match="mysql://"):
        database_target_of("mysql://there/mlflow", ())


OF_THE_READ_MODEL: Final = {
    *("checkpoints", "refusals", "set_aside", "imported_events", "facts", "erased", "users_revision", "outbox"),
    # What follows from other rows, or is written with them.
    *("latest_metrics", "metric_tails", "metric_chunks", "registered_model_names", "review_queue_users"),
    *("span_chunks", "span_signatures", "span_trigrams", "online_scoring_configs"),
    # What was deleted keeps in them what a restore or an erasure needs.
    *("deleted_streams", "deleted_registered_models"),
    # What was deleted for good, or can only be restored here.
    *("deleted_streams", "deleted_registered_models"),
}


def test_each_table_is_written_or_counted_or_of_the_read_model_itself() -> None:
    tables = [*read_model_records.COUNTED.values(), *(table for _, table in read_model_traces.COUNTED)]
    tables += read_model_reviews.COUNTED.values()
    written = {table.name for table in tables}
    left = {table.name for table in read_model_records.LEFT.values()}
    assert written | left | OF_THE_READ_MODEL == set(metadata.tables)
    assert not written & left


async def test_what_no_store_gets_is_counted_by_its_name(tmp_path: Path) -> None:
    first = await moved_in(RecordsStore(everything().records[0]), tmp_path)
    with closing(sqlite3.connect(first.path)) as rows:
        for table in read_model_records.LEFT.values():
            values = [1 if isinstance(one.type, BigInteger | Integer | SmallInteger) else "{}" for one in table.columns]
            places = ", ".join("?" * len(values))
            rows.execute(f"INSERT INTO {table.name} VALUES ({places})", values)
        rows.commit()
    report = exported(first.path, SqliteTarget(tmp_path / "mlflow.db", AS_THEY_ARE))
    for kind in read_model_records.LEFT:
        assert (report.tally(kind).source, report.tally(kind).left) == (1, 1), kind
    assert report.is_whole is False


class _SmallIds(WrittenRows):
    """A database that numbers its experiments up to 100, and keeps what it is given."""

    largest_id = 100

    def __init__(self) -> None:
        self.rows: dict[str, list[Sequence[Any]]] = {}

    def longest(self, table: str) -> Mapping[str, int] | None:
        return None

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> int:
        self.rows.setdefault(table, []).extend(rows)
        return len(rows)

    def number_on(self, table: str, column: str) -> None:
        pass


def test_what_is_of_an_experiment_that_is_not_there_stays_behind() -> None:
    rows, report = _SmallIds(), ExportReport("a", "b", dry_run=False)
    reviews = [one for one in IN_A_DATABASE if isinstance(one, _REVIEWS)]
    MlflowDatabase(rows, AS_THEY_ARE, report).write(iter(reviews))
    assert rows.rows == {}
    assert {kind: tally.left for kind, tally in report.tallies.items()} == {
        "issues": 1,
        "label schemas": 2,
        "review queues": 1,
        "items of review queues": 3,
    }


async def test_what_people_are_asked_about_traces_has_no_files_and_a_run_that_is_not_there_found_nothing(
    tmp_path: Path,
) -> None:
    reviews = [one for one in IN_A_DATABASE if isinstance(one, _REVIEWS)]
    first = await moved_in(RecordsStore(everything().records[0], *reviews), tmp_path)
    report = exported(first.path, FileTarget(tmp_path / "mlruns", AS_THEY_ARE))
    for kind, number in (("issues", 1), ("label schemas", 2), ("review queues", 1), ("items of review queues", 3)):
        assert (report.tally(kind).source, report.tally(kind).left) == (number, number), kind
    assert [one.source_run_id for one in _records_in(first.path) if isinstance(one, IssueRecord)] == [None]


_REVIEWS: Final = (IssueRecord, LabelSchemaRecord, ReviewQueueRecord, ReviewItemsRecord)


def _records_in(read_model: Path) -> list[Record]:
    with reading(read_model) as connection:
        return list(read_model_records.ReadModelRecords(connection).records())


def test_an_id_that_is_too_large_gets_one_that_no_experiment_has_also_none_that_comes_later() -> None:
    ids = ["0", "2", str(10**17), str(10**17 + 1), "1"]
    experiments = [
        ExperimentRecord(where="", key=one, experiment_id=one, name=f"of {one}", artifact_location="s3://b")
        for one in ids
    ]
    rows, report = _SmallIds(), ExportReport("a", "b", dry_run=False)
    MlflowDatabase(rows, AS_THEY_ARE, report).write(iter(experiments))
    assert [row[:2] for row in rows.rows["experiments"]] == list(
        zip([0, 2, 3, 4, 1], (f"of {one}" for one in ids), strict=True)
    )
    assert report.renamed == [("experiment", ids[2], "3"), ("experiment", ids[3], "4")]
