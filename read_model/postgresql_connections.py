"""Connections to the live read model in PostgreSQL, wherever a rebuild has moved it."""

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from read_model.tables import SCHEMA_VERSION
from schemas.errors import DeadlineExceeded, RequestLimitExceeded, TemporarilyUnavailable
from schemas.postgresql import Connection, schema_of
from schemas.postgresql_errors import (
    CONNECTION_ERRORS,
    MISSING_ERRORS,
    PASSING_ERRORS,
    UNANSWERED_ERRORS,
    describe_error,
)

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    Pool = asyncpg.Pool[asyncpg.Record]
    RawConnection = asyncpg.Connection[asyncpg.Record]
else:
    Pool = asyncpg.Pool  # generic for type checkers alone
    RawConnection = asyncpg.Connection

DEFAULT_SIZE: Final = 10
CONNECT_TIMEOUT_S: Final = 2.0
ACQUIRE_TIMEOUT_S: Final = 5.0
"""A request that waits longer for a connection is better answered 429: others wait behind it."""
STATEMENT_TIMEOUT_S: Final = 30.0
RELEASE_TIMEOUT_S: Final = 0.5
"""For a statement that was given up to be cancelled; its connection is closed when that takes longer."""
AWAY_S: Final = 1.0
"""For so long after a failed attempt every request is refused at once, instead of waiting for the same failure."""

READING_SETTINGS: Final[Mapping[str, str]] = {
    "default_transaction_read_only": "on",
    "jit": "off",  # takes a tenth of a second to make a statement of a millisecond faster
    "max_parallel_workers_per_gather": "0",
    # Statements are written so that their one good plan is a walk along an index with look-ups by key, whatever their
    # parameters are and however old the statistics: planned once a connection, not at a millisecond each time.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_material": "off",
    "enable_sort": "off",
}
"""What connections for reading should be opened with. Answers are the same without it, and searches slower."""

LIVE: Final = """
SELECT generation FROM tracklog.read_models
WHERE schema_version = $1 AND state = 'live' AND ($2::uuid IS NULL OR log_id = $2) ORDER BY generation DESC LIMIT 1
"""
"""The live generation of a log; of whichever log has the newest, where none is named."""


