"""The rules of the fold: a history of events, and the rows it must give."""

import json
from array import array
from pathlib import Path

import pytest
from msgspec.structs import replace

from projector.projections.metrics import newest
from read_model.metric_points import Points
from schemas.events import (
    DatasetInput,
    ExperimentAcknowledged,
    ExperimentDeleted,
    ExperimentRenamed,
    ExperimentRestored,
    LoggedModelCreated,
    LoggedModelDeleted,
    LoggedModelFinalized,
    LoggedModelParamsLogged,
    LoggedModelTagDeleted,
    LoggedModelTagsSet,
    LoggedModelVersionRegistered,
    MetricSeries,
    ModelMetric,
    ModelOutput,
    Param,
    RunDataLogged,
    RunDeleted,
    RunInputsLogged,
    RunModelLogged,
    RunOutputsLogged,
    RunRestored,
    RunTagDeleted,
    RunUpdated,
    Tag,
)
from tests.unit.projector.histories import RUNS, created, experiment, log_of, metric, param
from tests.unit.projector.read_models import projected

START = (experiment(), created())
REFUSALS = "SELECT error_code, message FROM refusals"
LATEST = "SELECT value, step, timestamp_ms FROM latest_metrics"


async def test_a_created_run_has_its_name_as_a_tag(tmp_path: Path) -> None:
    read_model = await projected(tmp_path, await log_of(*START))
    assert read_model.rows("SELECT key, value FROM tags") == [("mlflow.runName", "n"), ("mlflow.user", "u")]
    assert read_model.rows("SELECT status, lifecycle_stage FROM runs") == [("RUNNING", "active")]


async def test_the_first_claim_of_an_experiment_name_wins(tmp_path: Path) -> None:
    read_model = await projected(tmp_path, await log_of(experiment(1, "x"), experiment(2, "x")))
    assert read_model.rows("SELECT experiment_id FROM experiments") == [(1,)]
    assert read_model.rows(REFUSALS)[0][0] == "RESOURCE_ALREADY_EXISTS"


async def test_a_name_is_taken_also_by_a_deleted_experiment(tmp_path: Path) -> None:
    read_model = await projected(
        tmp_path, await log_of(experiment(1, "x"), ExperimentDeleted(experiment_id=1), experiment(2, "x"))
    )
    assert len(read_model.rows(REFUSALS)) == 1


async def test_the_first_claim_of_an_experiment_id_wins(tmp_path: Path) -> None:
    read_model = await projected(tmp_path, await log_of(experiment(1, "x"), experiment(1, "y")))
    assert read_model.rows("SELECT name FROM experiments") == [("x",)]
    assert "Experiment id 1" in str(read_model.rows(REFUSALS)[0][1])


async def test_a_new_experiment_is_claimed_until_one_request_is_acknowledged(tmp_path: Path) -> None:
    acknowledged = ExperimentAcknowledged(experiment_id=1)
    log = await log_of(experiment(1, "x", awaits_acknowledgement=True))
    claims = "SELECT claim IS NULL FROM experiments"
    assert (await projected(tmp_path, log)).rows(claims) == [(0,)]
    log = await log_of(experiment(1, "x", awaits_acknowledgement=True), acknowledged, acknowledged)
    read_model = await projected(tmp_path, log)
    assert read_model.rows(claims) == [(1,)]
    assert [row[0] for row in read_model.rows(REFUSALS)] == ["RESOURCE_ALREADY_EXISTS"]


async def test_an_experiment_of_an_older_tracklog_is_claimed_by_nobody(tmp_path: Path) -> None:
    read_model = await projected(tmp_path, await log_of(experiment(1), ExperimentAcknowledged(experiment_id=1)))
    assert read_model.rows("SELECT claim FROM experiments") == [(None,)]
    assert [row[0] for row in read_model.rows(REFUSALS)] == ["RESOURCE_ALREADY_EXISTS"]


