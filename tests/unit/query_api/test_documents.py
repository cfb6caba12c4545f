"""Runs, experiments, logged models and registered models are answered field for field as MLflow answers them."""

import itertools
import math

import orjson
import pytest

from query_api.documents import KeyedDocument
from query_api.experiments.document import EXPERIMENT_BY_ID, EXPERIMENT_BY_NAME
from query_api.logged_models.document import LOGGED_MODEL_BY_ID, LOGGED_MODEL_OR_DELETED_BY_ID
from query_api.model_versions.document import DOWNLOAD_URI_BY_REFERENCE, MODEL_VERSION_BY_REFERENCE
from query_api.registered_models.document import (
    LATEST_VERSIONS_BY_NAME,
    MODEL_VERSION_BY_ALIAS,
    REGISTERED_MODEL_BY_NAME,
)
from query_api.runs.document import RUN_BY_ID
from schemas.mlflow import MODEL_VERSION_STAGES
from tests.unit.query_api.sqlite_rows import SqliteRows

HARD_TEXT = 'quote " backslash \\ newline \n tab \t control \x01 umlaut ü emoji 🦔 </script>'


async def test_an_empty_run_has_empty_data_inputs_and_outputs(rows: SqliteRows) -> None:
    rows.run("a" * 32, name="n", artifact_uri="u", start_time_ms=0)
    assert orjson.loads(await rows.document(RUN_BY_ID, "a" * 32) or b"") == {
        "run": {
            "info": {
                "run_uuid": "a" * 32,
                "experiment_id": "1",
                "run_name": "n",
                "user_id": "",
                "status": "RUNNING",
                "start_time": 0,
                "artifact_uri": "u",
                "lifecycle_stage": "active",
                "run_id": "a" * 32,
            },
            "data": {},
            "inputs": {},
            "outputs": {},
        }
    }


async def test_a_full_run_has_every_part(rows: SqliteRows) -> None:
    number = rows.run("r", params={"p": "1", "q": ""}, tags={"t": "x"}, end_time_ms=9)
    rows.metric(number, "m", 0.1 + 0.2, step=-3, timestamp_ms=7)
    rows.dataset(number, "d", "x", tags={"mlflow.data.context": "train"}, schema="s", profile="")
    rows.dataset(number, "e", "y")
    rows.insert("model_inputs", run_number=number, model_id="m-1")
    rows.insert("model_outputs", run_number=number, model_id="m-2", step=0)
    run = orjson.loads(await rows.document(RUN_BY_ID, "r") or b"")["run"]
    assert run["info"]["end_time"] == 9
    assert run["data"] == {
        "metrics": [{"key": "m", "value": 0.1 + 0.2, "timestamp": 7, "step": -3}],
        "params": [{"key": "p", "value": "1"}, {"key": "q", "value": ""}],
        "tags": [{"key": "t", "value": "x"}],
    }
    assert run["inputs"] == {
        "dataset_inputs": [
            {
                "tags": [{"key": "mlflow.data.context", "value": "train"}],
                "dataset": {"name": "d", "digest": "x", "source_type": "local", "source": "here", "schema": "s"},
            },
            {"dataset": {"name": "e", "digest": "y", "source_type": "local", "source": "here"}},
        ],
        "model_inputs": [{"model_id": "m-1"}],
    }
    assert run["outputs"] == {"model_outputs": [{"model_id": "m-2", "step": 0}]}


async def test_datasets_come_in_the_order_they_were_logged_in(rows: SqliteRows) -> None:
    number = rows.run("r")
    logged = [("z", "1"), ("a", "9"), ("a", "1"), ("M", "1")]
    for name, digest in logged:
        rows.dataset(number, name, digest)
    run = orjson.loads(await rows.document(RUN_BY_ID, "r") or b"")["run"]
    datasets = [each["dataset"] for each in run["inputs"]["dataset_inputs"]]
    assert [(dataset["name"], dataset["digest"]) for dataset in datasets] == logged


async def test_metric_values_are_exact_and_nan_is_text(rows: SqliteRows) -> None:
    values = {"a": math.nan, "b": 1.7976931348623157e308, "c": 5e-324, "d": 1 / 3, "e": -0.0, "f": 1.0}
    rows.run("r", metrics=values)
    metrics = orjson.loads(await rows.document(RUN_BY_ID, "r") or b"")["run"]["data"]["metrics"]
    assert {metric["key"]: metric["value"] for metric in metrics} == values | {"a": "NaN"}
    assert math.copysign(1, metrics[4]["value"]) == -1


