"""Webhooks that tell nobody until somebody looked at them, and scorers with the numbers of their versions."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from event_log.memory_event_log import MemoryEventLog
from schemas.events import (
    ScorerDeleted,
    ScorerOnlineConfigSet,
    ScorerRegistered,
    WebhookCreated,
    WebhookDeleted,
)
from tests.unit.tracklog.moving.imports import counts, events_in, imported
from tracklog.moving.database_store import SqliteStore
from tracklog.moving.facts import uuid_of

STORE: Final = """
CREATE TABLE experiments (experiment_id INTEGER, name VARCHAR, creation_time BIGINT);
INSERT INTO experiments VALUES (5, 'iris', 1000);
CREATE TABLE runs (run_uuid VARCHAR, experiment_id INTEGER, start_time BIGINT);
CREATE TABLE metrics (run_uuid VARCHAR, key VARCHAR, value FLOAT, timestamp BIGINT);
CREATE TABLE webhooks (
    webhook_id VARCHAR, name VARCHAR, description VARCHAR, url VARCHAR, status VARCHAR, secret VARCHAR,
    creation_timestamp BIGINT, last_updated_timestamp BIGINT, deleted_timestamp BIGINT
);
INSERT INTO webhooks VALUES
    ('w1', 'build', NULL, 'https://ci.example.com/hook', 'ACTIVE', 'gAAAAB-sealed', 2000, 2000, NULL),
    ('w2', 'old', 'gone', 'https://ci.example.com/old', 'ACTIVE', NULL, 2000, 2000, 3000),
    ('w3', 'file', NULL, 'file:///etc/passwd', 'ACTIVE', NULL, 2000, 2000, NULL),
    ('w4', 'deaf', NULL, 'https://ci.example.com/deaf', 'ACTIVE', NULL, 2000, 2000, NULL);
CREATE TABLE webhook_events (webhook_id VARCHAR, entity VARCHAR, action VARCHAR);
INSERT INTO webhook_events VALUES
    ('w1', 'model_version', 'created'), ('w1', 'registered_model', 'created'), ('w1', 'moon', 'risen'),
    ('w2', 'model_version', 'created'), ('w3', 'model_version', 'created'), ('w9', 'model_version', 'created');
CREATE TABLE scorers (experiment_id INTEGER, scorer_name VARCHAR, scorer_id VARCHAR);
INSERT INTO scorers VALUES (5, 'judge', 's1'), (5, 'empty', 's2');
CREATE TABLE scorer_versions (
    scorer_id VARCHAR, scorer_version INTEGER, serialized_scorer VARCHAR, creation_time BIGINT
);
INSERT INTO scorer_versions VALUES ('s1', 3, '{"b": 2}', 5000), ('s1', 1, '{"a": 1}', 4000), ('s9', 1, '{}', 4000);
CREATE TABLE online_scoring_configs (
    online_scoring_config_id VARCHAR, scorer_id VARCHAR, sample_rate FLOAT, experiment_id INTEGER, filter_string VARCHAR
);
INSERT INTO online_scoring_configs VALUES ('c1', 's1', 0.5, 5, NULL), ('c2', 's2', 2.0, 5, NULL);
"""


async def test_webhooks_are_disabled_and_scorers_keep_their_numbers(tmp_path: Path) -> None:
    path, log = tmp_path / "mlflow.db", MemoryEventLog()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(STORE)
    report = await imported(SqliteStore(path), log)
    events = [event for event in await events_in(log) if event.kind.name in ("webhook", "scorer")]

    def registered(number: int, text: str) -> ScorerRegistered:
        version_id = uuid_of(f"scorer\0s1\0{number}")
        return ScorerRegistered(
            experiment_id=5, name="judge", scorer_id="s1", version_id=version_id, serialized_scorer=text
        )

    assert events == [
        WebhookCreated(
            webhook_id="w1",
            name="build",
            url="https://ci.example.com/hook",
            events=["registered_model.created", "model_version.created"],
            since=[0],
            status="DISABLED",
        ),
        WebhookCreated(
            webhook_id="w2",
            name="old",
            url="https://ci.example.com/old",
            events=["model_version.created"],
            since=[0],
            description="gone",
            status="DISABLED",
        ),
        WebhookDeleted(webhook_id="w2"),
        registered(1, '{"a": 1}'),
        registered(2, ""),
        ScorerDeleted(experiment_id=5, name="judge", version=2),
        registered(3, '{"b": 2}'),
        ScorerOnlineConfigSet(
            experiment_id=5, name="judge", online_scoring_config_id="c1", sample_rate=0.5, filter_string=None
        ),
    ]
    assert counts(report) == {
        "experiments": (1, 1, 0),
        "webhooks": (4, 2, 2),
        "scorers": (2, 1, 1),
        "versions of scorers": (3, 2, 1),
    }
    told = "\n".join(what for _, _, what in report.oddities)
    assert "'build' is disabled until somebody enables it; its secret has to be set again" in told
    assert "sealed" not in str([*report.oddities, *events])

    end = await log.end()
    again = await imported(SqliteStore(path), log)
    assert (await log.end(), counts(again)) == (end, counts(report))
