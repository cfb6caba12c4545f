"""How far the read model in PostgreSQL is, as the projectors' commits notify it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import msgspec

from read_model import progress_message
from read_model.belonging import LOG_ID
from read_model.position_waiters import PositionWaiters
from read_model.postgresql_connections import LIVE, PostgresqlReadModelConnections
from read_model.progress import ProgressReport, ProjectionBehind, ProjectionProgress
from read_model.progress_message import Committed
from read_model.tables import SCHEMA_VERSION
from schemas.envelope import Position, Positions
from schemas.errors import TemporarilyUnavailable, TracklogError
from schemas.postgresql import FLUSH_CHANNEL, PROGRESS_CHANNEL, READ_MODELS_CHANNEL, schema_of
from schemas.postgresql_errors import MISSING_ERRORS, UNANSWERED_ERRORS, describe_error
from schemas.refusals import refusal_of

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    RawConnection = asyncpg.Connection[asyncpg.Record]
else:
    RawConnection = asyncpg.Connection  # generic for type checkers alone

CONNECT_TIMEOUT_S: Final = 2.0
_RETRY_S: Final = 0.25
"""Between attempts to connect while PostgreSQL is away."""
_LOOK_S: Final = 2.0
"""How often the tables are looked at all the same: a connection may be broken without either side knowing."""
_KEPT_REFUSALS: Final = 10_000
"""More than there can be writers waiting for a verdict."""

BelongingFault = Callable[[str | None, Positions], Awaitable[str | None]]
"""Asked of a read model by the id of the log it was folded from and its checkpoints: why it does not belong to the log
that this process has open, None when it does."""


async def no_fault(log_id: str | None, checkpoints: Positions) -> str | None:
    """Any read model is taken."""
    return None


_READ_ONLY: Final = "PostgreSQL takes no writes now: it is a standby, or set to read-only."
_ABSENT: Final = "There is no read model of this version yet; a projector makes it."


class PostgresqlProgress(ProjectionProgress):
    """Listens to the projectors on one connection, and wakes the tasks that wait for the read model.

    Projectors commit without waiting for the disk: a crash of PostgreSQL may take their last commits, rows and
    checkpoint together, and progress then goes back until they have made those again. So what was reached is forgotten
    whenever the connection ends, and read from the tables by the next one. While PostgreSQL is away nothing is waited
    for: ProjectionBehind is raised at once.
    """

    def __init__(
        self, dsn: str, connections: PostgresqlReadModelConnections, belonging_fault: BelongingFault = no_fault
    ) -> None:
        self._dsn = dsn
        self._connections = connections
        self._belonging_fault = belonging_fault
        self._stray: str | None = None
        self._waiters = PositionWaiters()
        self._generation: int | None = None
        self._checkpoint: dict[int, int] = {}
        self._set_aside = 0
        self._refused: dict[Position, None] = {}
        # From these offsets on no commit was missed: an event without a refusal here holds.
        self._complete_from: dict[int, int] = {}
        self._connection: RawConnection | None = None
        self._away: str | None = None
        self._unwritable: str | None = None
        self._is_current = False
        self._was_well = False
        self._is_moving = False
        self._deferred: list[Committed] = []
        self._may_request_flush = True
        self._requesting_flush: asyncio.Task[None] | None = None
        self._look_now = asyncio.Event()
        self._following: asyncio.Task[None] | None = None

    @property
    def stray(self) -> str | None:
        """Why the read model does not belong to the log; None once there is one that does."""
        return self._stray

    @property
    def missing(self) -> str | None:
        """Why the read model cannot be waited for now, None when it can.

        It can while a broken connection is being replaced: the new one wakes those who wait.
        """
        if self._is_current:
            return self._unwritable
        return _ABSENT if self._away is None and self._generation is None else self._away

    def require_listening(self) -> None:
        """Raise TemporarilyUnavailable, with the reason, while the read model cannot be waited for."""
        if (reason := self.missing) is not None:
            raise TemporarilyUnavailable(reason)

    def start(self) -> None:
        """Listen from now on, as soon as PostgreSQL is there."""
        self._following = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Stop listening. Raises ProjectionBehind in those who wait."""
        for task in (self._following, self._requesting_flush):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        self._waiters.fail(ProjectionBehind("The server stops."))

    async def wait_until(self, positions: Positions, timeout_s: float) -> None:
        for_these = [(one, offset) for one, offset in positions.items() if not self._has_reached(one, offset)]
        if not for_these:
            return
        if self._away is not None:
            raise ProjectionBehind(self._away)
        self._request_flush()
        try:
            async with asyncio.timeout(timeout_s):
                for partition, offset in for_these:
                    # Looked up again, because it may have been reached while another was waited for.
                    if not self._has_reached(partition, offset):
                        await self._waiters.wait(partition, offset)
        except TimeoutError as error:
            raise ProjectionBehind(self._lag(for_these, timeout_s)) from error

    async def verdict(self, position: Position, timeout_s: float) -> TracklogError | None:
        await self.wait_until({position.partition: position.offset + 1}, timeout_s)
        if position.offset >= self._complete_from.get(position.partition, 0) and position not in self._refused:
            return None
        try:
            async with self._connections.acquire() as connection:
                row = await connection.fetchrow(
                    'SELECT error_code, message FROM refusals WHERE "partition" = $1 AND "offset" = $2',
                    position.partition,
                    position.offset,
                )
        except TemporarilyUnavailable as error:
            raise ProjectionBehind(error.message) from error
        return None if row is None else refusal_of(row[0], row[1])

    def report(self) -> ProgressReport:
        return ProgressReport(dict(self._checkpoint), self._set_aside)

    def _has_reached(self, partition: int, offset: int) -> bool:
        return offset == 0 or (self._is_current and self._checkpoint.get(partition, 0) >= offset)

    def _lag(self, for_these: list[tuple[int, int]], timeout_s: float) -> str:
        lag = ", ".join(
            f"{partition}:{self._checkpoint.get(partition, 0)} and did not reach {partition}:{offset}"
            for partition, offset in for_these
            if self._checkpoint.get(partition, 0) < offset
        )
        return f"The read model is at {lag or 'the place waited for only now'} within {timeout_s} s."

    # --- following the projectors

    async def _follow(self) -> None:
        """Keep a connection that listens, for as long as this process lives."""
        while True:
            self._was_well = False
            try:
                connection = await self._connect()
                try:
                    await self._listen(connection)
                finally:
                    self._connection = None
                    self._is_current = False
                    connection.terminate()
            except MISSING_ERRORS as error:
                if not self._was_well:  # else it was replaced in the moment in which it was looked at
                    self._lost(f"The read model cannot be followed: {describe_error(error)}")
            except (*UNANSWERED_ERRORS, TemporarilyUnavailable) as error:
                if self._was_well:
                    continue  # perhaps only this connection ended, and then no waiter need fail
                self._lost(f"PostgreSQL cannot be reached: {describe_error(error)}")
                self._connections.lost(f"PostgreSQL cannot be reached: {describe_error(error)}")
            except Exception as error:  # whatever it was, waiters must not hang, and listening must go on
                logger.exception("following the projectors failed")
                self._lost(f"The projectors cannot be followed: {describe_error(error)}")
            await asyncio.sleep(_RETRY_S)

    async def _connect(self) -> RawConnection:
        return await asyncpg.connect(
            self._dsn,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=CONNECT_TIMEOUT_S,
            # A notification is a transaction, too: a request to flush must not wait for the disk, nor make it work.
            server_settings={
                "application_name": "tracklog",
                "synchronous_commit": "off",
                "statement_timeout": f"{CONNECT_TIMEOUT_S * 1000:.0f}",
                "lock_timeout": "0",
            },
        )

    async def _listen(self, connection: RawConnection) -> None:
        """Follow the projectors on `connection` until it breaks."""
        connection.add_termination_listener(self._on_end_of_connection)
        self._deferred.clear()
        self._is_moving = True  # commits notified from here on are applied after the state they follow
        await connection.add_listener(PROGRESS_CHANNEL, self._on_commit)
        await connection.add_listener(READ_MODELS_CHANNEL, self._on_read_model)
        await self._look(connection)
        self._connection = connection
        self._was_well = True
        self._allow_flush_request()
        while True:
            try:
                async with asyncio.timeout(_LOOK_S):
                    await self._look_now.wait()
            except TimeoutError:
                pass
            self._look_now.clear()
            await self._look(connection)

    async def _look(self, connection: RawConnection) -> None:
        """Take the state from the tables: all of it when commits may have been missed or lost, else what is new."""
        self._is_moving = True
        generation = await self._live_generation(connection)
        if generation is None and self._generation is not None:
            self._refuse(_ABSENT)
        elif generation is None:
            self._away = self._stray
        else:
            schema = schema_of(generation)
            log_id = await connection.fetchval(f"SELECT value FROM {schema}.facts WHERE name = $1", LOG_ID)
            rows = await connection.fetch(f'SELECT "partition", next_offset FROM {schema}.checkpoints')
            checkpoints: dict[int, int] = dict(map(tuple, rows))
            set_aside = await connection.fetchval(f"SELECT count(*) FROM {schema}.set_aside")
            is_read_only = await connection.fetchval("SELECT current_setting('transaction_read_only')::bool")
            self._unwritable = _READ_ONLY if is_read_only else None
            fault = await self._belonging_fault(log_id, checkpoints)
            if fault is not None:
                self._stray = (
                    f"The read model {schema} does not belong to the log: {fault}. A projector makes a new one."
                )
                self._refuse(self._stray)
                return
            self._away = self._stray = None
            moved = not self._is_current or generation != self._generation
            # Before any waiter is woken: one that waited for its own write must find it where it reads.
            await self._connections.switch_to(generation)
            if moved:
                self._generation = generation
                self._checkpoint = {}
                self._refused.clear()
                self._complete_from = dict(checkpoints)
                self._is_current = True
            self._advance(checkpoints, set_aside)
        self._is_moving = False
        deferred, self._deferred = self._deferred, []
        for message in deferred:
            self._apply(message)

    async def _live_generation(self, connection: RawConnection) -> int | None:
        try:
            generation: int | None = await connection.fetchval(LIVE, SCHEMA_VERSION, self._connections.log_id)
        except asyncpg.UndefinedTableError:
            return None  # the control schema is not made yet
        return generation

    def _refuse(self, why: str) -> None:
        """Serve nothing of the read model until there is another."""
        if why != self._away:
            logger.warning("%s", why)
        self._away = why
        self._lost(why)
        self._connections.lost(why)
        self._generation = None
        self._is_current = self._is_moving = False
        self._deferred.clear()

    def _lost(self, why: str) -> None:
        if self._away is None:
            logger.warning("%s", why)
        self._away = why
        self._waiters.fail(ProjectionBehind(why))

    def _on_end_of_connection(self, _: Any) -> None:
        self._is_current = False  # PostgreSQL may have crashed, and have lost commits that were notified
        self._look_now.set()

    def _on_read_model(self, *_: Any) -> None:
        self._is_moving = True  # the commits that follow are of the new one, which must be moved to first
        self._look_now.set()

    def _on_commit(self, _connection: Any, _pid: int, _channel: str, payload: Any) -> None:
        try:
            message = progress_message.decode(payload)
        except msgspec.DecodeError:
            logger.warning("a notification on %s was not understood: %r", PROGRESS_CHANNEL, payload[:200])
            return
        if self._is_moving:
            self._deferred.append(message)
        else:
            self._apply(message)

    def _apply(self, message: Committed) -> None:
        """Apply a commit: keep what it refused, then wake those whose positions it has reached."""
        if message.generation != self._generation:
            return  # another version's, or one that is being built
        if message.refused is None:
            self._complete_from.update(message.checkpoints)
        else:
            for partition, offset in message.refused:
                self._refused[Position(partition, offset)] = None
        while len(self._refused) > _KEPT_REFUSALS:
            self._forget(next(iter(self._refused)))
        self._advance(message.checkpoints, message.set_aside)

    def _forget(self, refused: Position) -> None:
        del self._refused[refused]
        self._complete_from[refused.partition] = max(self._complete_from.get(refused.partition, 0), refused.offset + 1)

    def _advance(self, checkpoints: dict[int, int], set_aside: int) -> None:
        self._set_aside = set_aside
        for partition, checkpoint in checkpoints.items():
            if checkpoint > self._checkpoint.get(partition, 0):
                self._checkpoint[partition] = checkpoint
            self._waiters.reached(partition, self._checkpoint.get(partition, 0))
        self._allow_flush_request()

    # --- requests to flush

    def _allow_flush_request(self) -> None:
        """After each commit of the projectors another request may be sent."""
        self._may_request_flush = True
        if self._waiters:
            self._request_flush()

    def _request_flush(self) -> None:
        """Ask the projectors not to linger: once, until they have committed again."""
        if self._may_request_flush and self._connection is not None and self._requesting_flush is None:
            self._may_request_flush = False
            self._requesting_flush = asyncio.create_task(self._send_flush_request(self._connection))

    async def _send_flush_request(self, connection: RawConnection) -> None:
        try:
            await connection.execute(f"NOTIFY {FLUSH_CHANNEL}")
        except UNANSWERED_ERRORS:
            self._look_now.set()  # the follower finds out, and the next request is sent on a new connection
        finally:
            self._requesting_flush = None
            if self._waiters:
                self._request_flush()  # when they committed meanwhile