async def test_any_text_survives_the_way_through_the_database(rows: SqliteRows) -> None:
    number = rows.run("r", name=HARD_TEXT, params={"p " + HARD_TEXT: HARD_TEXT}, tags={"t": HARD_TEXT})
    rows.dataset(number, HARD_TEXT, "x", tags={"k": HARD_TEXT}, profile=HARD_TEXT)
    run = orjson.loads(await rows.document(RUN_BY_ID, "r") or b"")["run"]
    assert run["info"]["run_name"] == HARD_TEXT
    assert run["data"]["params"] == [{"key": "p " + HARD_TEXT, "value": HARD_TEXT}]
    assert run["data"]["tags"][0]["value"] == HARD_TEXT
    assert run["inputs"]["dataset_inputs"][0]["dataset"]["profile"] == HARD_TEXT
    assert run["inputs"]["dataset_inputs"][0]["tags"] == [{"key": "k", "value": HARD_TEXT}]


@pytest.mark.parametrize(
    ("run_stage", "run_us", "experiment_stage", "experiment_us", "effective"),
    [
        ("active", 2, "deleted", 3, "deleted"),
        ("active", 3, "deleted", 2, "active"),
        ("deleted", 2, "active", 3, "active"),
        ("deleted", 3, "active", 2, "deleted"),
        ("active", 3, "deleted", 3, "deleted"),
    ],
)
async def test_the_later_of_run_and_experiment_decides_the_lifecycle_stage_and_the_experiment_at_the_same_moment(
    rows: SqliteRows, run_stage: str, run_us: int, experiment_stage: str, experiment_us: int, effective: str
) -> None:
    rows.experiment(2, lifecycle_stage=experiment_stage, lifecycle_us=experiment_us)
    rows.run("r", experiment_id=2, lifecycle_stage=run_stage, lifecycle_us=run_us)
    assert orjson.loads(await rows.document(RUN_BY_ID, "r") or b"")["run"]["info"]["lifecycle_stage"] == effective


@pytest.mark.parametrize(
    ("run_stage", "seen", "experiment_stage", "revision", "effective"),
    [
        ("active", 0, "deleted", 1, "deleted"),
        ("active", 1, "deleted", 1, "active"),
        ("deleted", 1, "active", 2, "active"),
        ("deleted", 2, "active", 2, "deleted"),
        ("deleted", 3, "active", 2, "deleted"),  # the experiments' partition is behind the run's
    ],
)
@pytest.mark.parametrize(("run_us", "experiment_us"), [(2, 3), (3, 2)], ids=["run's clock behind", "run's clock ahead"])
async def test_a_runs_own_stage_counts_unless_its_writer_had_not_seen_the_last_change_of_the_experiment(
    rows: SqliteRows,
    run_stage: str,
    seen: int,
    experiment_stage: str,
    revision: int,
    effective: str,
    run_us: int,
    experiment_us: int,
) -> None:
    rows.experiment(2, lifecycle_stage=experiment_stage, lifecycle_us=experiment_us, lifecycle_revision=revision)
    rows.run("r", experiment_id=2, lifecycle_stage=run_stage, lifecycle_us=run_us, experiment_revision=seen)
    assert orjson.loads(await rows.document(RUN_BY_ID, "r") or b"")["run"]["info"]["lifecycle_stage"] == effective


async def test_an_experiment_is_found_by_id_and_by_name_with_its_tags(rows: SqliteRows) -> None:
    rows.experiment(7, name=HARD_TEXT, lifecycle_stage="deleted", creation_time_ms=3, last_update_time_ms=4)
    rows.insert("experiment_tags", experiment_id=7, key="k", value=HARD_TEXT)
    by_id = await rows.document(EXPERIMENT_BY_ID, 7)
    assert by_id == await rows.document(EXPERIMENT_BY_NAME, HARD_TEXT)
    assert orjson.loads(by_id or b"") == {
        "experiment": {
            "experiment_id": "7",
            "name": HARD_TEXT,
            "artifact_location": "mlflow-artifacts:/7",
            "lifecycle_stage": "deleted",
            "last_update_time": 4,
            "creation_time": 3,
            "tags": [{"key": "k", "value": HARD_TEXT}],
            "workspace": "default",
        }
    }
    assert "tags" not in orjson.loads(await rows.document(EXPERIMENT_BY_ID, 1) or b"")["experiment"]


