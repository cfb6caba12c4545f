"""A live database of MLflow in PostgreSQL, asked again and again for what is new in it.

A row's place is the transaction that wrote it, by the column `xmin` of PostgreSQL. All numbered below the oldest
that is still under way have ended, so what they wrote is read once and whole: nothing that a slower one commits
later is passed by. The first time nothing is new: the points that there are come run by run.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Final, TypeVar
from zlib import crc32

from sqlalchemy import URL, BigInteger, Text, cast, func, literal_column, select
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from tracklog.moving.grouped import Row
from tracklog.moving.records import PointsRecord
from tracklog.shadowing.source import ROWS_PER_QUESTION, Source

T = TypeVar("T")

_NUMBERS: Final = 2**32
"""A row has only the lower half of the number of its transaction, which begins anew after so many."""

_WRITTEN_BY: Final[Any] = cast(cast(literal_column("xmin"), Text), BigInteger)

_SETTINGS: Final = {"default_transaction_read_only": "on", "statement_timeout": "600000"}


class PostgresqlSource(Source):
    """A database of a server, read in read-only transactions."""

    brings_first_points_by_run: ClassVar = True

    def __init__(self, url: URL) -> None:
        """Raises NoStore, and DBAPIError."""
        self._url = url.set(drivername="postgresql+asyncpg")
        self._runner = asyncio.Runner()
        self._asynchronous = create_async_engine(
            self._url,
            poolclass=NullPool,
            connect_args={"server_settings": _SETTINGS},
            execution_options={"stream_results": True},
        )
        try:
            self.within(lambda: Source.__init__(self, self._asynchronous.sync_engine))
        except BaseException:
            self._runner.close()
            raise

    def __str__(self) -> str:
        return self._url.set(drivername="postgresql").render_as_string(hide_password=True)

    def close(self) -> None:
        self._runner.close()

    def within(self, work: Callable[[], T]) -> T:
        """Inside, SQLAlchemy waits for the driver where plain code calls it. Raises OperationalError for a server that
        is away."""
        try:
            return self._runner.run(self._within(work))
        except OSError as error:
            raise OperationalError(None, None, error) from error
        except DBAPIError as error:
            if error.connection_invalidated and not isinstance(error, OperationalError):
                raise OperationalError(error.statement, None, error.orig or error) from error
            raise

    async def _within(self, work: Callable[[], T]) -> T:
        async with self._asynchronous.connect() as connection:
            return await connection.run_sync(lambda _: work())

    def version(self) -> int:
        return crc32(str(self._asked(select(cast(func.pg_current_snapshot(), Text)))).encode())

    def end_of(self, table: str) -> int:
        """Of all tables the same: the first transaction of which not everything can be seen yet."""
        return int(self._asked(select(cast(func.pg_snapshot_xmin(func.pg_current_snapshot()), Text))))

    def _next(self) -> int:
        return int(self._asked(select(cast(func.pg_snapshot_xmax(func.pg_current_snapshot()), Text))))

    def _asked(self, statement: Any) -> Any:
        [(found,)] = self._rows.run(statement)
        return found

    def _mark_of(self, table: str) -> int:
        if table not in self._rows.columns:
            return 0
        return int(self._asked(select(func.coalesce(func.sum(_WRITTEN_BY), 0)).select_from(self._rows.table(table))))

    def _pages(self, shown: Sequence[Any]) -> Iterator[list[Row]]:
        key = self._rows.by_bytes(shown[0])
        last: str | None = None
        while True:
            page = select(*shown).order_by(key).limit(ROWS_PER_QUESTION)
            rows = list(self._rows.run(page if last is None else page.where(key > last)))
            yield rows
            if len(rows) < ROWS_PER_QUESTION:
                return
            last = rows[-1][0]

    def _between(self, after: int, until: int) -> Any:
        return _since(after) < until - after

    def _up_to(self, until: int) -> Any:
        """What came since is numbered from there on; all else is older, however old."""
        return _since(until) >= max(self._next() - until, 0)

    def _in_order(self) -> Sequence[Any]:
        oldest = self._next() + 1
        return [_since(oldest), literal_column("ctid")]

    def owners(self, table: str, column: str, after: int, until: int) -> set[str]:
        return super().owners(table, column, after, until) if after else set()

    def points(self, after: int, most: int) -> tuple[list[PointsRecord], int]:
        """Of as many transactions as come to `most` points, at least of one."""
        end = self.end_of("metrics")
        new = self._between(after, end)
        since = _since(after)
        metrics = self._rows.table("metrics")
        counted = select(since, func.count()).select_from(metrics).where(new).group_by(since).order_by(since)
        until, number = end, 0
        for written, points in self._rows.run(counted):
            if number and number + points > most:
                until = after + written
                break
            number += points
        if not number:
            return [], end
        order = [since, literal_column("ctid")]
        found = self._shown_points(metrics).where(self._between(after, until)).order_by(*order)
        return self._records(self._rows.run(found)), until


def _since(place: int) -> Any:
    """How many transactions after a place a row was written."""
    return (_WRITTEN_BY - place % _NUMBERS + _NUMBERS) % _NUMBERS