async def test_a_renamed_experiment_frees_its_name(tmp_path: Path) -> None:
    history = (experiment(1, "x"), ExperimentRenamed(experiment_id=1, name="y"), experiment(2, "x"))
    read_model = await projected(tmp_path, await log_of(*history))
    assert read_model.rows("SELECT experiment_id, name FROM experiments ORDER BY 1") == [(1, "y"), (2, "x")]


async def test_names_swapped_within_one_batch_are_both_kept(tmp_path: Path) -> None:
    history = (
        experiment(1, "x"),
        experiment(2, "y"),
        ExperimentRenamed(experiment_id=1, name="z"),
        ExperimentRenamed(experiment_id=2, name="x"),
        ExperimentRenamed(experiment_id=1, name="y"),
    )
    read_model = await projected(tmp_path, await log_of(*history), ends=[2])
    assert read_model.rows("SELECT experiment_id, name FROM experiments ORDER BY 1") == [(1, "y"), (2, "x")]


async def test_a_rename_to_a_taken_name_is_refused(tmp_path: Path) -> None:
    history = (experiment(1, "x"), experiment(2, "y"), ExperimentRenamed(experiment_id=2, name="x"))
    read_model = await projected(tmp_path, await log_of(*history))
    assert [row[0] for row in read_model.rows(REFUSALS)] == ["BAD_REQUEST"]


async def test_a_deleted_experiment_cannot_be_renamed(tmp_path: Path) -> None:
    history = (experiment(1, "x"), ExperimentDeleted(experiment_id=1), ExperimentRenamed(experiment_id=1, name="y"))
    read_model = await projected(tmp_path, await log_of(*history))
    assert [row[0] for row in read_model.rows(REFUSALS)] == ["INVALID_STATE"]


@pytest.mark.parametrize(
    "again", [(ExperimentDeleted, ExperimentDeleted), (ExperimentDeleted, ExperimentRestored, ExperimentRestored)]
)
async def test_an_experiment_is_deleted_or_restored_once(tmp_path: Path, again: tuple[type, ...]) -> None:
    read_model = await projected(tmp_path, await log_of(experiment(1), *(one(experiment_id=1) for one in again)))
    assert [row[0] for row in read_model.rows(REFUSALS)] == ["RESOURCE_DOES_NOT_EXIST"]


async def test_a_lifecycle_change_is_later_than_the_one_before_it_whatever_the_clock_says(tmp_path: Path) -> None:
    history = (experiment(), created(), RunDeleted(run_id=RUNS[0]), RunRestored(run_id=RUNS[0]))
    log = await log_of(*history)
    # The restore comes from a replica whose clock is far behind.
    log._events[0][3] = replace(log._events[0][3], time_us=5)
    read_model = await projected(tmp_path, log)
    [(stage, lifecycle_us)] = read_model.rows("SELECT lifecycle_stage, lifecycle_us FROM runs")
    assert stage == "active"
    assert lifecycle_us == 1_000_003


async def test_an_experiment_counts_the_changes_of_its_lifecycle_and_not_the_refused_ones(tmp_path: Path) -> None:
    history = (ExperimentDeleted, ExperimentDeleted, ExperimentRestored, ExperimentRestored, ExperimentDeleted)
    read_model = await projected(tmp_path, await log_of(experiment(1), *(one(experiment_id=1) for one in history)))
    assert read_model.rows("SELECT lifecycle_revision, lifecycle_stage FROM experiments") == [(3, "deleted")]


@pytest.mark.parametrize(
    ("seen", "kept"),
    [((1,), 1), ((1, 3), 3), ((3, 1), 3), ((None,), None), ((2, None), None), ((None, 2), 2), ((None, None, 0), 0)],
)
async def test_a_run_keeps_how_much_of_its_experiment_its_writers_had_seen(
    tmp_path: Path, seen: tuple[int | None, ...], kept: int | None
) -> None:
    """Of two racing writers the later in the log may have seen less; one of an older Tracklog does not tell."""
    changes = (RunDeleted(run_id=RUNS[0], experiment_revision=one) for one in seen)
    read_model = await projected(tmp_path, await log_of(*START, *changes))
    assert read_model.rows("SELECT experiment_revision FROM runs") == [(kept,)]


