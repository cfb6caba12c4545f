"""Reads and changes of tables as statements of PostgreSQL, many rows by one, generated from `read_model.tables`."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Final

import asyncpg
from sqlalchemy import BigInteger, Double, Integer, LargeBinary, SmallInteger, Text
from sqlalchemy.types import TypeEngine

from projector.changes import (
    AppendBytes,
    Change,
    Delete,
    DeleteBy,
    DeleteUnheld,
    Insert,
    InsertNew,
    NewNumbers,
    Read,
    Reading,
    ReadPairs,
    Row,
    Update,
    Upsert,
)
from read_model.tables import metadata

_COPY_FROM_ROWS: Final = 50
"""Fewer rows are quicker in a prepared INSERT: COPY goes there and back twice, and is parsed each time."""

_NUMBERS: Final = 256
"""Taken from a sequence beyond what is needed. What a worker does not use is never used: numbers may have gaps."""


class PostgresqlTables:
    """The tables that a connection's `search_path` names. A change of no rows and a read of no keys cost nothing.

    Every statement is prepared once a connection: it takes its rows as arrays.
    """

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection
        self._numbers: dict[str, Iterator[int]] = {}

    async def read(self, reading: Reading) -> Sequence[Row]:
        """The rows that `reading` asks for. Raises what asyncpg raises."""
        if isinstance(reading, NewNumbers):
            return await self._new_numbers(reading) if reading.count else ()
        if not reading.keys:
            return ()
        if isinstance(reading, Read):
            keys = [list(reading.keys)]
        else:
            keys = _columns([(first, second) for first, inner in reading.keys.items() for second in inner])
        return await self._connection.fetch(select_statement(reading), *keys)  # type: ignore[return-value]  # records serve as tuples

    async def apply(self, change: Change) -> None:
        """Carry out a change. Raises what asyncpg raises."""
        if not change.rows:
            return
        if isinstance(change, Insert) and len(change.rows) >= _COPY_FROM_ROWS:
            columns = list(_types(change.table))
            await self._connection.copy_records_to_table(change.table, records=change.rows, columns=columns)
        else:
            await self._connection.execute(change_statement(change), *_columns(change.rows))

    async def _new_numbers(self, wanted: NewNumbers) -> list[Row]:
        at_hand = self._numbers.get(wanted.table, iter(()))
        numbers = list(itertools.islice(at_hand, wanted.count))
        missing = wanted.count - len(numbers)
        if missing:
            sql = f"SELECT nextval('{wanted.column}s') FROM generate_series(1, $1)"
            more = iter([number for (number,) in await self._connection.fetch(sql, missing + _NUMBERS)])
            numbers += itertools.islice(more, missing)
            at_hand = more
        self._numbers[wanted.table] = at_hand
        return [(number,) for number in numbers]


def storable(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row whose texts PostgreSQL can hold: without NUL and lone surrogates. For what is only read by people."""
    return tuple(
        value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
        if isinstance(value, str)
        else value
        for value in row
    )


def _columns(rows: Sequence[Row]) -> list[list[Any]]:
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


def select_statement(read: Read | ReadPairs) -> str:
    """The statement of a read, which takes each column of its keys as an array."""
    return _select(read.table, read.columns, (read.by,) if isinstance(read, Read) else read.by)


@cache
def _select(table: str, columns: tuple[str, ...], by: tuple[str, ...]) -> str:
    selected = _list(f't."{name}"' for name in columns)
    types = [_types(table)[name] for name in by]
    if len(by) == 1:
        return f'SELECT {selected} FROM {table} t WHERE t."{by[0]}" = ANY($1::{types[0]}[])'
    return f"SELECT {selected} FROM {table} t JOIN {_unnest(types)} AS n ({_quoted(by)}) ON {_matches(by)}"


def change_statement(change: Change) -> str:
    """The statement of a change, which takes each column of its rows as an array."""
    match change:
        case Insert():
            return _insert(change.table)
        case InsertNew():
            return f"{_insert(change.table)} ON CONFLICT DO NOTHING"
        case Upsert():
            return _upsert(change.table, change.first_by)
        case Update():
            return _update(change.table, change.columns)
        case AppendBytes():
            return _append(change.table, change.column)
        case Delete():
            return _delete(change.table)
        case DeleteBy():
            return _delete_by(change.table, change.column)
        case DeleteUnheld():
            return _delete_unheld(change.table, change.held_by)


@cache
def _insert(table: str) -> str:
    types = _types(table)
    return f"INSERT INTO {table} ({_quoted(types)}) SELECT * FROM {_unnest(list(types.values()))}"


@cache
def _upsert(table: str, first_by: tuple[str, ...]) -> str:
    key = _key(table)
    changed = _list(f'"{name}" = excluded."{name}"' for name in _types(table) if name not in key)
    upsert = f"{_insert(table)} ON CONFLICT ({_quoted(key)}) DO UPDATE SET {changed}"
    if not first_by:
        return upsert
    new, old = (_list(f'{row}."{name}"' for name in first_by) for row in ("excluded", table))
    return f"{upsert} WHERE ({new}) < ({old})"


@cache
def _update(table: str, names: tuple[str, ...]) -> str:
    changed = _list(f'"{name}" = n."{name}"' for name in names)
    return f"UPDATE {table} t SET {changed} FROM {_rows_of(table, names)} WHERE {_matches(_key(table))}"


@cache
def _append(table: str, name: str) -> str:
    changed = f'"{name}" = t."{name}" || n."{name}"'
    return f"UPDATE {table} t SET {changed} FROM {_rows_of(table, (name,))} WHERE {_matches(_key(table))}"


@cache
def _delete(table: str) -> str:
    return f"DELETE FROM {table} t USING {_rows_of(table, ())} WHERE {_matches(_key(table))}"


@cache
def _delete_by(table: str, column: str) -> str:
    return f'DELETE FROM {table} WHERE "{column}" = ANY($1::{_types(table)[column]}[])'


@cache
def _delete_unheld(table: str, held_by: str) -> str:
    held = " AND ".join(f'h."{name}" = t."{name}"' for name in _key(table))
    return f"{_delete(table)} AND NOT EXISTS (SELECT FROM {held_by} h WHERE {held})"


def _rows_of(table: str, names: tuple[str, ...]) -> str:
    """The rows of a change that holds the columns `names`, then the primary key, as a table `n`."""
    types, columns = _types(table), [*names, *_key(table)]
    return f"{_unnest([types[name] for name in columns])} AS n ({_quoted(columns)})"


def _matches(columns: Iterable[str]) -> str:
    return " AND ".join(f't."{name}" = n."{name}"' for name in columns)


def _quoted(names: Iterable[str]) -> str:
    return _list(f'"{name}"' for name in names)


def _list(parts: Iterable[str]) -> str:
    return ", ".join(parts)
