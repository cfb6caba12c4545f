"""The rows of a database of MLflow: its tables and columns are found by looking, whatever its revision."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Engine, LargeBinary, cast, collate, column, func, inspect, literal_column, null, select
from sqlalchemy import table as table_named
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import Join

from tracklog.moving.grouped import Block, Row

_ROWS_AT_ONCE: Final = 4096

_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class DatabaseRows:
    """Asks one database. Each stream of rows has a connection of its own: MySQL has one open result a connection.

    `columns` are those of each table. Where a file of SQLite is damaged, `saves_what_it_can` ends what cannot be read
    further, and `unread` says what that was.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        self.columns: dict[str, set[str]] = {}
        self.saves_what_it_can = False
        self.unread: list[str] = []

    def look(self) -> None:
        """Find the tables and their columns."""
        with self._engine.connect() as connection:
            for (_, name), columns in inspect(connection).get_multi_columns().items():
                self.columns[name] = {one["name"] for one in columns}

    def table(self, name: str) -> Any:
        """The table with the columns that it has; without any where it is not there."""
        return table_named(name, *(column(one) for one in sorted(self.columns.get(name, ()))))

    def has(self, table: str, name: str) -> bool:
        """Whether there is a table with such a column."""
        return name in self.columns.get(table, ())

    def of(self, table: str, names: Sequence[str], order: Sequence[str] = (), *, then: Sequence[str]) -> Iterator[Row]:
        """The named columns of each row, None where the table has no such column; no rows where there is no table.

        In the order of the bytes of `order`, then in that in which SQLite took them, elsewhere in that of `then`: at
        each import the same.
        """
        for block in self.blocks_of(table, names, order, then=then):
            yield from block

    def blocks_of(
        self,
        table: str,
        names: Sequence[str],
        order: Sequence[str] = (),
        *,
        then: Sequence[str],
        among: Sequence[Any] | None = None,
    ) -> Iterator[Block]:
        """As `of`, in blocks; with `among` only rows of which the first of `order` is one of these values."""
        if table not in self.columns:
            return iter(())
        source = self.table(table)
        shown = [source.c[name] if name in source.c else null().label(name) for name in names]
        within = self.by_row() if self.is_sqlite else [source.c[name] for name in then if name in source.c]
        statement = select(*shown).order_by(*(self.by_bytes(source.c[name]) for name in order), *within)
        return self.blocks(statement if among is None else statement.where(source.c[order[0]].in_(among)))

    def run(self, statement: Any) -> Iterator[Row]:
        """The rows of a statement."""
        for block in self.blocks(statement):
            yield from block

    def blocks(self, statement: Any) -> Iterator[Block]:
        """Of SQLite as its driver has them: to make rows of SQLAlchemy's of them takes as long as to read them.

        Raises DBAPIError, whoever finds what is wrong.
        """
        with self._engine.connect() as connection:
            if not self.is_sqlite:
                found = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(statement)
                yield from found.partitions()
                return
            try:
                cursor: Any = connection.execute(statement).cursor
                while rows := _fetched(cursor):
                    yield rows
            except DBAPIError as error:
                self._end_of_what_can_be_read(error, statement)

    def _end_of_what_can_be_read(self, error: DBAPIError, statement: Any) -> None:
        """Raises the error, unless it says that the file is damaged and what is whole of it is to be saved."""
        if not self.saves_what_it_can or getattr(error.orig, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
            raise error
        tables = ", ".join(sorted({one.name for one in statement.get_final_froms() for one in _tables_of(one)}))
        self.unread.append(f"left: {tables} cannot be read further: {error.orig}; sqlite3's .recover may save more")

    def by_bytes(self, of: ColumnElement[Any]) -> ColumnElement[Any]:
        """Text in the order of its code points: streams of rows are joined by comparing their keys here."""
        match self._engine.dialect.name:
            case "postgresql":
                return collate(of, "C")
            case "mysql" | "mariadb":
                return cast(of, LargeBinary)
            case "mssql":
                return collate(of, "Latin1_General_BIN2")
            case _:
                return of

    def by_row(self, prefix: str = "") -> list[ColumnElement[Any]]:
        """The order in which SQLite took rows, which is that of writing; no other database knows it."""
        return [literal_column(f"{prefix}rowid")] if self.is_sqlite else []

    def count(self, table: str) -> int:
        """How many rows a table has; 0 where it is not there."""
        if table not in self.columns:
            return 0
        return sum(number for (number,) in self.run(select(func.count()).select_from(self.table(table))))


def _fetched(cursor: Any) -> Block:
    with errors_of_sqlite():
        rows: Block = cursor.fetchmany(_ROWS_AT_ONCE)
    return rows


@contextmanager
def errors_of_sqlite() -> Iterator[None]:
    """Raise what the driver of SQLite raises as SQLAlchemy does."""
    try:
        yield
    except sqlite3.Error as error:
        raise DBAPIError.instance(None, None, error, sqlite3.Error) from error


def _tables_of(found: Any) -> Iterator[Any]:
    """The tables of a join; a table is one itself."""
    if isinstance(found, Join):
        yield from _tables_of(found.left)
        yield from _tables_of(found.right)
    else:
        yield found
