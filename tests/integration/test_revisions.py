"""Databases as MLflow's own migrations leave them, from 1.0 to 3.17: each revision is read as it is."""

import shutil
import sqlite3
import warnings
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Final

import pytest
from alembic import command
from alembic.config import Config
from mlflow.store.tracking.dbmodels.initial_models import Base
from sqlalchemy import create_engine

from event_log.memory_event_log import MemoryEventLog
from tests.unit.tracklog.moving.imports import counts, imported, records_of
from tracklog.moving.database_store import SqliteStore
from tracklog.moving.records import ExperimentRecord, PointsRecord, RunRecord

FILLED: Final = {
    "451aebb31d03": """
INSERT INTO experiments VALUES (0, 'Default', './mlruns/0', 'active'), (3, 'gone', './mlruns/3', 'deleted');
INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, end_time,
    source_version, lifecycle_stage, artifact_uri, experiment_id) VALUES
    ('aa', '', 'LOCAL', 'train.py', '', 'ann', 'FINISHED', 1000, 2000, '', 'active', './mlruns/0/aa/artifacts', 0),
    ('bb', '', 'LOCAL', 'train.py', '', 'bob', 'FAILED', 1500, NULL, '', 'deleted', './mlruns/3/bb/artifacts', 3);
INSERT INTO params (key, value, run_uuid) VALUES ('lr', '0.1', 'aa'), ('text', '', 'aa');
INSERT INTO tags (key, value, run_uuid) VALUES ('mlflow.runName', 'first', 'aa'), ('team', 'x', 'bb');
INSERT INTO metrics (key, value, timestamp, step, run_uuid) VALUES
    ('loss', 0.5, 1100, 0, 'aa'), ('loss', 0.25, 1200, 1, 'aa'), ('loss', -1.7976931348623157e308, 1300, -1, 'aa');
""",
    "2b4d017a5e9b": """
INSERT INTO experiment_tags (key, value, experiment_id) VALUES ('mlflow.note.content', 'hello', 0);
INSERT INTO metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('nan', 0, 1400, 0, 1, 'bb');
INSERT INTO registered_models (name, creation_time, last_updated_time, description) VALUES ('m', 100, 200, 'd');
INSERT INTO model_versions (name, version, creation_time, last_updated_time, current_stage, source, run_id, status)
    VALUES ('m', 2, 110, 120, 'Staging', './mlruns/0/aa/artifacts/m', 'aa', 'READY');
""",
    "a8c4a736bde6": """
INSERT INTO registered_model_tags (name, key, value) VALUES ('m', 'k', 'v');
INSERT INTO model_version_tags (name, version, key, value) VALUES ('m', 2, 'k', 'v');
""",
    "97727af70f4d": "UPDATE runs SET deleted_time = 3000 WHERE run_uuid = 'bb';",
    "7f2a7d5fae7d": """
INSERT INTO registered_model_aliases (name, alias, version) VALUES ('m', 'best', 2);
INSERT INTO datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type, dataset_source)
    VALUES ('d1', 0, 'iris', 'f00', 'local', '{}');
INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id)
    VALUES ('i1', 'DATASET', 'd1', 'RUN', 'aa');
INSERT INTO input_tags (input_uuid, name, value) VALUES ('i1', 'mlflow.data.context', 'train');
""",
    "867495a8f9d4": f"""
INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, execution_time_ms, status)
    VALUES ('{"a" * 32}', 0, 1000, 5, 'OK');
INSERT INTO trace_tags (key, value, request_id) VALUES ('mlflow.traceName', 'f', '{"a" * 32}');
INSERT INTO trace_request_metadata (key, value, request_id) VALUES ('mlflow.traceInputs', '1', '{"a" * 32}');
""",
    "6953534de441": """
INSERT INTO logged_models (model_id, experiment_id, name, artifact_location, creation_timestamp_ms,
    last_updated_timestamp_ms, status, lifecycle_stage, source_run_id)
    VALUES ('m-1', 0, 'model', './mlruns/0/models/m-1', 1000, 1001, 2, 'active', 'aa');
INSERT INTO logged_model_params (model_id, experiment_id, param_key, param_value) VALUES ('m-1', 0, 'depth', '3');
INSERT INTO logged_model_tags (model_id, experiment_id, tag_key, tag_value) VALUES ('m-1', 0, 'kind', 'tree');
INSERT INTO logged_model_metrics (model_id, metric_name, metric_timestamp_ms, metric_step, metric_value, experiment_id,
    run_id) VALUES ('m-1', 'auc', 1002, 0, 0.75, 0, 'aa');
INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id, step)
    VALUES ('o1', 'RUN_OUTPUT', 'aa', 'MODEL_OUTPUT', 'm-1', 4);
""",
    "1a0cddfcaa16": f"""
INSERT INTO assessments (assessment_id, trace_id, name, assessment_type, value, created_timestamp,
    last_updated_timestamp, source_type, valid)
    VALUES ('a-1', '{"a" * 32}', 'good', 'feedback', 'true', 1, 1, 'HUMAN', 1);
INSERT INTO webhooks (webhook_id, name, url, status, secret, creation_timestamp, last_updated_timestamp)
    VALUES ('w', 'hook', 'https://example.com/', 'ACTIVE', 'sealed', 1, 2);
INSERT INTO webhook_events (webhook_id, entity, action) VALUES ('w', 'registered_model', 'created');
""",
    "71994744cf8e": """
INSERT INTO scorers (experiment_id, scorer_name, scorer_id) VALUES (0, 'judge', 's');
INSERT INTO scorer_versions (scorer_id, scorer_version, serialized_scorer, creation_time) VALUES ('s', 1, '{}', 5);
INSERT INTO evaluation_datasets (dataset_id, name, created_time, last_update_time) VALUES ('d-1', 'questions', 1, 2);
INSERT INTO evaluation_dataset_tags (dataset_id, key, value) VALUES ('d-1', 'k', 'v');
INSERT INTO evaluation_dataset_records (dataset_record_id, dataset_id, inputs, created_time, last_update_time,
    input_hash) VALUES ('dr-1', 'd-1', '{"q": 1}', 1, 2, 'hash');
INSERT INTO entity_associations (association_id, source_type, source_id, destination_type, destination_id)
    VALUES ('e', 'evaluation_dataset', 'd-1', 'experiment', '0');
""",
    "1b5f0d9ad7c1": "",
    "dc11669786a5": "",
}
"""Revisions of MLflow 1.0, 1.4, 1.13, 1.30, 2.4, 2.13, 3.0, 3.3, 3.4, 3.10 and 3.17, and what is written when a
database is there."""

