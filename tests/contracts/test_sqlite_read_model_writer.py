"""The writer of the read model in SQLite keeps its contract."""

from pathlib import Path

import pytest

from projector import sqlite_generations
from projector.changes import Insert, Read
from projector.port import DamagedReadModel, ReadModelWriter
from projector.sqlite_writer import SqliteReadModelWriter
from tests.contracts.read_model_writer_contract import ReadModelWriterContract, WrittenReadModel, tag


class InSqlite(WrittenReadModel):
    """A read model in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_current = True
        sqlite_generations.create(path, "of no log")

    async def open(self) -> ReadModelWriter:
        return SqliteReadModelWriter(self._path, is_current=lambda: self._is_current)

    async def supersede(self) -> None:
        self._is_current = False


@pytest.fixture
def read_model(tmp_path: Path) -> InSqlite:
    return InSqlite(tmp_path / "read-model.db")


class TestSqliteReadModelWriter(ReadModelWriterContract):
    pass


async def test_a_table_that_is_gone_is_damage(read_model: InSqlite, tmp_path: Path) -> None:
    writer = SqliteReadModelWriter(tmp_path / "read-model.db")
    writer._connection.execute("DROP TABLE tags")
    with pytest.raises(DamagedReadModel, match="tags"):
        await writer.read(Read("tags", ("value",), "key", {"a"}))
    with pytest.raises(DamagedReadModel, match="tags"):
        await writer.commit([Insert("tags", [tag(1, "a", "v")])], (), (), {})
    await writer.close()
