"""The params, tags and newest metrics of many runs at once, with as much in memory as one read may have."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from query_api.port import ReadModel, Row

PARAMS: Final = "params"
TAGS: Final = "tags"
LATEST_METRICS: Final = "latest_metrics"

_COLUMNS: Final = {
    PARAMS: "",
    TAGS: "",
    LATEST_METRICS: ", step, timestamp_ms, value",
}

_RUNS_AT_FIRST: Final = 256


@dataclass(slots=True)
class RunValues:
    """Reads the rows of some tables for runs, of as many at a time as fit.

    A row is (value as bytes, run number, key), of LATEST_METRICS with (step, timestamp in ms, value) behind it, where
    the value is None for NaN; rows are sorted by key in each run.
    """

    read_model: ReadModel
    tables: Sequence[tuple[str, Sequence[str]]]
    """Each with the keys that are wanted, none for all."""
    most_runs: int
    _at_once: int = _RUNS_AT_FIRST

    async def of(self, numbers: Sequence[int]) -> AsyncIterator[tuple[list[int], list[list[Row]]]]:
        """Runs in the order of `numbers`, a few at a time, with the rows of each table."""
        start = 0
        while start < len(numbers):
            runs = list(numbers[start : start + min(self._at_once, self.most_runs)])
            found = await self._read(runs)
            if found is None:
                self._at_once = max(1, len(runs) // 4)
                continue
            self._at_once = min(self._at_once * 2, self.most_runs)
            start += len(runs)
            yield runs, found

    async def _read(self, runs: list[int]) -> list[list[Row]] | None:
        """The rows of each table; None where one read does not have them all, and the runs are several."""
        tables: list[list[Row]] = []
        for table, keys in self.tables:
            rows = await self._rows(table, keys, runs)
            if rows is None:
                return None
            tables.append(rows)
        return tables

    async def _rows(self, table: str, keys: Sequence[str], runs: list[int]) -> list[Row] | None:
        found: list[Row] = []
        while True:
            first = await self.read_model.fetch_first(
                *self._statement(table, keys, runs, found[-1][2] if found else None)
            )
            found += first.rows
            if first.are_all:
                return found
            if len(runs) > 1:
                return None

    def _statement(
        self, table: str, keys: Sequence[str], runs: list[int], after: str | None
    ) -> tuple[str, Sequence[Any]]:
        dialect = self.read_model.dialect
        text = "value_json" if table == LATEST_METRICS else "value"
        value = f"CAST({text} AS BLOB)" if dialect.name == "sqlite" else f"convert_to({text}, 'UTF8')"
        parameters: list[Any] = [dialect.listed(runs)]
        where = "run_number = ANY($1)"
        if after is not None:
            parameters.append(after)
            where += f" AND key > ${len(parameters)}"
        if keys:
            parameters.append(dialect.listed(keys))
            where += f" AND key = ANY(${len(parameters)})"
        return (
            dialect.statement(
                f"SELECT {value}, run_number, key{_COLUMNS[table]} FROM {table} WHERE {where} ORDER BY run_number, key"
            ),
            parameters,
        )