async def test_the_time_of_the_last_update_does_not_go_back_with_a_clock(tmp_path: Path) -> None:
    made = LoggedModelCreated(model_id="m", experiment_id=0, name="n", artifact_location="x")
    history = (experiment(), made, ExperimentDeleted(experiment_id=0), LoggedModelFinalized(model_id="m", status=2))
    log = await log_of(*history)
    for offset in (2, 3):
        log._events[0][offset] = replace(log._events[0][offset], time_us=5)
    read_model = await projected(tmp_path, log)
    assert read_model.rows("SELECT last_update_time_ms - creation_time_ms FROM experiments") == [(0,)]
    assert read_model.rows("SELECT last_updated_timestamp_ms - creation_timestamp_ms FROM logged_models") == [(0,)]


async def test_the_first_value_of_a_param_wins(tmp_path: Path) -> None:
    read_model = await projected(tmp_path, await log_of(*START, param("lr", "1"), param("lr", "2"), param("lr", "1")))
    assert read_model.rows("SELECT key, value FROM params") == [("lr", "1")]
    assert [row[0] for row in read_model.rows(REFUSALS)] == ["INVALID_PARAMETER_VALUE"]


async def test_a_request_with_a_lost_param_is_refused_whole(tmp_path: Path) -> None:
    batch = RunDataLogged(
        run_id=RUNS[0],
        params=[Param("new", "1"), Param("lr", "2")],
        metrics=[MetricSeries("loss", [1.0], [1], [1])],
        tags=[Tag("t", "v")],
    )
    read_model = await projected(tmp_path, await log_of(*START, param("lr", "1"), batch), ends=[3])
    assert read_model.rows("SELECT key, value FROM params") == [("lr", "1")]
    assert read_model.rows("SELECT * FROM latest_metrics") == []
    assert read_model.rows("SELECT * FROM tags WHERE key = 't'") == []


async def test_metrics_and_tags_of_a_deleted_run_are_kept(tmp_path: Path) -> None:
    history = (*START, RunDeleted(run_id=RUNS[0]), metric(step=1), RunDataLogged(run_id=RUNS[0], tags=[Tag("t", "v")]))
    read_model = await projected(tmp_path, await log_of(*history))
    assert read_model.rows("SELECT step FROM latest_metrics") == [(1,)]
    assert read_model.rows("SELECT value FROM tags WHERE key = 't'") == [("v",)]
    assert read_model.rows(REFUSALS) == []


async def test_a_late_metric_does_not_replace_a_later_step(tmp_path: Path) -> None:
    history = (*START, metric(step=2, value=0.1), metric(step=1, value=0.9, timestamp_ms=99))
    read_model = await projected(tmp_path, await log_of(*history), ends=[3])
    assert read_model.rows(LATEST) == [(0.1, 2, 0)]


@pytest.mark.parametrize(
    ("points", "index"),
    [
        ([(1, 0, 5.0), (2, 0, 1.0)], 1),
        ([(2, 0, 5.0), (1, 9, 9.0)], 0),
        ([(1, 5, 1.0), (1, 4, 9.0)], 0),
        ([(1, 5, 1.0), (1, 5, 2.0)], 1),
        ([(1, 5, -1.0), (1, 5, float("nan"))], 1),
        ([(1, 5, 1.0), (1, 5, float("nan"))], 0),
        ([(-3, 1, 0.0), (-4, 1, 0.0)], 0),
    ],
    ids=["step", "step before time", "time", "value", "NaN above negative", "NaN below positive", "negative steps"],
)
def test_the_newest_point_has_the_greatest_step_then_time_then_value(
    points: list[tuple[int, int, float]], index: int
) -> None:
    steps, times, values = zip(*points, strict=True)
    assert newest(Points(array("q", steps), array("q", times), array("d", values))) == index


