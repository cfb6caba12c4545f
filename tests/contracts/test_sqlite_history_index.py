"""The history index in an SQLite file keeps the contract."""

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from query_api.history.search import History
from query_api.history.wanted import Wanted
from read_model.history.port import HistoryIndex
from read_model.history.sqlite import SqliteHistoryIndex, SqliteHistoryIndexWriter
from tests.contracts.history_index_contract import (
    HistoryIndexContract,
    OpenWriter,
    every_page,
    random_log,
    small_blocks,
)

__all__ = ["small_blocks"]


class TestSqliteHistoryIndex(HistoryIndexContract):
    @pytest.fixture
    async def index(self, tmp_path: Path) -> AsyncIterator[HistoryIndex]:
        index = SqliteHistoryIndex(tmp_path / "history")
        yield index
        await index.close()

    @pytest.fixture
    def open_writer(self, tmp_path: Path) -> OpenWriter:
        return lambda: SqliteHistoryIndexWriter(tmp_path / "history")

    @pytest.mark.parametrize("spoil", ["removed", "overwritten"])
    async def test_a_file_that_is_gone_or_damaged_is_made_anew_under_the_worker(
        self, index: HistoryIndex, open_writer: OpenWriter, tmp_path: Path, spoil: str
    ) -> None:
        log = await random_log(1, 1, 200)
        file = tmp_path / "history"
        end = dict(await log.end())
        middle = {0: 100}
        async with self.indexed(log, index, open_writer(), middle) as worker:
            if spoil == "removed":
                file.unlink()
            else:
                Path(f"{file}-wal").unlink()
                file.write_bytes(b"\0" * 8192)
            worker._followed = lambda: end
            worker.flush()
            async with asyncio.timeout(30):
                await self.has(index, end)
            found = await every_page(History(log, index), Wanted(), newest_first=False, limit=100)
        assert found == log._events[0]
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
