"""A store that is read in a process of its own is the same store."""

import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.unit.tracklog.moving.imports import RecordsStore, database_2025, records_of
from tracklog.moving import reading_apart
from tracklog.moving.database_store import SqliteStore, database_store_of
from tracklog.moving.file_store import FileStore
from tracklog.moving.reading_apart import ReadApart, apart_if_large, send_records
from tracklog.moving.records import PointsRecord, SizeRecord
from tracklog.moving.stores import Consume, NoStore, Store


class EndsEarly(Store):
    """Its process ends before it has read all."""

    def read(self, consume: Consume) -> None:
        os._exit(3)


class Endless(Store):
    def read(self, consume: Consume) -> None:
        def records() -> Any:
            while True:
                yield SizeRecord("runs", 1)

        consume(records())


@pytest.mark.slow
def test_a_store_that_is_read_apart_has_the_same_records_each_time(tmp_path: Path) -> None:
    store = SqliteStore(database_2025(tmp_path / "mlflow.db"))
    apart = ReadApart(store)
    expected = records_of(store)
    assert (records_of(apart), records_of(apart)) == (expected, expected)
    assert str(apart) == str(store)


@pytest.mark.slow
def test_what_is_no_store_is_none_when_it_is_read_apart(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"no database")
    with pytest.raises(NoStore, match="is no database of SQLite"):
        records_of(ReadApart(SqliteStore(tmp_path / "mlflow.db")))


@pytest.mark.slow
def test_a_process_that_ends_early_is_told_of() -> None:
    with pytest.raises(NoStore, match="ended before it had read all"):
        records_of(ReadApart(EndsEarly()))


@pytest.mark.slow
def test_a_process_whose_records_nobody_takes_ends() -> None:
    def consume(records: Any) -> None:
        next(records)
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        ReadApart(Endless()).read(consume)
    assert multiprocessing.active_children() == []


@pytest.fixture
def _signals_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(reading_apart, "collect_seldom", lambda: None)


@pytest.mark.usefixtures("_signals_as_they_are")
def test_records_are_sent_some_together_and_those_with_points_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_apart, "_TOGETHER", 2)
    size, points = SizeRecord("runs", 1), PointsRecord("a", [])
    here, there = multiprocessing.Pipe(duplex=False)
    send_records(RecordsStore(size, size, size, points, size), there)
    assert [here.recv() for _ in range(4)] == [[size, size], [size, points], [size], None]


@pytest.mark.usefixtures("_signals_as_they_are")
def test_what_ends_the_reading_is_sent_and_a_pipe_that_is_closed_ends_it(tmp_path: Path) -> None:
    here, there = multiprocessing.Pipe(duplex=False)
    send_records(SqliteStore(Path(__file__)), there)
    assert isinstance(here.recv(), NoStore)
    here.close()
    send_records(RecordsStore(), there)


def test_only_large_files_and_databases_of_servers_are_read_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = database_2025(tmp_path / "mlflow.db")
    assert isinstance(apart_if_large(SqliteStore(path)), SqliteStore)
    monkeypatch.setattr(reading_apart, "LARGE_BYTES", 100)
    assert isinstance(apart_if_large(SqliteStore(path)), ReadApart)
    assert isinstance(apart_if_large(SqliteStore(tmp_path / "gone.db")), SqliteStore)
    assert isinstance(apart_if_large(database_store_of("postgresql://there/mlflow")), ReadApart)
    assert isinstance(apart_if_large(FileStore(tmp_path)), FileStore)