async def test_a_logged_model_has_its_metrics_with_run_and_dataset(rows: SqliteRows) -> None:
    rows.logged_model("m-1", name="n", status=2, source_run_id="r", params={"p": "1"}, tags={"t": "2"})
    rows.logged_model_metric("m-1", "acc", 0.1, step=2, dataset_name="d", dataset_digest="x")
    rows.logged_model_metric("m-1", "loss", 0.2)
    assert orjson.loads(await rows.document(LOGGED_MODEL_BY_ID, "m-1") or b"") == {
        "model": {
            "info": {
                "model_id": "m-1",
                "experiment_id": "1",
                "name": "n",
                "creation_timestamp_ms": 0,
                "last_updated_timestamp_ms": 0,
                "artifact_uri": "mlflow-artifacts:/1/models/m-1/artifacts",
                "status": "LOGGED_MODEL_READY",
                "model_type": "",
                "source_run_id": "r",
                "tags": [{"key": "t", "value": "2"}],
            },
            "data": {
                "params": [{"key": "p", "value": "1"}],
                "metrics": [
                    {
                        "key": "acc",
                        "value": 0.1,
                        "timestamp": 0,
                        "step": 2,
                        "dataset_name": "d",
                        "dataset_digest": "x",
                        "model_id": "m-1",
                        "run_id": "r",
                    },
                    {"key": "loss", "value": 0.2, "timestamp": 0, "step": 0, "model_id": "m-1", "run_id": "r"},
                ],
            },
        }
    }


async def test_a_model_without_params_and_metrics_has_empty_data(rows: SqliteRows) -> None:
    rows.logged_model("m-1")
    assert orjson.loads(await rows.document(LOGGED_MODEL_BY_ID, "m-1") or b"")["model"]["data"] == {}


async def test_a_deleted_model_is_shown_to_who_asks_for_it(rows: SqliteRows) -> None:
    rows.logged_model("m-1", lifecycle_stage="deleted")
    assert await rows.document(LOGGED_MODEL_BY_ID, "m-1") is None
    found = await rows.document(LOGGED_MODEL_OR_DELETED_BY_ID, "m-1")
    assert orjson.loads(found or b"")["model"]["info"]["model_id"] == "m-1"


async def test_a_registered_model_has_its_tags_and_aliases_and_its_latest_versions_without_theirs(
    rows: SqliteRows,
) -> None:
    rows.registered_model("m", description=HARD_TEXT, creation_timestamp_ms=3, tags={"b": "1", "a": HARD_TEXT})
    rows.model_version("m", 1, tags={"k": HARD_TEXT, "j": ""}, aliases=["c"], run_id="r", last_updated_timestamp_ms=9)
    rows.registered_model("n", last_version=1)
    found = orjson.loads(await rows.document(REGISTERED_MODEL_BY_NAME, "m") or b"")
    assert found == {
        "registered_model": {
            "name": "m",
            "creation_timestamp": 3,
            "last_updated_timestamp": 0,
            "description": HARD_TEXT,
            "latest_versions": [
                {
                    "name": "m",
                    "version": "1",
                    "creation_timestamp": 0,
                    "last_updated_timestamp": 9,
                    "current_stage": "None",
                    "description": "",
                    "source": "s3://bucket/1",
                    "run_id": "r",
                    "status": "READY",
                    "tags": [{"key": "j", "value": ""}, {"key": "k", "value": HARD_TEXT}],
                    "run_link": "",
                }
            ],
            "tags": [{"key": "a", "value": HARD_TEXT}, {"key": "b", "value": "1"}],
            "aliases": [{"alias": "c", "version": "1"}],
        }
    }
    assert orjson.loads(await rows.document(REGISTERED_MODEL_BY_NAME, "n") or b"") == {
        "registered_model": {"name": "n", "creation_timestamp": 0, "last_updated_timestamp": 0}
    }


STAGES_OF_VERSIONS = ("Archived", "Staging", "Production", "None", "Staging", "Production", "None", "Archived")


@pytest.mark.parametrize("document", [REGISTERED_MODEL_BY_NAME, LATEST_VERSIONS_BY_NAME])
async def test_the_latest_versions_are_one_a_stage_in_the_order_of_the_first_version_in_each(
    rows: SqliteRows, document: KeyedDocument
) -> None:
    for name in ("m", "another"):
        rows.registered_model(name)
        for version, stage in enumerate(STAGES_OF_VERSIONS, start=1):
            rows.model_version(name, version, current_stage=stage, source=f"s3://{name}")
    body = orjson.loads(await rows.document(document, "m") or b"")
    latest = body["registered_model"]["latest_versions"] if document.name else body["model_versions"]
    assert [(one["current_stage"], one["version"]) for one in latest] == [
        ("Archived", "8"),
        ("Staging", "5"),
        ("Production", "6"),
        ("None", "7"),
    ]
    assert {one["source"] for one in latest} == {"s3://m"}


