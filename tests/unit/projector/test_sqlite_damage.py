"""What a look at the file of a read model finds."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from projector.sqlite_damage import damage_of

SEARCH_S = 60.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "read-model.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE facts (name TEXT, value TEXT)")
        connection.executemany("INSERT INTO facts VALUES (?, ?)", [(f"n{i}", "v" * 100) for i in range(5000)])
        connection.commit()
    return path


def test_nothing_is_wrong_with_a_file_as_it_was_written(file: Path) -> None:
    assert damage_of(file, SEARCH_S) is None


def test_a_file_that_is_gone_is_damage(tmp_path: Path) -> None:
    assert damage_of(tmp_path / "none", SEARCH_S) == "it is not there"


def test_pages_that_make_no_sense_are_damage(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[:8192] + b"\xff" * 4096 + whole[12288:])
    assert damage_of(file, SEARCH_S)


def test_a_file_of_something_else_is_damage(file: Path) -> None:
    file.write_bytes(b"not a database" * 1000)
    assert damage_of(file, SEARCH_S) == "file is not a database"


def test_a_search_that_takes_too_long_found_nothing(file: Path) -> None:
    assert damage_of(file, -1.0) is None


def test_a_file_that_cannot_be_read_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        damage_of(tmp_path, SEARCH_S)