async def test_nan_and_infinities_are_kept_as_mlflow_shows_them(tmp_path: Path) -> None:
    history = (*START, metric("nan", value="NaN"), metric("up", value="Infinity"), metric("down", value="-Infinity"))
    read_model = await projected(tmp_path, await log_of(*history))
    assert read_model.rows("SELECT key, value, value_json FROM latest_metrics ORDER BY key") == [
        ("down", -1.7976931348623157e308, "-1.7976931348623157e+308"),
        ("nan", None, '"NaN"'),
        ("up", 1.7976931348623157e308, "1.7976931348623157e+308"),
    ]


async def test_a_run_name_follows_its_tag_and_the_tag_the_name(tmp_path: Path) -> None:
    tagged = RunDataLogged(run_id=RUNS[0], tags=[Tag("mlflow.runName", "tagged")])
    read_model = await projected(tmp_path, await log_of(*START, tagged))
    assert read_model.rows("SELECT name FROM runs") == [("tagged",)]
    read_model = await projected(tmp_path, await log_of(*START, RunUpdated(run_id=RUNS[0], name="updated")))
    assert read_model.rows("SELECT value FROM tags WHERE key = 'mlflow.runName'") == [("updated",)]


async def test_an_empty_name_tag_changes_neither_name_nor_tag(tmp_path: Path) -> None:
    emptied = RunDataLogged(run_id=RUNS[0], tags=[Tag("mlflow.runName", "")])
    read_model = await projected(tmp_path, await log_of(*START, emptied))
    assert read_model.rows("SELECT name FROM runs") == [("n",)]
    assert ("mlflow.runName", "n") in read_model.rows("SELECT key, value FROM tags")


async def test_deleting_the_name_tag_leaves_the_name(tmp_path: Path) -> None:
    history = (*START, RunTagDeleted(run_id=RUNS[0], key="mlflow.runName"))
    read_model = await projected(tmp_path, await log_of(*history))
    assert read_model.rows("SELECT name FROM runs") == [("n",)]
    assert read_model.rows("SELECT key FROM tags") == [("mlflow.user",)]


async def test_an_update_changes_only_what_was_sent(tmp_path: Path) -> None:
    history = (
        *START,
        RunUpdated(run_id=RUNS[0], status="FINISHED", end_time_ms=7),
        RunUpdated(run_id=RUNS[0], status="FAILED"),
    )
    read_model = await projected(tmp_path, await log_of(*history), ends=[3])
    assert read_model.rows("SELECT status, end_time_ms, name FROM runs") == [("FAILED", 7, "n")]


async def test_the_earliest_description_of_a_dataset_wins(tmp_path: Path) -> None:
    def logged(run_id: str, source: str) -> RunInputsLogged:
        return RunInputsLogged(run_id=run_id, datasets=[DatasetInput(name="d", digest="1", source=source)])

    log = await log_of(*START, created(RUNS[1]), logged(RUNS[0], "later"), logged(RUNS[1], "earlier"))
    log._events[0][4] = replace(log._events[0][4], time_us=10)
    for ends in ([], [4]):
        read_model = await projected(tmp_path, log, ends)
        assert read_model.rows("SELECT source FROM datasets") == [("earlier",)]


async def test_datasets_of_a_run_are_numbered_as_they_were_logged_and_the_first_tags_stay(tmp_path: Path) -> None:
    def logged(*names: str, context: str) -> RunInputsLogged:
        tags = [Tag("mlflow.data.context", context)]
        datasets = [DatasetInput(name=name, digest="1", source_type="local", source="s", tags=tags) for name in names]
        return RunInputsLogged(run_id=RUNS[0], datasets=datasets)

    log = await log_of(*START, logged("z", "c", "z", context="train"), logged("a", "z", "b", context="test"))
    for ends in ([], [2], [3]):
        read_model = await projected(tmp_path, log, ends)
        assert read_model.rows("SELECT ordinal, name, context FROM dataset_inputs ORDER BY ordinal") == [
            (0, "z", "train"),
            (1, "c", "train"),
            (2, "a", "test"),
            (3, "b", "test"),
        ]


async def test_a_model_is_an_output_of_a_run_once(tmp_path: Path) -> None:
    output = RunOutputsLogged(run_id=RUNS[0], models=[ModelOutput("m-1", 3)])
    read_model = await projected(tmp_path, await log_of(*START, output, output), ends=[3])
    assert read_model.rows("SELECT model_id, step FROM model_outputs") == [("m-1", 3)]
    assert [row[0] for row in read_model.rows(REFUSALS)] == ["BAD_REQUEST"]


