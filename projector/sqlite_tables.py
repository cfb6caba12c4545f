"""Reads and changes of tables as statements of SQLite, generated from the tables as the file has them.

From the file and not from `read_model.tables`: with that comes SQLAlchemy, which takes 17 MB that the process of the
projector otherwise does without.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

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
from projector.port import DamagedReadModel


@dataclass(frozen=True, slots=True)
class TableShape:
    """The columns of a table, in their order and with their types, and those of its primary key."""

    columns: Mapping[str, str]
    key: Sequence[str]


class SqliteTables:
    """The tables of the file that `connection` has open. A change of no rows and a read of no keys cost nothing."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._encode = msgspec.json.Encoder().encode
        self._shapes: dict[str, TableShape] = {}
        self._next_numbers: dict[str, int] = {}
        self._statements: dict[tuple[object, ...], str] = {}

    def read(self, reading: Reading) -> Sequence[Row]:
        """The rows that `reading` asks for. Raises sqlite3.Error, UnicodeEncodeError of keys that are no text."""
        if isinstance(reading, NewNumbers):
            return self._new_numbers(reading)
        if not reading.keys:
            return ()
        if isinstance(reading, Read):
            keys: object = list(reading.keys)
        else:
            keys = {first: list(second) for first, second in reading.keys.items()}
        return self._connection.execute(self._select(reading), (self._encode(keys).decode(),)).fetchall()

    def apply(self, change: Change) -> None:
        """Carry out a change. Raises sqlite3.Error, DamagedReadModel, and what the driver raises of values."""
        if change.rows:
            self._connection.executemany(self._statement(change), change.rows)

    def forget_numbers(self) -> None:
        """Find the next new numbers anew: a commit failed, or another writer gave some out."""
        self._next_numbers.clear()

    def _new_numbers(self, wanted: NewNumbers) -> Sequence[Row]:
        if not wanted.count:
            return ()
        first = self._next_numbers.get(wanted.table)
        if first is None:
            sql = f"SELECT coalesce(max({wanted.column}) + 1, 1) FROM {wanted.table}"
            first = int(self._connection.execute(sql).fetchone()[0])
        self._next_numbers[wanted.table] = first + wanted.count
        return [(number,) for number in range(first, first + wanted.count)]

    def _select(self, read: Read | ReadPairs) -> str:
        shape = (read.table, read.columns, read.by)
        sql = self._statements.get(shape)
        if sql is None:
            sql = self._statements[shape] = select_statement(read, self._index_of(read))
        return sql

    def _index_of(self, read: Read | ReadPairs) -> str | None:
        """The index by the two columns of a read, where the primary key does not begin with them.

        Without statistics SQLite would rather read all rows that hold the first value alone.
        """
        if isinstance(read, Read) or tuple(self._shape(read.table).key[:2]) == read.by:
            return None
        return index_by(self._connection, read.table, read.by)

    def _statement(self, change: Change) -> str:
        match change:
            case Update():
                shape: tuple[object, ...] = (Update, change.table, change.columns)
            case DeleteBy():
                shape = (DeleteBy, change.table, change.column)
            case DeleteUnheld():
                shape = (DeleteUnheld, change.table, change.held_by)
            case _:
                shape = (type(change), change.table)
        sql = self._statements.get(shape)
        if sql is None:
            sql = self._statements[shape] = change_statement(change, self._shape(change.table))
        return sql

    def _shape(self, table: str) -> TableShape:
        shape = self._shapes.get(table)
        if shape is None:
            shape = self._shapes[table] = table_shape(self._connection, table)
        return shape


def table_shape(connection: sqlite3.Connection, table: str) -> TableShape:
    """The shape of a table. Raises DamagedReadModel when it is gone."""
    found = connection.execute("SELECT name, type, pk FROM pragma_table_info(?)", (table,)).fetchall()
    if not found:
        raise DamagedReadModel(f"the table {table} is gone")
    key = sorted((place, name) for name, _, place in found if place)
    return TableShape({name: kind for name, kind, _ in found}, [name for _, name in key])


def index_by(connection: sqlite3.Connection, table: str, columns: Sequence[str]) -> str | None:
    """The index of a table that begins with these columns, None where there is none."""
    names = connection.execute(
        "SELECT name FROM pragma_index_list(?) WHERE NOT partial ORDER BY 1", (table,)
    ).fetchall()
    for (name,) in names:
        found = connection.execute("SELECT name FROM pragma_index_info(?) ORDER BY seqno", (name,)).fetchall()
        if [column for (column,) in found[: len(columns)]] == list(columns):
            return str(name)
    return None


def select_statement(read: Read | ReadPairs, index: str | None = None) -> str:
    """The statement of a read, by an index if one is named. It takes keys as JSON: a list, or an object of lists."""
    columns = ", ".join(f't."{column}"' for column in read.columns)
    if isinstance(read, Read):
        return f'SELECT {columns} FROM "{read.table}" t WHERE t."{read.by}" IN (SELECT value FROM json_each(?))'
    first, second = read.by
    by = "" if index is None else f' INDEXED BY "{index}"'
    return (
        # CROSS JOIN, so that the keys are looked up in the table and not the table in the keys.
        f"SELECT {columns} FROM json_each(?) outer_key CROSS JOIN json_each(outer_key.value) inner_key"
        f' CROSS JOIN "{read.table}" t{by} ON t."{first}" = outer_key.key AND t."{second}" = inner_key.value'
    )


def change_statement(change: Change, shape: TableShape) -> str:
    """The statement that is executed for each row of a change."""
    table = f'"{change.table}"'
    insert = f"INSERT INTO {table} VALUES ({', '.join('?' for _ in shape.columns)})"
    match change:
        case Insert():
            return insert
        case InsertNew():
            return f"{insert} ON CONFLICT DO NOTHING"
        case Upsert():
            changed = _list(f'"{name}" = excluded."{name}"' for name in shape.columns if name not in shape.key)
            upsert = f"{insert} ON CONFLICT ({_names(shape.key)}) DO UPDATE SET {changed}"
            if not change.first_by:
                return upsert
            new = _list(f'excluded."{name}"' for name in change.first_by)
            return f"{upsert} WHERE ({new}) < ({_names(change.first_by)})"
        case Update():
            changed = _list(f'"{name}" = ?' for name in change.columns)
            return f"UPDATE {table} SET {changed} WHERE {_matches(shape)}"
        case AppendBytes():
            name = change.column  # `||` makes text of everything
            return f'UPDATE {table} SET "{name}" = CAST("{name}" || ? AS {shape.columns[name]}) WHERE {_matches(shape)}'
        case Delete():
            return f"DELETE FROM {table} WHERE {_matches(shape)}"
        case DeleteBy():
            return f'DELETE FROM {table} WHERE "{change.column}" = ?'
        case DeleteUnheld():
            held = " AND ".join(f'h."{name}" = {table}."{name}"' for name in shape.key)
            return (
                f"DELETE FROM {table} WHERE {_matches(shape)}"
                f' AND NOT EXISTS (SELECT 1 FROM "{change.held_by}" h WHERE {held})'
            )


def _matches(shape: TableShape) -> str:
    return " AND ".join(f'"{name}" = ?' for name in shape.key)


def _names(names: Iterable[str]) -> str:
    return _list(f'"{name}"' for name in names)


def _list(parts: Iterable[str]) -> str:
    return ", ".join(parts)
