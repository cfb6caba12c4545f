"""The read model in SQLite keeps its contract, and so does the double that tests of queries write rows to."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from query_api.sqlite.read_model import MAX_ANSWER_BYTES, SqliteReadModel
from tests.contracts.read_model_contract import RUN_IDS, AnswersContract, Asked, BoundsContract
from tests.unit.query_api.sqlite_rows import SqliteRows

BYTES_OF_LENGTH = "zeroblob($1)"
TOO_LARGE = f"SELECT zeroblob({MAX_ANSWER_BYTES + 1})"


def filled() -> SqliteRows:
    rows = SqliteRows()
    rows.experiment(1)
    for run_id in RUN_IDS:
        rows.run(run_id)
    rows.insert("facts", name="name", value="first")
    return rows


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[Asked]:
    rows = filled()
    writer = sqlite3.connect(tmp_path / "read-model", isolation_level=None)
    rows.connection.backup(writer)
    await rows.close()
    writer.execute("PRAGMA journal_mode = WAL")
    read_model = SqliteReadModel(tmp_path / "read-model")
    yield Asked(
        read_model, lambda value: writer.execute("UPDATE facts SET value = ?", (value,)), BYTES_OF_LENGTH, TOO_LARGE
    )
    await read_model.close()
    writer.close()


class TestSqliteReadModel(AnswersContract, BoundsContract):
    pass


class TestSqliteRows(AnswersContract):
    @pytest.fixture
    async def asked(self) -> AsyncIterator[Asked]:
        rows = filled()
        yield Asked(
            rows,
            lambda value: rows.connection.execute("UPDATE facts SET value = ?", (value,)),
            BYTES_OF_LENGTH,
            TOO_LARGE,
        )
        await rows.close()