async def test_the_latest_versions_by_themselves_have_their_aliases(rows: SqliteRows) -> None:
    rows.registered_model("m")
    assert await rows.document(LATEST_VERSIONS_BY_NAME, "m") == b"{}"
    rows.model_version("m", 1, aliases=["b", "Ä", "a"])
    (latest,) = orjson.loads(await rows.document(LATEST_VERSIONS_BY_NAME, "m") or b"")["model_versions"]
    assert latest["aliases"] == ["a", "b", "Ä"]


async def test_a_version_is_the_same_by_its_number_and_by_its_alias(rows: SqliteRows) -> None:
    rows.registered_model("m")
    rows.model_version("m", 1, aliases=["champion"])
    rows.model_version("m", 2, aliases=["b", "a"], storage_location="s3://elsewhere", description=None, tags={"k": "v"})
    by_number = await rows.document(MODEL_VERSION_BY_REFERENCE, "m/2")
    assert by_number == await rows.document(MODEL_VERSION_BY_ALIAS, "m@a")
    version = orjson.loads(by_number or b"")["model_version"]
    assert (version["version"], version["aliases"], version["tags"]) == (
        "2",
        ["a", "b"],
        [{"key": "k", "value": "v"}],
    )
    assert "description" not in version
    assert await rows.document(DOWNLOAD_URI_BY_REFERENCE, "m/2") == b'{"artifact_uri":"s3://elsewhere"}'


async def test_what_is_unknown_is_none(rows: SqliteRows) -> None:
    assert await rows.document(RUN_BY_ID, "r") is None
    assert await rows.document(EXPERIMENT_BY_ID, 2) is None
    assert await rows.document(EXPERIMENT_BY_ID, 2**70) is None
    assert await rows.document(EXPERIMENT_BY_NAME, "x") is None
    assert await rows.document(LOGGED_MODEL_BY_ID, "m") is None
    assert await rows.document(REGISTERED_MODEL_BY_NAME, "m") is None
    assert await rows.document(LATEST_VERSIONS_BY_NAME, "m") is None
    assert await rows.document(MODEL_VERSION_BY_REFERENCE, "m/1") is None
    assert await rows.document(MODEL_VERSION_BY_ALIAS, "m@a") is None


@pytest.mark.parametrize(
    "document",
    [
        RUN_BY_ID,
        LOGGED_MODEL_BY_ID,
        EXPERIMENT_BY_NAME,
        REGISTERED_MODEL_BY_NAME,
        MODEL_VERSION_BY_REFERENCE,
        MODEL_VERSION_BY_ALIAS,
    ],
)
async def test_a_document_is_one_statement(rows: SqliteRows, document: KeyedDocument) -> None:
    rows.run("x")
    await rows.document(document, "x")
    assert len(rows.statements) == 1


@pytest.mark.parametrize(
    ("document", "key"),
    [
        (REGISTERED_MODEL_BY_NAME, "m"),
        (LATEST_VERSIONS_BY_NAME, "m"),
        (MODEL_VERSION_BY_REFERENCE, "m/1"),
        (MODEL_VERSION_BY_ALIAS, "m@a"),
    ],
)
async def test_a_registered_model_is_read_by_probes_of_indexes_however_many_versions_it_has(
    rows: SqliteRows, document: KeyedDocument, key: str
) -> None:
    for number in range(100):
        rows.registered_model(f"{number}")
        rows.model_version(f"{number}", 1, aliases=["a"])
    rows.registered_model("m")
    # In all stages: of versions of one stage each index costs the planner the same, and it takes any.
    for version, stage in zip(range(1, 400), itertools.cycle(MODEL_VERSION_STAGES), strict=False):
        aliases = ["a"] if version == 1 else []
        rows.model_version("m", version, aliases=aliases, tags={"k": "v"}, current_stage=stage)
    statement = rows.dialect.documents.by_key(document)
    if rows.dialect.name == "sqlite":
        plan = [step[3] for step in await rows.fetch(f"EXPLAIN QUERY PLAN {statement}", (key,))]
        assert any("model_version" in step for step in plan)
        assert not [step for step in plan if step.startswith("SCAN") and "subquery" not in step]
    else:
        await rows.fetch("ANALYZE")
        plan = [step[0] for step in await rows.fetch(f"EXPLAIN {statement}", ([key],))]
        assert any("Index" in step for step in plan)
        # A condition that no index serves is a filter of rows that are read.
        assert not [step for step in plan if "Filter" in step or "Seq Scan" in step]