ADDED: Final = {
    "451aebb31d03": {"experiments": 2, "runs": 2, "params": 2, "tags": 2, "metric points": 3},
    "2b4d017a5e9b": {"tags": 2, "experiment tags": 1, "metric points": 1, "registered models": 1, "model versions": 1},
    "a8c4a736bde6": {"tags of registered models": 1, "tags of model versions": 1},
    "7f2a7d5fae7d": {"aliases": 1, "datasets": 1, "dataset inputs": 1, "tags of dataset inputs": 1},
    "867495a8f9d4": {"traces": 1, "tags of traces": 1, "metadata of traces": 1},
    "6953534de441": {
        "logged models": 1,
        "params of logged models": 1,
        "tags of logged models": 1,
        "points of logged models": 1,
        "model outputs": 1,
    },
    "1a0cddfcaa16": {"assessments": 1, "webhooks": 1},
    "71994744cf8e": {
        "scorers": 1,
        "versions of scorers": 1,
        "evaluation datasets": 1,
        "tags of evaluation datasets": 1,
        "records of evaluation datasets": 1,
        "links between things": 1,
    },
    "dc11669786a5": {"tags of traces": -1},
}
"""How many things of each kind that is. By 1.4 a migration had made a tag of the user of each run, and 3.17 makes a
column of the tag with the name of a trace."""


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database of each revision: one, upgraded again and again by MLflow, and copied in between."""
    folder = tmp_path_factory.mktemp("revisions")
    live = folder / "live.db"
    engine = create_engine(f"sqlite:///{live}")
    Base.metadata.create_all(engine)
    config = Config()
    config.set_main_option("script_location", str(files("mlflow.store") / "db_migrations"))
    config.set_main_option("sqlalchemy.url", f"sqlite:///{live}")
    for revision, statements in FILLED.items():
        with engine.begin() as connection, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what MLflow's code is warned of
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
        with closing(sqlite3.connect(live)) as filled:
            filled.executescript(statements)
        shutil.copyfile(live, folder / f"{revision}.db")
    engine.dispose()
    return folder


@pytest.mark.parametrize("revision", FILLED)
async def test_a_database_of_a_revision_comes_over_whole(databases: Path, revision: str) -> None:
    path = databases / f"{revision}.db"
    before = path.read_bytes()
    report = await imported(SqliteStore(path), MemoryEventLog())
    expected: dict[str, int] = {}
    for one in list(FILLED)[: list(FILLED).index(revision) + 1]:
        for kind, number in ADDED.get(one, {}).items():
            expected[kind] = expected.get(kind, 0) + number
    assert counts(report) == {kind: (number, number, 0) for kind, number in expected.items() if number}
    assert path.read_bytes() == before


def test_what_was_written_to_1_0_is_read_alike_after_each_upgrade(databases: Path) -> None:
    told = {revision: told_in_1_0(databases / f"{revision}.db") for revision in FILLED}
    assert all(one == told["451aebb31d03"] for one in told.values()), told


def told_in_1_0(path: Path) -> list[object]:
    """Experiments, runs and points, without what later revisions tell of them."""
    found: list[object] = []
    for one in records_of(SqliteStore(path)):
        match one:
            case ExperimentRecord():
                found.append((one.experiment_id, one.name, one.artifact_location, one.deleted, one.creation_time_ms))
            case RunRecord():
                found.append((one.run_id, one.user_id, one.status, one.start_time_ms, one.end_time_ms, one.deleted))
                found += [one.artifact_uri, one.params, [tag for tag in one.tags if tag.key != "mlflow.user"]]
            case PointsRecord():
                found += [(series.key, series.value, series.step) for series in one.metrics if series.key != "nan"]
            case _:
                pass
    return found
