"""Writes the read model in PostgreSQL: transactions, the fence, checkpoints and notifications."""

import contextlib
import itertools
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Final, Self

import asyncpg
from msgspec.structs import replace

from projector.bookkeeping import kept_back
from projector.changes import Change, Reading, Row
from projector.port import (
    CheckpointMove,
    DamagedReadModel,
    Fenced,
    ReadModelUnavailable,
    ReadModelWriter,
    Refusal,
    SetAside,
    SetAsidePosition,
    Superseded,
    Unwritable,
)
from projector.postgresql_tables import PostgresqlTables, storable
from read_model import progress_message
from read_model.tables import metadata
from schemas.envelope import Positions
from schemas.postgresql import CONTROL_SCHEMA, PROGRESS_CHANNEL, schema_of
from schemas.postgresql_errors import (
    CONNECTION_ERRORS,
    DAMAGE_ERRORS,
    MISSING_ERRORS,
    PASSING_ERRORS,
    UNANSWERED_ERRORS,
    describe_error,
)

FENCE_LOCK: Final = 0x747261
"""The class of advisory locks that every commit holds shared, by generation, and a switch holds alone."""

_UNENCODABLE: Final = asyncpg.exceptions._base.DataError
"""Raised by asyncpg for values; by its base class alone it would be taken for a lost connection."""

_UNWRITABLE: Final = (
    _UNENCODABLE,
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,  # an index row too large
    UnicodeEncodeError,  # a lone surrogate
)
_REPEATABLE: Final = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)

_NUL: Final = rb"\u0000"
"""In JSON."""

_ATTEMPTS: Final = 5
_CONNECT_TIMEOUT_S: Final = 5.0
_STATEMENT_TIMEOUT_S: Final = 60.0
STALLED_MS: Final = 3000
"""A worker needs milliseconds between two statements of a commit."""

_SETTINGS: Final = {
    "application_name": "tracklog projector",
    # Whatever the database or the role has them set to.
    "statement_timeout": f"{_STATEMENT_TIMEOUT_S * 1000:.0f}",
    "lock_timeout": "0",
    # Rows and checkpoints are lost together in a crash of PostgreSQL, and folded again from the log: so a commit need
    # not wait for the disk. The files are not torn by it.
    "synchronous_commit": "off",
    # A worker that is stopped in the middle of a commit, by a debugger or a frozen machine, holds the rows of its
    # checkpoints and the right to commit: the worker that took its partitions over waits no longer than this.
    "idle_in_transaction_session_timeout": f"{STALLED_MS}",
    # Every statement here finds its rows by their keys. Plans made while a table was small, or for one long list, must
    # not become scans of a table that has grown since.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
}


@contextlib.contextmanager
def away() -> Iterator[None]:
    """Turn what asyncpg raises when PostgreSQL is away, or cannot do something now, into ReadModelUnavailable."""
    try:
        yield
    except (_UNENCODABLE, *DAMAGE_ERRORS):
        raise
    except CONNECTION_ERRORS as error:
        raise ReadModelUnavailable(f"PostgreSQL is away: {describe_error(error)}") from error
    except PASSING_ERRORS as error:
        raise ReadModelUnavailable(f"PostgreSQL does not do it now: {describe_error(error)}") from error


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    """Turn what asyncpg raises of statements on the read model into the errors of the port."""
    try:
        with away():
            yield
    except _UNWRITABLE as error:
        raise Unwritable(f"PostgreSQL refuses it: {error!r}") from error
    except (*MISSING_ERRORS, *DAMAGE_ERRORS) as error:
        raise DamagedReadModel(describe_error(error)) from error