class PostgresqlReadModelConnections:
    """A pool of connections whose `search_path` is the live read model of this code's schema version.

    `switch_to` must be called for another generation, also when its own was dropped; statements under way end on the
    old one. One that has had no read model yet looks for it by itself.
    """

    def __init__(
        self,
        dsn: str,
        log_id: str | None = None,
        *,
        size: int = DEFAULT_SIZE,
        statement_timeout_s: float = STATEMENT_TIMEOUT_S,
    ) -> None:
        """`log_id` is of the log whose read model is wanted; None for any log's, where none is open."""
        self._dsn = dsn
        self.log_id: Final = log_id
        self._size = size
        self._statement_timeout_s = statement_timeout_s
        self._pool: Pool | None = None
        self._generation: int | None = None
        self._announced: int | None = None
        self._finding = asyncio.Lock()
        self._away_until = 0.0
        self._away = ""
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def generation(self) -> int | None:
        """The generation that connections are to, None when none was found yet."""
        return self._generation

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """A connection, for statements that read.

        Raises TemporarilyUnavailable when PostgreSQL is away, also when it goes away meanwhile, or has no live read
        model of this version; RequestLimitExceeded when no connection gets free in time; DeadlineExceeded when a
        statement takes longer than its bound.
        """
        pool, connection = await self._acquired()
        now_s = asyncio.get_running_loop().time
        since_s = now_s()
        try:
            yield connection
        except CONNECTION_ERRORS as error:
            raise TemporarilyUnavailable(f"PostgreSQL was lost while it was asked: {describe_error(error)}") from error
        except MISSING_ERRORS as error:
            # The old generation was dropped before this process heard of the new one, or the database was.
            self._forget(pool)
            raise TemporarilyUnavailable("The read model has just been replaced; try again.") from error
        except PASSING_ERRORS as error:
            if isinstance(error, asyncpg.QueryCanceledError) and now_s() - since_s >= self._statement_timeout_s:
                raise DeadlineExceeded(f"PostgreSQL took longer than {self._statement_timeout_s} s.") from error
            raise TemporarilyUnavailable(
                f"PostgreSQL does not answer for the read model: {describe_error(error)}."
            ) from error
        finally:
            with suppress(*UNANSWERED_ERRORS):  # then the pool has closed it
                await pool.release(connection, timeout=RELEASE_TIMEOUT_S)

    async def switch_to(self, generation: int) -> None:
        """Give out connections to `generation` from now on.

        Raises TemporarilyUnavailable when PostgreSQL is away; then the old connections stay.
        """
        if generation == self._generation and self._pool is not None:
            return
        self._away_until = 0.0
        try:
            pool = await self._make_pool(generation)
        except (*CONNECTION_ERRORS, *PASSING_ERRORS) as error:
            raise self._refused(error) from error
        old, self._pool, self._generation, self._announced = self._pool, pool, generation, generation
        if old is not None:
            self._close_later(old)

    def lost(self, why: str) -> None:
        """PostgreSQL was found away: fail what is under way, and refuse until `switch_to`.

        A PostgreSQL that hangs does not answer, and each request would find that out by waiting for its own bound.
        """
        self._away, self._away_until = why, math.inf
        if self._pool is not None:
            self._pool.terminate()
            self._pool = self._generation = None

    async def close(self) -> None:
        """Let go of all connections. Requests under way fail."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None
        for task in self._closing:
            task.cancel()

    async def _acquired(self) -> tuple[Pool, Connection]:
        """A connection and the pool it goes back to.

        One retry: after a restart of PostgreSQL the first attempt may meet a connection that is dead, unnoticed.
        """
        for attempt in (1, 2):
            pool = self._pool or await self._find()
            try:
                async with asyncio.timeout(ACQUIRE_TIMEOUT_S):
                    return pool, await pool.acquire()
            except TimeoutError as error:
                if pool.get_size() - pool.get_idle_size() >= self._size:
                    raise RequestLimitExceeded(
                        f"All {self._size} connections to the read model are busy; try again."
                    ) from error
                raise self._refused(error) from error
            except (*CONNECTION_ERRORS, *PASSING_ERRORS) as error:
                if attempt == 2 or isinstance(error, ConnectionRefusedError):
                    raise self._refused(error) from error
        raise AssertionError("the last attempt returns or raises")

    async def _find(self) -> Pool:
        """The pool of the live generation, when none is known."""
        async with self._finding:
            if self._pool is not None:
                return self._pool
            if time.monotonic() < self._away_until:
                raise TemporarilyUnavailable(self._away)
            try:
                connection = await self._connect(search_path="tracklog")
                try:
                    generation = await connection.fetchval(LIVE, SCHEMA_VERSION, self.log_id)
                finally:
                    connection.terminate()
            except (*CONNECTION_ERRORS, *PASSING_ERRORS) as error:
                raise self._refused(error) from error
            except MISSING_ERRORS:
                generation = None
            if generation is None:
                raise self._put_off("There is no read model of this version yet; a projector makes it.")
            if self._announced is not None and generation != self._announced:
                # What waits for the read model must follow it there first: it may lack what the old one had.
                raise self._put_off("The read model has just been replaced; try again.")
            await self.switch_to(generation)
            assert self._pool is not None
            return self._pool

    async def _make_pool(self, generation: int) -> Pool:
        async def connect(*_: Any, **options: Any) -> RawConnection:
            if time.monotonic() < self._away_until:
                raise TemporarilyUnavailable(self._away)
            return await self._connect(search_path=schema_of(generation), **options)

        return await asyncpg.create_pool(
            min_size=0,
            init_size=1,
            max_size=self._size,
            max_queries=1_000_000,
            connect=connect,
            reset=_keep_as_it_is,
        )

    async def _connect(self, *, search_path: str, **options: Any) -> RawConnection:
        return await asyncpg.connect(
            self._dsn,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=self._statement_timeout_s + 2,  # for a server that does not even say that it is too slow
            server_settings={
                "application_name": "tracklog",
                "search_path": search_path,
                "statement_timeout": f"{self._statement_timeout_s * 1000:.0f}",
                **READING_SETTINGS,
            },
            **options,
        )

    def _refused(self, error: BaseException) -> TemporarilyUnavailable:
        return self._put_off(f"PostgreSQL cannot be reached: {describe_error(error)}")

    def _put_off(self, message: str) -> TemporarilyUnavailable:
        """Refuse at once for a while, with `message`."""
        self._away, self._away_until = message, max(self._away_until, time.monotonic() + AWAY_S)
        return TemporarilyUnavailable(message)

    def _forget(self, pool: Pool) -> None:
        if self._pool is pool:
            self._pool = self._generation = None
            self._close_later(pool)

    def _close_later(self, pool: Pool) -> None:
        """Close a pool once its connections were given back."""
        task = asyncio.create_task(pool.close())
        self._closing.add(task)
        task.add_done_callback(self._closed)

    def _closed(self, task: "asyncio.Task[None]") -> None:
        self._closing.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.warning("connections to an old read model could not be closed: %r", error)


@asynccontextmanager
async def open_read_model(dsn: str) -> AsyncIterator[PostgresqlReadModelConnections]:
    """The live read model in the database `dsn`, for a command that asks it a question or two."""
    connections = PostgresqlReadModelConnections(dsn, size=1)
    try:
        yield connections
    finally:
        await connections.close()


async def _keep_as_it_is(connection: RawConnection) -> None:
    """What a pool does when a connection comes back, instead of a round trip that undoes settings."""
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")