async def test_a_logged_model_is_pending_until_finalized(tmp_path: Path) -> None:
    model = LoggedModelCreated(
        model_id="m-1", experiment_id=0, name="m", artifact_location="x", params=[Param("a", "b")]
    )
    read_model = await projected(tmp_path, await log_of(model))
    assert read_model.rows("SELECT status FROM logged_models") == [(1,)]
    read_model = await projected(
        tmp_path, await log_of(model, LoggedModelFinalized(model_id="m-1", status=2)), ends=[1]
    )
    assert read_model.rows("SELECT status FROM logged_models") == [(2,)]
    assert read_model.rows("SELECT key, value FROM logged_model_params") == [("a", "b")]


MODEL = LoggedModelCreated(
    model_id="m-1",
    experiment_id=0,
    name="m",
    artifact_location="x",
    params=[Param("a", "b")],
    tags=[Tag("t", "1"), Tag("u", "1")],
)


@pytest.mark.parametrize("ends", [[], [1]], ids=["in the batch that made it", "later"])
async def test_a_logged_model_gets_more_params_and_none_again(tmp_path: Path, ends: list[int]) -> None:
    more = LoggedModelParamsLogged(model_id="m-1", params=[Param("c", "d")])
    again = LoggedModelParamsLogged(model_id="m-1", params=[Param("e", "f"), Param("a", "b")])
    read_model = await projected(tmp_path, await log_of(MODEL, more, again), ends=ends)
    assert read_model.rows("SELECT key, value FROM logged_model_params") == [("a", "b"), ("c", "d")]
    assert [row[0] for row in read_model.rows(REFUSALS)] == ["BAD_REQUEST"]


@pytest.mark.parametrize("ends", [[], [1]], ids=["in the batch that made it", "later"])
async def test_tags_of_a_logged_model_are_set_and_deleted(tmp_path: Path, ends: list[int]) -> None:
    history = (
        MODEL,
        LoggedModelTagsSet(model_id="m-1", tags=[Tag("t", "2"), Tag("v", "3")]),
        LoggedModelTagDeleted(model_id="m-1", key="u"),
        LoggedModelTagDeleted(model_id="m-1", key="absent"),
    )
    read_model = await projected(tmp_path, await log_of(*history), ends=ends)
    assert read_model.rows("SELECT key, value FROM logged_model_tags") == [("t", "2"), ("v", "3")]


@pytest.mark.parametrize("ends", [[], [1], [1, 2], [1, 2, 3, 4]], ids=["at once", "later", "apart", "one by one"])
async def test_versions_made_from_a_logged_model_are_listed_once(tmp_path: Path, ends: list[int]) -> None:
    key = "mlflow.modelVersions"
    history = (
        MODEL,
        LoggedModelVersionRegistered(model_id="m-1", name="n", version=1),
        LoggedModelVersionRegistered(model_id="m-1", name="n", version=2),
        LoggedModelTagsSet(model_id="m-1", tags=[Tag(key, '[{"name": "n", "version": "1"}]'), Tag("v", "3")]),
        LoggedModelTagsSet(model_id="m-1", tags=[Tag(key, '[{"name": "o", "version": "1"}]')]),
    )
    read_model = await projected(tmp_path, await log_of(*history), ends=ends)
    listed = '[{"name":"n","version":1},{"name":"n","version":2},{"name":"o","version":1}]'
    assert read_model.rows(f"SELECT value FROM logged_model_tags WHERE key = '{key}'") == [(listed,)]
    assert read_model.rows("SELECT last_updated_timestamp_ms - creation_timestamp_ms FROM logged_models") == [(0,)]


