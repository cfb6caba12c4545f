"""What is erased is gone, and does not come back: not by late events, and not when the log is folded again."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from event_log.memory_event_log import MemoryEventLog
from schemas import codec
from schemas.belongings import belonging_erased
from schemas.events import (
    AnyEvent,
    DatasetInput,
    DatasetRecord,
    Erasure,
    EvaluationDatasetCreated,
    EvaluationDatasetDeleted,
    EvaluationDatasetExperimentsAdded,
    EvaluationDatasetExperimentsRemoved,
    EvaluationDatasetRecordsUpserted,
    ExperimentCreated,
    ExperimentDeleted,
    ExperimentErased,
    ExperimentRenamed,
    IssueCreated,
    IssueUpdated,
    LabelSchemaCreated,
    LabelSchemaDeleted,
    LoggedModelCreated,
    LoggedModelDeleted,
    LoggedModelErased,
    ModelMetric,
    ReviewQueueCreated,
    ReviewQueueDeleted,
    ReviewQueueItemsAdded,
    RunDataLogged,
    RunDeleted,
    RunErased,
    RunInputsLogged,
    ScorerDeleted,
    ScorerRegistered,
    stream_of,
)
from schemas.forgotten import forgotten
from tests.examples import examples
from tests.unit.projector.histories import (
    MODELS,
    RUNS,
    created,
    envelope,
    experiment,
    log_of,
    metric,
    param,
    payloads,
)
from tests.unit.projector.read_models import Projected, compare_files, projected

TABLES = (
    *("params", "tags", "latest_metrics", "metric_tails", "metric_chunks", "model_inputs", "model_outputs"),
    *("dataset_inputs", "datasets", "runs", "refusals", "set_aside", "outbox"),
)


def erased_run(run_id: str = RUNS[0], *, with_experiment: bool = False) -> RunErased:
    erasure = Erasure("asked to", [f"run/{run_id}"])
    return RunErased(run_id=run_id, experiment_id=0, erasure=erasure, with_experiment=with_experiment)


def forget(log: MemoryEventLog, *offsets: int, refused: bool = False) -> None:
    for offset in offsets:
        event = log._events[0][offset]
        log._events[0][offset] = replace(event, payload=forgotten(event.payload, refused=refused))


async def append(log: MemoryEventLog, *events: AnyEvent) -> None:
    for event in events:
        await log.append([envelope((await log.end())[0], event)])


async def test_nothing_of_an_erased_run_is_left_but_its_tombstone(tmp_path: Path) -> None:
    inputs = RunInputsLogged(run_id=RUNS[0], model_ids=[MODELS[0]])
    log = await log_of(
        *(experiment(), created(), param("k", "secret"), param("k", "another"), metric(), metric(step=1), inputs),
        *(RunDeleted(run_id=RUNS[0]), erased_run()),
    )
    read_model = await projected(tmp_path, log, range(9))
    for table in TABLES:
        assert read_model.rows(f"SELECT * FROM {table}") == [], table
    assert read_model.rows("SELECT * FROM erased") == [(f"run/{RUNS[0]}", 0, 8, 8)]


async def test_what_is_active_is_not_erased(tmp_path: Path) -> None:
    read_model = await projected(tmp_path, await log_of(experiment(), created(), erased_run()))
    assert read_model.rows("SELECT run_id FROM runs") == [(RUNS[0],)]
    assert read_model.rows("SELECT error_code, stream FROM refusals") == [("INVALID_PARAMETER_VALUE", f"run/{RUNS[0]}")]
    assert read_model.rows("SELECT * FROM erased") == []


async def test_a_late_event_is_refused_and_noted_so_that_its_payload_goes_too(tmp_path: Path) -> None:
    late = (param("k", "late"), created())
    log = await log_of(experiment(), created(), RunDeleted(run_id=RUNS[0]), erased_run(), *late)
    read_model = await projected(tmp_path, log, range(6))
    assert read_model.rows("SELECT * FROM runs") == []
    assert read_model.rows('SELECT "offset", error_code FROM refusals') == [
        (4, "RESOURCE_DOES_NOT_EXIST"),
        (5, "RESOURCE_DOES_NOT_EXIST"),
    ]
    assert read_model.rows("SELECT last_offset FROM erased") == [(5,)]
    assert read_model.rows("SELECT * FROM set_aside") == []


@pytest.mark.parametrize("ends", [(), (3,), (4,), (5,), range(7)])
async def test_a_late_event_that_cannot_be_read_is_refused_as_others_are_and_stops_none(
    tmp_path: Path, ends: Sequence[int]
) -> None:
    """In whatever batches: what is set aside would not be forgotten."""
    log = await log_of(experiment(), created(), RunDeleted(run_id=RUNS[0]), erased_run(), *(metric() for _ in range(3)))
    log._events[0][5] = replace(log._events[0][5], payload=b'{"secret')
    read_model = await projected(tmp_path, log, ends)
    assert read_model.rows('SELECT "offset" FROM refusals ORDER BY "offset"') == [(4,), (5,), (6,)]
    assert read_model.rows("SELECT last_offset FROM erased") == [(6,)]
    assert read_model.rows("SELECT * FROM set_aside") == []


async def test_a_dataset_that_another_run_read_stays(tmp_path: Path) -> None:
    def read(run_id: str, *names: str) -> RunInputsLogged:
        return RunInputsLogged(run_id=run_id, datasets=[DatasetInput(name, "1") for name in names])

    log = await log_of(
        *(experiment(), created(), created(RUNS[1]), read(RUNS[0], "own", "shared"), read(RUNS[1], "shared")),
        *(RunDeleted(run_id=RUNS[0]), erased_run()),
    )
    for ends in ((), range(7)):
        read_model = await projected(tmp_path, log, ends)
        assert read_model.rows("SELECT name FROM datasets") == [("shared",)]


def measured() -> RunDataLogged:
    return RunDataLogged(run_id=RUNS[0], model_metrics=[ModelMetric(MODELS[0], "m", 0.5, 1, 0)])


@pytest.mark.parametrize("ends", [(), range(7), (4,), (5,)])
async def test_what_a_run_tells_of_an_erased_model_is_gone_however_the_log_is_cut(
    tmp_path: Path, ends: Sequence[int]
) -> None:
    model = LoggedModelCreated(
        model_id=MODELS[0], experiment_id=1, name="m", model_type="", source_run_id="", artifact_location="a"
    )
    erased = LoggedModelErased(
        model_id=MODELS[0], experiment_id=1, erasure=Erasure("", [f"logged-model/{MODELS[0]}"]), with_experiment=False
    )
    log = await log_of(
        *(experiment(), created(), model, measured(), LoggedModelDeleted(model_id=MODELS[0]), erased, measured())
    )
    read_model = await projected(tmp_path, log, ends)
    assert read_model.rows("SELECT * FROM logged_models") == []
    assert read_model.rows("SELECT * FROM logged_model_metrics") == []


async def test_a_stream_that_was_set_aside_can_be_erased(tmp_path: Path) -> None:
    log = await log_of(experiment(), created(), RunDeleted(run_id=RUNS[0]), metric(), metric(), erased_run(), metric())
    log._events[0][3] = replace(log._events[0][3], payload=b'{"secret')
    for ends in ((), range(7)):
        read_model = await projected(tmp_path, log, ends)
        assert read_model.rows("SELECT * FROM set_aside") == []
        assert read_model.rows("SELECT * FROM runs") == []
        assert [one.set_aside for one in read_model.published][-1] == 0


async def test_the_name_of_an_erased_experiment_is_free_and_its_id_is_not(tmp_path: Path) -> None:
    erased = ExperimentErased(experiment_id=1, erasure=Erasure("", ["experiment/1"]))
    log = await log_of(
        experiment(1, "x"), ExperimentDeleted(experiment_id=1), erased, experiment(1, "y"), experiment(2, "x")
    )
    read_model = await projected(tmp_path, log)
    assert read_model.rows("SELECT experiment_id, name FROM experiments") == [(2, "x")]


BELONGINGS: list[AnyEvent] = [
    ScorerRegistered(experiment_id=1, name="a/ä", scorer_id="s", version_id="v", serialized_scorer="{}"),
    ScorerRegistered(experiment_id=1, name="a/ä", scorer_id="s", version_id="w", serialized_scorer="{}"),
    IssueCreated(issue_id="iss", experiment_id=1, name="n", description="d"),
    IssueUpdated(issue_id="iss", name="m"),
    LabelSchemaCreated(schema_id="ls", experiment_id=1, name="n", type="FEEDBACK", input="{}"),
    ReviewQueueCreated(queue_id="rq", experiment_id=1, name="n", queue_type="CUSTOM", users=["ann"]),
    ReviewQueueItemsAdded(queue_id="rq", item_ids=["tr-1"]),
    EvaluationDatasetCreated(dataset_id="d", name="n", experiment_ids=[1]),
    EvaluationDatasetRecordsUpserted(dataset_id="d", records=[DatasetRecord('{"q": 1}')]),
]
TABLES_OF_BELONGINGS = (
    *("scorers", "scorer_versions", "issues", "label_schemas", "review_queues", "review_queue_users"),
    *("review_queue_items", "evaluation_datasets", "evaluation_dataset_experiments", "evaluation_dataset_records"),
)


STREAMS = list(dict.fromkeys(stream_of(one) for one in BELONGINGS))
DELETIONS: list[AnyEvent] = [
    ScorerDeleted(experiment_id=1, name="a/ä"),
    LabelSchemaDeleted(schema_id="ls"),
    ReviewQueueDeleted(queue_id="rq"),
    EvaluationDatasetDeleted(dataset_id="d"),
]


def each_erased() -> list[AnyEvent]:
    found = [belonging_erased(stream, Erasure("", [stream])) for stream in STREAMS]
    return [one for one in found if one is not None]


@pytest.mark.parametrize(("ends", "kept"), [((), (1, 3)), ((10,), (2, 4, 7, 9)), (range(3, 19, 3), ())])
@pytest.mark.parametrize("is_each", [True, False], ids=["by events of their own", "named by their experiment"])
async def test_what_belongs_to_an_erased_experiment_goes_with_it(
    tmp_path: Path, ends: Sequence[int], kept: Sequence[int], is_each: bool
) -> None:
    streams = ["experiment/1", *STREAMS]
    erased = ExperimentErased(experiment_id=1, erasure=Erasure("", streams[:1] if is_each else streams))
    log = await log_of(experiment(1, "x"), *BELONGINGS, ExperimentDeleted(experiment_id=1))
    await append(log, *(each_erased() if is_each else ()), erased, BELONGINGS[0])
    live = await projected(tmp_path, log, ends)
    for table in TABLES_OF_BELONGINGS:
        assert live.rows(f"SELECT * FROM {table}") == [], table
    assert {stream for (stream,) in live.rows("SELECT stream FROM erased")} == set(streams)
    assert [code for (code,) in live.rows("SELECT error_code FROM refusals")] == ["RESOURCE_DOES_NOT_EXIST"]
    forget(log, *(offset for offset in range(11) if offset not in kept))  # as far as a crash left it
    assert compare_files(live.path, (await projected(tmp_path, log, ends)).path) == []


@pytest.mark.parametrize(
    ("ends", "kept"), [((), (1, 3, 10, 11)), ((12,), (2, 4, 7, 9, 12)), (range(2, 22, 3), (1, 11, 13))]
)
async def test_what_was_deleted_before_is_noted_until_it_is_erased(
    tmp_path: Path, ends: Sequence[int], kept: Sequence[int]
) -> None:
    log = await log_of(experiment(1, "x"), *BELONGINGS, *DELETIONS, ExperimentDeleted(experiment_id=1))
    live = await projected(tmp_path, log, ends)
    noted = live.rows("SELECT stream, experiment_id FROM deleted_streams ORDER BY stream")
    assert noted == [(stream, 1) for stream in sorted(map(stream_of, DELETIONS))]
    await append(log, *each_erased(), ExperimentErased(experiment_id=1, erasure=Erasure("", ["experiment/1"])))
    at_once = await projected(tmp_path, log)
    for read_model in (live, at_once):
        await read_model.fold(log)
        assert read_model.rows("SELECT * FROM deleted_streams") == []
        assert read_model.rows("SELECT * FROM refusals") == []
    forget(log, *(offset for offset in range(15) if offset not in kept))
    for rebuilt in (await projected(tmp_path, log, ends), await projected(tmp_path, log)):
        assert compare_files(live.path, rebuilt.path) == []


@pytest.mark.parametrize("ends", [(), range(6)])
async def test_a_deleted_dataset_is_noted_with_the_experiments_that_it_had_last(
    tmp_path: Path, ends: Sequence[int]
) -> None:
    log = await log_of(
        EvaluationDatasetCreated(dataset_id="d", name="n", experiment_ids=[1, 2]),
        EvaluationDatasetExperimentsRemoved(dataset_id="d", experiment_ids=[2]),
        EvaluationDatasetExperimentsAdded(dataset_id="d", experiment_ids=[3]),
        EvaluationDatasetCreated(dataset_id="other", name="n", experiment_ids=[1]),
        EvaluationDatasetDeleted(dataset_id="d"),
    )
    read_model = await projected(tmp_path, log, ends)
    assert read_model.rows("SELECT stream, experiment_id FROM deleted_streams ORDER BY experiment_id") == [
        ("evaluation-dataset/d", 1),
        ("evaluation-dataset/d", 3),
    ]


async def test_in_whatever_order_partitions_are_folded_what_is_erased_comes_to_the_same_rows(tmp_path: Path) -> None:
    log = MemoryEventLog(3)
    deleted = (*DELETIONS[:2], ExperimentDeleted(experiment_id=1))
    erased = ExperimentErased(experiment_id=1, erasure=Erasure("", ["experiment/1"]))
    for number, event in enumerate((experiment(1, "x"), *BELONGINGS, *deleted, *each_erased(), erased)):
        await log.append([envelope(number, event)])
    assert len([partition for partition in log._events if partition]) > 1
    folded = [Projected(tmp_path) for _ in range(3)]
    for read_model, order in zip(folded, ((0, 1, 2), (2, 1, 0), (1, 0, 2)), strict=True):
        for partition in order:
            await read_model.fold(log, partition=partition)
        for table in (*TABLES_OF_BELONGINGS, "experiments", "deleted_streams", "refusals", "set_aside"):
            assert read_model.rows(f"SELECT * FROM {table}") == [], table
        assert compare_files(folded[0].path, read_model.path) == []
    assert len(folded[0].rows("SELECT * FROM erased")) == 1 + len(STREAMS)


async def test_a_second_experiment_of_the_name_stays_refused_when_the_first_is_forgotten(tmp_path: Path) -> None:
    erased = ExperimentErased(experiment_id=1, erasure=Erasure("", ["experiment/1"], refused=[1]))
    log = await log_of(experiment(1, "x"), experiment(2, "x"), ExperimentDeleted(experiment_id=1), erased)
    live = await projected(tmp_path, log, range(4))
    forget(log, 0, 2)
    forget(log, 1, refused=True)
    rebuilt = await projected(tmp_path, log)
    assert rebuilt.rows("SELECT * FROM experiments") == []
    assert compare_files(live.path, rebuilt.path) == []


@pytest.mark.slow
@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.too_slow])
@given(
    history=st.lists(payloads, max_size=40),
    late=st.lists(payloads, max_size=8),
    ends=st.lists(st.integers(0, 50), max_size=4),
    kept=st.sets(st.integers(0, 50)),
)
async def test_a_log_of_which_payloads_are_forgotten_comes_to_the_same_rows(
    history: list[AnyEvent], late: list[AnyEvent], ends: list[int], kept: set[int]
) -> None:
    """Whichever of them are gone: a crash may leave any."""
    log = await log_of(experiment(), *history)
    with tempfile.TemporaryDirectory() as folder:
        live = await projected(Path(folder), log, ends)
        await append(log, *_erasures(log, live))
        await append(log, *late)
        await live.fold(log)
        streams = {stream for (stream,) in live.rows("SELECT stream FROM erased")}
        refused: set[int] = set()
        for event in log._events[0]:
            if event.type == "experiment.erased" and event.stream in streams:
                decoded = codec.decode(event)
                assert isinstance(decoded, ExperimentErased)
                refused.update(decoded.erasure.refused)
        forget(log, *refused, refused=True)
        for event in list(log._events[0]):
            if event.stream in streams and not event.type.endswith(".erased") and event.offset not in kept:
                forget(log, event.offset)
        rebuilt = await projected(Path(folder), log, ends)
        assert compare_files(live.path, rebuilt.path) == []


def _erasures(log: MemoryEventLog, live: Projected) -> list[AnyEvent]:
    """Of everything that is deleted, and of some that is not."""
    found: list[AnyEvent] = [erased_run(run_id) for run_id in RUNS[:2]]
    found.append(LoggedModelDeleted(model_id=MODELS[0]))
    for experiment_id in (1, 2):
        names = {
            event.name
            for event in _decoded(log, f"experiment/{experiment_id}")
            if isinstance(event, ExperimentCreated | ExperimentRenamed)
        }
        refused = [
            int(str(offset))
            for offset, stream in live.rows("SELECT \"offset\", stream FROM refusals WHERE stream LIKE 'experiment/%'")
            for event in [codec.decode(log._events[0][int(str(offset))])]
            if isinstance(event, ExperimentCreated | ExperimentRenamed) and event.name in names
        ]
        stream = f"experiment/{experiment_id}"
        found.append(ExperimentErased(experiment_id=experiment_id, erasure=Erasure("", [stream], refused=refused)))
    found.append(
        LoggedModelErased(
            model_id=MODELS[0],
            experiment_id=0,
            erasure=Erasure("", [f"logged-model/{MODELS[0]}"]),
            with_experiment=True,
        )
    )
    assert all(stream_of(event) for event in found)
    return found


def _decoded(log: MemoryEventLog, stream: str) -> list[AnyEvent]:
    return [codec.decode(event) for event in log._events[0] if event.stream == stream]
