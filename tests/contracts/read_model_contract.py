"""What every read model promises those who ask it, as `query_api.port` says."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from query_api import bounds
from query_api.experiments.document import EXPERIMENT_BY_ID, EXPERIMENT_BY_NAME
from query_api.port import MAX_PAGE_BYTES, ReadModel
from query_api.runs.document import RUN_BY_ID
from schemas.errors import (
    DeadlineExceeded,
    InvalidParameterValue,
    RequestLimitExceeded,
    TracklogError,
)

RUN_IDS = [f"r{number}" for number in range(40)]
"""Of the runs there are, all of experiment 1."""

NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
ENDLESS = f"{NUMBERS} SELECT sum(i) FROM n"
FACT = "SELECT value FROM facts WHERE name = $1"


@dataclass(frozen=True)
class Asked:
    """A read model with the runs RUN_IDS and the fact 'name', which is 'first'."""

    read_model: ReadModel
    change: Callable[[str], Any]
    """Gives the fact another value."""
    bytes_of_length: str
    """An expression for as many bytes as parameter 1 says."""
    too_large: str
    """A statement for a value that is too large to build."""

    def sql(self, text: str) -> str:
        return self.read_model.dialect.statement(text)

    async def fact(self) -> str:
        [(value,)] = await self.read_model.fetch(self.sql(FACT), ("name",))
        return str(value)


class AnswersContract:
    """What is answered. Needs a fixture `asked`."""

    async def test_committed_rows_are_read_at_once(self, asked: Asked) -> None:
        assert await asked.fact() == "first"
        asked.change("changed")
        assert await asked.fact() == "changed"
        [(looked_up,)] = await asked.read_model.lookup(asked.sql(FACT), ("name",))
        assert looked_up == "changed"

    async def test_a_statement_that_finds_nothing_has_no_rows(self, asked: Asked) -> None:
        assert await asked.read_model.fetch(asked.sql(FACT), ("none",)) == []
        assert await asked.read_model.lookup(asked.sql(FACT), ("none",)) == []
        assert await asked.read_model.fetch_first(asked.sql(FACT), ("none",)) == ([], True)

    async def test_a_list_is_one_parameter(self, asked: Asked) -> None:
        wanted = asked.read_model.dialect.listed(["r3", "r1", "none"])
        statement = asked.sql("SELECT run_id FROM runs WHERE experiment_id = $1 AND run_id = ANY($2) ORDER BY run_id")
        rows = await asked.read_model.fetch(statement, (1, wanted))
        assert [tuple(row) for row in rows] == [("r1",), ("r3",)]

    @pytest.mark.parametrize("text", ["name\0", "\0name", "\0"])
    async def test_text_with_nul_equals_nothing(self, asked: Asked, text: str) -> None:
        assert await asked.read_model.fetch(asked.sql(FACT), (text,)) == []
        assert await asked.read_model.document(RUN_BY_ID, text) is None

    async def test_a_document_is_found_by_its_key(self, asked: Asked) -> None:
        document = await asked.read_model.document(RUN_BY_ID, "r7")
        assert document is not None
        assert document.startswith(b'{"run":{"info":{"run_uuid":"r7",')
        by_id = await asked.read_model.document(EXPERIMENT_BY_ID, 1)
        assert by_id is not None
        assert by_id == await asked.read_model.document(EXPERIMENT_BY_NAME, "experiment 1")

    @pytest.mark.parametrize("key", [2, -1, 2**63 - 1, 2**63, -(2**70)])
    async def test_there_is_no_document_for_another_number(self, asked: Asked, key: int) -> None:
        assert await asked.read_model.document(EXPERIMENT_BY_ID, key) is None

    async def test_each_of_many_callers_is_answered_with_its_own_document(self, asked: Asked) -> None:
        wanted = [*RUN_IDS, "none", *RUN_IDS]
        found = await asyncio.gather(*(asked.read_model.document(RUN_BY_ID, run_id) for run_id in wanted))
        for run_id, document in zip(wanted, found, strict=True):
            assert document is None if run_id == "none" else f'"run_id":"{run_id}"'.encode() in (document or b"")

    async def test_first_rows_are_as_many_as_a_page_holds_and_one_at_least(self, asked: Asked) -> None:
        endless = asked.sql(f"{NUMBERS} SELECT {asked.bytes_of_length}, i FROM n")
        for length, count in ((MAX_PAGE_BYTES // 3, 3), (MAX_PAGE_BYTES * 2, 1)):
            rows, are_all = await asked.read_model.fetch_first(endless, (length,))
            assert [row[1] for row in rows] == list(range(1, count + 1))
            assert not are_all

    async def test_first_rows_are_all_when_a_page_holds_them(self, asked: Asked) -> None:
        many = asked.sql(f"{NUMBERS} SELECT {asked.bytes_of_length}, i FROM n LIMIT 1000")
        rows, are_all = await asked.read_model.fetch_first(many, (3,))
        assert [(len(row[0]), row[1]) for row in rows] == [(3, number) for number in range(1, 1001)]
        assert are_all

    async def test_short_rows_are_those_of_a_fetch(self, asked: Asked) -> None:
        assert await asked.read_model.fetch_short(asked.sql(FACT), ("name",)) == [("first",)]

    async def test_a_mistake_in_a_statement_is_no_error_of_the_client(self, asked: Asked) -> None:
        for ask in (asked.read_model.fetch, asked.read_model.lookup, asked.read_model.fetch_first):
            with pytest.raises(Exception, match="syntax error") as raised:
                await ask("SELECT FROM WHERE")
            assert not isinstance(raised.value, TracklogError)


class BoundsContract:
    """How much may be asked. Needs a fixture `asked`."""

    async def test_a_statement_past_its_bound_is_stopped(self, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(bounds, "STATEMENT_BOUND_S", 0.05)
            with pytest.raises(DeadlineExceeded):
                await asked.read_model.fetch(ENDLESS)
        assert await asked.fact() == "first"

    async def test_statements_without_a_caller_are_stopped(self, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bounds, "STATEMENT_BOUND_S", 600)
        asking = [asyncio.create_task(asked.read_model.fetch(ENDLESS)) for _ in range(10)]
        await asyncio.sleep(0)
        for task in asking:
            task.cancel()
        async with asyncio.timeout(60):
            assert await asked.fact() == "first"

    async def test_more_waiting_statements_than_the_bound_are_refused(
        self, asked: Asked, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bounds, "MAX_WAITING_STATEMENTS", 4)
        asking = [asyncio.create_task(asked.read_model.fetch(ENDLESS)) for _ in range(4)]
        await asyncio.sleep(0)
        for ask in (asked.read_model.fetch, asked.read_model.fetch_first):
            with pytest.raises(RequestLimitExceeded):
                await ask("SELECT 1")
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        async with asyncio.timeout(60):
            while True:
                try:
                    assert await asked.read_model.fetch("SELECT 1") == [(1,)]
                    break
                except RequestLimitExceeded:
                    await asyncio.sleep(0.01)

    async def test_an_answer_too_large_to_build_is_refused(self, asked: Asked) -> None:
        with pytest.raises(InvalidParameterValue):
            await asked.read_model.fetch(asked.too_large)
        assert await asked.fact() == "first"

    async def test_nothing_can_be_written(self, asked: Asked) -> None:
        for ask in (asked.read_model.fetch, asked.read_model.lookup):
            with pytest.raises(Exception, match=r"readonly database|read-only transaction"):
                await ask("DELETE FROM facts")
        assert await asked.fact() == "first"