@pytest.mark.parametrize("ends", [[], [1], [2], [3]])
async def test_a_deleted_list_of_versions_begins_anew(tmp_path: Path, ends: list[int]) -> None:
    history = (
        MODEL,
        LoggedModelVersionRegistered(model_id="m-1", name="n", version=1),
        LoggedModelTagDeleted(model_id="m-1", key="mlflow.modelVersions"),
        LoggedModelVersionRegistered(model_id="m-1", name="n", version=2),
    )
    read_model = await projected(tmp_path, await log_of(*history), ends=ends)
    rows = read_model.rows("SELECT value FROM logged_model_tags WHERE key = 'mlflow.modelVersions'")
    assert rows == [('[{"name":"n","version":2}]',)]


@pytest.mark.parametrize("ends", [[], [1]], ids=["in the batch that made it", "later"])
async def test_a_deleted_logged_model_keeps_what_it_has_and_takes_more(tmp_path: Path, ends: list[int]) -> None:
    history = (
        MODEL,
        LoggedModelDeleted(model_id="m-1"),
        LoggedModelDeleted(model_id="m-1"),
        LoggedModelTagsSet(model_id="m-1", tags=[Tag("t", "2")]),
        LoggedModelFinalized(model_id="m-1", status=2),
    )
    read_model = await projected(tmp_path, await log_of(*history), ends=ends)
    assert read_model.rows("SELECT lifecycle_stage, status FROM logged_models") == [("deleted", 2)]
    assert read_model.rows("SELECT key, value FROM logged_model_tags") == [("t", "2"), ("u", "1")]
    assert read_model.rows("SELECT * FROM set_aside") == []


HISTORY = "SELECT value FROM tags WHERE key = 'mlflow.log-model.history'"


def noted(path: str) -> RunModelLogged:
    return RunModelLogged(run_id=RUNS[0], model_json=json.dumps({"artifact_path": path}))


@pytest.mark.parametrize("ends", [[], [3]], ids=["in one batch", "in two"])
async def test_the_models_of_older_clients_are_listed_in_a_tag(tmp_path: Path, ends: list[int]) -> None:
    read_model = await projected(tmp_path, await log_of(*START, noted("a"), noted("ü")), ends=ends)
    ((text,),) = read_model.rows(HISTORY)
    assert json.loads(str(text)) == [{"artifact_path": "a"}, {"artifact_path": "ü"}]


async def test_a_deleted_list_of_models_begins_anew(tmp_path: Path) -> None:
    deleted = RunTagDeleted(run_id=RUNS[0], key="mlflow.log-model.history")
    read_model = await projected(tmp_path, await log_of(*START, noted("a"), deleted, noted("b")), ends=[3])
    assert read_model.rows(HISTORY) == [('[{"artifact_path": "b"}]',)]


@pytest.mark.parametrize("text", ["garbage", "{}", "1", "[" * 8000])
async def test_a_model_is_not_added_to_what_is_no_list(tmp_path: Path, text: str) -> None:
    set_by_hand = RunDataLogged(run_id=RUNS[0], tags=[Tag("mlflow.log-model.history", text)])
    read_model = await projected(tmp_path, await log_of(*START, set_by_hand, noted("a")))
    assert read_model.rows(HISTORY) == [(text,)]
    assert [row[0] for row in read_model.rows(REFUSALS)] == ["INVALID_PARAMETER_VALUE"]


async def test_a_list_of_models_has_an_end(tmp_path: Path) -> None:
    read_model = await projected(tmp_path, await log_of(*START, *(noted("m" * 30_000) for _ in range(4))))
    ((text,),) = read_model.rows(HISTORY)
    assert len(json.loads(str(text))) == 3
    assert [row[0] for row in read_model.rows(REFUSALS)] == ["INVALID_PARAMETER_VALUE"]


async def test_a_metric_of_a_logged_model_is_zero_when_nan(tmp_path: Path) -> None:
    logged = RunDataLogged(
        run_id=RUNS[0], model_metrics=[ModelMetric(model_id="m-1", key="k", value="NaN", timestamp_ms=1, step=2)]
    )
    read_model = await projected(tmp_path, await log_of(*START, logged))
    assert read_model.rows("SELECT value, value_json, run_id FROM logged_model_metrics") == [(0.0, "0.0", RUNS[0])]
