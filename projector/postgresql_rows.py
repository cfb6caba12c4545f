"""Rows into the tables of the read model in PostgreSQL, many by one statement."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import asyncpg
from sqlalchemy import BigInteger, Double, Integer, LargeBinary, SmallInteger, Text
from sqlalchemy.types import TypeEngine

from read_model.tables import metadata

Rows = Sequence[tuple[Any, ...]]

_COPY_FROM_ROWS: Final = 50
"""Fewer rows are quicker in a prepared INSERT: COPY goes there and back twice, and is parsed each time."""


class PostgresqlTables:
    """The tables that a connection's `search_path` names. Rows are in the order of their table's columns.

    An empty list costs nothing. Every statement is prepared once a connection: it takes its rows as arrays.
    """

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection

    async def insert(self, table: str, rows: Rows, *, unless_there: bool = False) -> None:
        """Insert rows whose keys are not there; or, `unless_there`, those of them that are not."""
        if len(rows) >= _COPY_FROM_ROWS and not unless_there:
            await self._connection.copy_records_to_table(table, records=rows, columns=list(_types(table)))
        elif rows:
            conflict = " ON CONFLICT DO NOTHING" if unless_there else ""
            await self._connection.execute(f"{_insert(table)}{conflict}", *_columns(rows))

    async def upsert(self, table: str, rows: Rows, condition: str = "true") -> None:
        """Insert rows, or replace those with the same primary key when `condition` holds."""
        if rows:
            await self._connection.execute(f"{_upsert(table)} WHERE {condition}", *_columns(rows))

    async def update(self, table: str, names: tuple[str, ...], rows: Rows, *, appends: bool = False) -> None:
        """Set the columns `names`, or append to them. A row holds their values, then its primary key."""
        if rows:
            await self._connection.execute(_update(table, names, appends), *_columns(rows))

    async def delete(self, table: str, keys: Rows) -> None:
        """Delete rows by their primary keys."""
        if keys:
            await self._connection.execute(_delete(table), *_columns(keys))


def storable(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row whose texts PostgreSQL can hold: without NUL and lone surrogates. For what is only read by people."""
    return tuple(
        value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
        if isinstance(value, str)
        else value
        for value in row
    )


def _columns(rows: Rows) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


@cache
def _types(table: str) -> dict[str, str]:
    """PostgreSQL's type of each column, in their order."""
    return {column.name: _type(column.type) for column in metadata.tables[table].columns}


def _type(kind: TypeEngine[Any]) -> str:
    match kind:
        case BigInteger():
            return "bigint"
        case SmallInteger():
            return "smallint"
        case Integer():
            return "integer"
        case Double():
            return "double precision"
        case LargeBinary():
            return "bytea"
        case Text():
            return "text"
        case _:
            raise TypeError(f"no column of the read model is of type {kind!r}")


def _key(table: str) -> list[str]:
    return [column.name for column in metadata.tables[table].primary_key.columns]


def _unnest(types: Sequence[str]) -> str:
    return f"unnest({', '.join(f'${number}::{one}[]' for number, one in enumerate(types, 1))})"


@cache
def _insert(table: str) -> str:
    types = _types(table)
    return f"INSERT INTO {table} ({_quoted(list(types))}) SELECT * FROM {_unnest(list(types.values()))}"


@cache
def _upsert(table: str) -> str:
    key = _key(table)
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in _types(table) if name not in key)
    return f"{_insert(table)} ON CONFLICT ({_quoted(key)}) DO UPDATE SET {changes}"


@cache
def _update(table: str, names: tuple[str, ...], appends: bool) -> str:
    types, columns = _types(table), [*names, *_key(table)]
    changes = ", ".join(f'"{name}" = {f"t.{name} || " if appends else ""}n."{name}"' for name in names)
    return (
        f"UPDATE {table} t SET {changes} FROM {_unnest([types[name] for name in columns])} AS n ({_quoted(columns)})"
        f" WHERE {_matches(table)}"
    )


@cache
def _delete(table: str) -> str:
    types, key = _types(table), _key(table)
    return (
        f"DELETE FROM {table} t USING {_unnest([types[name] for name in key])} AS n ({_quoted(key)})"
        f" WHERE {_matches(table)}"
    )


def _matches(table: str) -> str:
    return " AND ".join(f't."{name}" = n."{name}"' for name in _key(table))


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