class PostgresqlReadModelWriter(ReadModelWriter):
    """Writes one generation, by one connection; one call at a time.

    When it raises ReadModelUnavailable the connection is lost, and a new writer is needed.
    """

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]", generation: int) -> None:
        self._connection = connection
        self._generation = generation
        self._tables = PostgresqlTables(connection)

    @classmethod
    async def open(cls, dsn: str, generation: int) -> Self:
        """A writer of a generation that is there. Raises ReadModelUnavailable."""
        settings = _SETTINGS | {"search_path": schema_of(generation)}
        with _errors():
            connection = await asyncpg.connect(
                dsn, timeout=_CONNECT_TIMEOUT_S, command_timeout=_STATEMENT_TIMEOUT_S, server_settings=settings
            )
        return cls(connection, generation)

    async def close(self) -> None:
        try:
            await self._connection.close(timeout=1.0)
        except UNANSWERED_ERRORS:
            self._connection.terminate()

    async def checkpoints(self, partitions: Set[int]) -> Positions:
        wanted = sorted(partitions)
        with _errors():
            await self._connection.execute(
                "INSERT INTO checkpoints (partition, next_offset) SELECT unnest($1::int[]), 0 ON CONFLICT DO NOTHING",
                wanted,
            )
            found = await self._connection.fetch(
                "SELECT partition, next_offset FROM checkpoints WHERE partition = ANY($1::int[])", wanted
            )
        return dict(tuple(row) for row in found)

    async def set_aside_positions(self, partitions: Set[int]) -> list[SetAsidePosition]:
        with _errors():
            found = await self._connection.fetch(
                'SELECT partition, "offset", stream FROM set_aside WHERE partition = ANY($1::int[])'
                ' ORDER BY partition, "offset"',
                list(partitions),
            )
        return [SetAsidePosition(*row) for row in found]

    async def refusals_since(self, partition: int, offset: int) -> list[Refusal]:
        with _errors():
            found = await self._connection.fetch(
                'SELECT partition, "offset", error_code, message, stream FROM refusals'
                ' WHERE partition = $1 AND "offset" >= $2',
                partition,
                offset,
            )
        return [Refusal(*row) for row in found]

    async def check(self, checkpoints: Positions) -> None:
        with _errors():
            state, is_read_only, missing = await self._connection.fetchrow(  # type: ignore[misc]  # always a row
                f"SELECT (SELECT state FROM {CONTROL_SCHEMA}.read_models WHERE generation = $1),"
                " current_setting('transaction_read_only')::bool,"
                " (SELECT min(name) FROM unnest($2::text[]) AS wanted (name) WHERE to_regclass(name) IS NULL)",
                self._generation,
                [f"{schema_of(self._generation)}.{name}" for name in metadata.tables],
            )
        if state is None or state == "retired":
            raise Superseded("another read model took this one's place")
        if is_read_only:
            raise ReadModelUnavailable("PostgreSQL takes no writes now: it is a standby, or set to read-only.")
        if missing is not None:
            raise DamagedReadModel(f"the table {missing} is gone")
        if await self.checkpoints(set(checkpoints)) != checkpoints:
            raise Fenced("the checkpoints are no longer where this worker left them")

    def cannot_keep(self, payload: bytes) -> str | None:
        if _NUL in payload and _NUL in payload.replace(rb"\\", b""):  # an escaped backslash before u0000 is plain text
            return "it holds the character NUL, which PostgreSQL cannot keep"
        return None

    async def read(self, reading: Reading) -> Sequence[Row]:
        with _errors():
            return await self._tables.read(reading)

    async def commit(
        self,
        changes: Sequence[Change],
        refusals: Sequence[Refusal],
        set_aside: Sequence[SetAside],
        checkpoints: Mapping[int, CheckpointMove],
        resumed: Sequence[tuple[int, int]] = (),
    ) -> None:
        with _errors():
            kept = [
                replace(change, rows=[storable(row) for row in change.rows])
                for change in kept_back(refusals, set_aside, resumed)
            ]
            for attempt in itertools.count(1):
                try:
                    state = await self._begin(checkpoints)
                    for change in (*changes, *kept):
                        await self._tables.apply(change)
                    await self._end(state, checkpoints, refusals)
                    return
                except _REPEATABLE:
                    await self._roll_back()
                    if attempt == _ATTEMPTS:
                        raise
                except BaseException:
                    await self._roll_back()
                    raise

    async def _roll_back(self) -> None:
        with contextlib.suppress(*UNANSWERED_ERRORS):  # the error that brought us here is the one to raise
            if self._connection.is_in_transaction():
                await self._connection.execute("ROLLBACK")

    async def _begin(self, checkpoints: Mapping[int, CheckpointMove]) -> str:
        """Open the transaction, move the checkpoints, and return the state of the generation.

        The lock is a statement of its own, because the next one then sees what was committed by the process that held
        the lock exclusively. Otherwise a commit could go into a generation that was retired while the commit waited.
        """
        await self._connection.execute(f"BEGIN; SELECT pg_advisory_xact_lock_shared({FENCE_LOCK}, {self._generation})")
        moved, state = await self._connection.fetchrow(  # type: ignore[misc]  # always a row
            "WITH moved AS (UPDATE checkpoints c SET next_offset = n.new, last_event_id = n.last_event_id"
            " FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::bytea[])"
            " AS n (partition, expected, new, last_event_id)"
            " WHERE c.partition = n.partition AND c.next_offset = n.expected RETURNING 1)"
            f" SELECT (SELECT count(*) FROM moved), (SELECT state FROM {CONTROL_SCHEMA}.read_models"
            " WHERE generation = $5)",
            list(checkpoints),
            [move.expected for move in checkpoints.values()],
            [move.new for move in checkpoints.values()],
            [move.last_event_id for move in checkpoints.values()],
            self._generation,
        )
        if state is None or state == "retired":
            raise Superseded("another read model took this one's place")
        if moved != len(checkpoints):
            expected = ", ".join(f"{partition}:{move.expected}" for partition, move in sorted(checkpoints.items()))
            raise Fenced(f"not all checkpoints are any longer {expected}")
        return str(state)

    async def _end(self, state: str, checkpoints: Mapping[int, CheckpointMove], refusals: Sequence[Refusal]) -> None:
        """Say in the transaction where it moves the checkpoints to, and commit it: one way there and back."""
        if state != "live":
            await self._connection.execute("COMMIT")
            return
        refused = [(one.partition, one.offset) for one in refusals]
        message = progress_message.encode(
            progress_message.Committed(
                self._generation,
                {partition: move.new for partition, move in checkpoints.items()},
                refused if len(refused) <= progress_message.MAX_NOTIFIED_REFUSALS else None,
            )
        ).decode()
        # Nothing but numbers is in the message. The count is of the whole read model, of all workers.
        await self._connection.execute(
            f"SELECT pg_notify('{PROGRESS_CHANNEL}', '{message[:-1]},\"set_aside\":' || count(*) || '}}')"
            " FROM (SELECT FROM set_aside LIMIT 10000) counted; COMMIT"
        )
