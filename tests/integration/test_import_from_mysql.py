"""A store in MariaDB, whose collation takes letters of both cases for the same."""

import pytest
from sqlalchemy.exc import OperationalError

from event_log.memory_event_log import MemoryEventLog
from schemas.events import Param, RunCreated, RunDataLogged
from tests.services.mariadb import MysqlDatabase, execute
from tests.unit.tracklog.moving.imports import counts, events_in, imported
from tracklog.moving.database_store import database_store_of

pytestmark = pytest.mark.service

STORE = (
    "CREATE TABLE experiments (experiment_id INT PRIMARY KEY, name VARCHAR(256), creation_time BIGINT)",
    "INSERT INTO experiments VALUES (1, 'iris', 1000)",
    "CREATE TABLE runs (run_uuid VARCHAR(32), experiment_id INT, start_time BIGINT, name TEXT, status TEXT)",
    "INSERT INTO runs VALUES ('a', 1, 2000, 'ä😀', 'RUNNING'), ('B', 1, 2000, 'b', 'RUNNING'),"
    " ('c', 1, 2000, 'c', 'RUNNING')",
    "CREATE TABLE params (`key` VARCHAR(250), value VARCHAR(8000), run_uuid VARCHAR(32))",
    "INSERT INTO params VALUES ('p', '1', 'a'), ('p', '2', 'B'), ('q', '3', 'c'), ('p', '4', 'c')",
    "CREATE TABLE metrics (`key` VARCHAR(250), value DOUBLE, timestamp BIGINT, step BIGINT, is_nan BOOL,"
    " run_uuid VARCHAR(32))",
    "INSERT INTO metrics VALUES ('m', 0.1, 1, 1, 0, 'B'), ('m', 0, 1, 0, 1, 'B'),"
    " ('m', 1.7976931348623157e308, 1, 0, 0, 'a')",
)


async def test_a_store_in_mysql_is_read_by_one_who_may_only_select(mysql_database: MysqlDatabase) -> None:
    execute(mysql_database.url, *STORE)
    with pytest.raises(OperationalError, match="denied"):
        execute(mysql_database.reader, "INSERT INTO experiments VALUES (2, 'more', 1)")

    log = MemoryEventLog()
    report = await imported(database_store_of(mysql_database.reader), log)
    events = await events_in(log)
    assert [(one.run_id, one.name) for one in events if isinstance(one, RunCreated)] == [
        ("B", "b"),
        ("a", "ä😀"),
        ("c", "c"),
    ]
    params = [(one.run_id, one.params) for one in events if isinstance(one, RunDataLogged) and one.params]
    assert params == [
        ("B", [Param("p", "2")]),
        ("a", [Param("p", "1")]),
        ("c", [Param("p", "4"), Param("q", "3")]),
    ]
    points = [
        (one.run_id, list(zip(series.step, series.value, strict=True)))
        for one in events
        if isinstance(one, RunDataLogged)
        for series in one.metrics
    ]
    assert points == [("B", [(0, "NaN"), (1, 0.1)]), ("a", [(0, "Infinity")])]
    assert counts(report) == {
        "experiments": (1, 1, 0),
        "runs": (3, 3, 0),
        "params": (4, 4, 0),
        "metric points": (3, 3, 0),
    }
    assert [what for kind, _, what in report.oddities if kind != "the source"] == []
