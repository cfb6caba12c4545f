"""Two read models in schemas of one database, table by table: what one has and the other has not."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import LargeBinary, Table

from read_model.tables import metadata

_SHOWN: Final = 5
_NOT_COMPARED: Final = {"facts", "checkpoints"}
_FIRST_LOGGED: Final = {"first_us", "first_event_id"}
"""By which run a dataset was logged first. When that run was erased, a rebuild has it by another."""
_NUMBERED: Final = {"run_number": ("runs", "run_id"), "trace_number": ("traces", "trace_id")}
"""The columns that stand for an id: where it is, and what it is called there."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows of one table that only one of two read models has; at most a few of them."""

    table: str
    side: str  # 'live' or 'rebuilt'
    rows: list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Question:
    """An SQL statement for the rows of a table that one side has and the other has not."""

    table: str
    side: str
    sql: str


def questions(live: str, rebuilt: str, shorten: Callable[[str], str] = str) -> Iterator[Question]:
    """All that there is to ask of two schemas. Numbers are compared as the ids they stand for.

    `shorten` turns the SQL of a long value, points in bytes, into one that differs when the value does.
    """
    for table in metadata.sorted_tables:
        if table.name not in _NOT_COMPARED:
            for side, one, other in (("live", live, rebuilt), ("rebuilt", rebuilt, live)):
                sql = f"{_rows_of(table, one, shorten)} EXCEPT {_rows_of(table, other, shorten)} LIMIT {_SHOWN}"
                yield Question(table.name, side, sql)


def differences(connection: sqlite3.Connection, live: str, rebuilt: str) -> list[Difference]:
    """Compare two schemas attached to `connection`."""
    answers = (
        Difference(question.table, question.side, connection.execute(question.sql).fetchall())
        for question in questions(live, rebuilt)
    )
    return [answer for answer in answers if answer.rows]


def _rows_of(table: Table, schema: str, shorten: Callable[[str], str]) -> str:
    selected = ", ".join(
        shorten(f't."{column.name}"') if isinstance(column.type, LargeBinary) else f't."{column.name}"'
        for column in table.columns
        if column.name not in _NUMBERED and not (table.name == "datasets" and column.name in _FIRST_LOGGED)
    )
    for number, (owners, key) in _NUMBERED.items():
        if number in table.columns and table.name != owners:
            joined = f"{schema}.{table.name} t JOIN {schema}.{owners} o USING ({number})"
            return f"SELECT o.{key}, {selected} FROM {joined}"
    return f"SELECT {selected} FROM {schema}.{table.name} t"
