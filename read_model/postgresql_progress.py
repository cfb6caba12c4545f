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
from schemas.errors import REFUSALS, InternalError, TemporarilyUnavailable, TracklogError
from schemas.postgresql import HURRY_CHANNEL, PROGRESS_CHANNEL, READ_MODELS_CHANNEL, schema_of
from schemas.postgresql_errors import MISSING_ERRORS, UNANSWERED_ERRORS, said

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    RawConnection = asyncpg.Connection[asyncpg.Record]
else:
    RawConnection = asyncpg.Connection  # generic for type checkers alone

CONNECT_TIMEOUT_S: Final = 2.0
_RETRY_S: Final = 0.25
"""Between attempts to connect while PostgreSQL is away."""
_LOOK_S: Final = 2.0
"""How often what was heard is compared with what is there: a connection may be broken without either side knowing."""
_KEPT_REFUSALS: Final = 10_000
"""More than there can be writers waiting for a verdict."""

BelongingFault = Callable[[str | None, Positions], Awaitable[str | None]]
"""Asked of a read model by the id of the log it was folded from and its checkpoints: why it does not belong to the log
that this process has open, None when it does."""


async def no_fault(log_id: str | None, checkpoints: Positions) -> str | None:
    """Any read model will do."""
    return None


_READ_ONLY: Final = "PostgreSQL takes no writes now: it is a standby, or set to read-only."
_ABSENT: Final = "There is no read model of this version yet; a projector makes it."


class PostgresqlProgress(ProjectionProgress):
    """Listens to the projectors on one connection, and wakes whoever waits for the read model.

    Progress goes back when PostgreSQL crashed: projectors commit without waiting for the disk, so it may have lost
    their last commits, rows and checkpoint together, which they then make again. Whoever waits then waits for that.
    While PostgreSQL is away nobody waits for the read model: ProjectionBehind is raised at once.
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
        # From these offsets on no commit was missed, and a refusal that was not heard is none.
        self._heard_from: dict[int, int] = {}
        self._connection: RawConnection | None = None
        self._away: str | None = None
        self._unwritable: str | None = None
        self._is_current = False
        self._was_well = False
        self._is_moving = False
        self._unread: list[Committed] = []
        self._is_hurry_due = True
        self._hurrying: asyncio.Task[None] | None = None
        self._look_now = asyncio.Event()
        self._following: asyncio.Task[None] | None = None

    @property
    def stray(self) -> str | None:
        """Why the read model does not belong to the log, until there is one that does; None when all is well."""
        return self._stray

    @property
    def missing(self) -> str | None:
        """Why nobody can wait for the read model now, None when all is well.

        While a broken connection is being replaced all is well: whoever waits is woken by the new one.
        """
        if self._is_current:
            return self._unwritable
        return _ABSENT if self._away is None and self._generation is None else self._away

    def require_listening(self) -> None:
        """Raise TemporarilyUnavailable, with the reason, while nobody can wait for the read model."""
        if (reason := self.missing) is not None:
            raise TemporarilyUnavailable(reason)

    def start(self) -> None:
        """Listen from now on, as soon as PostgreSQL is there."""
        self._following = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Stop listening. Whoever waits is told that the read model is behind."""
        for task in (self._following, self._hurrying):
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
        self._hurry()
        try:
            async with asyncio.timeout(timeout_s):
                for partition, offset in for_these:
                    # Looked up again, because it may have been passed while another was waited for.
                    if not self._has_reached(partition, offset):
                        await self._waiters.wait(partition, offset)
        except TimeoutError as error:
            raise ProjectionBehind(self._lag(for_these, timeout_s)) from error

    async def verdict(self, position: Position, timeout_s: float) -> TracklogError | None:
        await self.wait_until({position.partition: position.offset + 1}, timeout_s)
        if position.offset >= self._heard_from.get(position.partition, 0) and position not in self._refused:
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
        return None if row is None else REFUSALS.get(row[0], InternalError)(row[1])

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
                    self._lost(f"The read model cannot be followed: {said(error)}")
            except (*UNANSWERED_ERRORS, TemporarilyUnavailable) as error:
                if self._was_well:
                    continue  # it may have been this connection alone, and then nobody need hear of it
                self._lost(f"PostgreSQL cannot be reached: {said(error)}")
                self._connections.lost(f"PostgreSQL cannot be reached: {said(error)}")
            except Exception as error:  # whatever it was, waiters must be told, and hearing must go on
                logger.exception("following the projectors failed")
                self._lost(f"The projectors cannot be followed: {said(error)}")
            await asyncio.sleep(_RETRY_S)

    async def _connect(self) -> RawConnection:
        return await asyncpg.connect(
            self._dsn,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=CONNECT_TIMEOUT_S,
            # A notification is a transaction, too: hurrying must not wait for the disk, nor make it work.
            server_settings={
                "application_name": "tracklog",
                "synchronous_commit": "off",
                "statement_timeout": f"{CONNECT_TIMEOUT_S * 1000:.0f}",
                "lock_timeout": "0",
            },
        )

    async def _listen(self, connection: RawConnection) -> None:
        """Follow the projectors on `connection` until it breaks."""
        connection.add_termination_listener(self._hear_of_the_end)
        self._unread.clear()
        self._is_moving = True  # what is heard from here on is read after the state it follows on
        await connection.add_listener(PROGRESS_CHANNEL, self._hear_commit)
        await connection.add_listener(READ_MODELS_CHANNEL, self._hear_of_read_model)
        await self._look(connection)
        self._connection = connection
        self._was_well = True
        self._hurry_again()
        while True:
            try:
                async with asyncio.timeout(_LOOK_S):
                    await self._look_now.wait()
            except TimeoutError:
                pass
            self._look_now.clear()
            await self._look(connection)

    async def _look(self, connection: RawConnection) -> None:
        """Take the state from the tables: as it is after commits may have been missed or lost, else what is new."""
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
            # Before anybody is woken: who waited for a write must find it where it reads.
            await self._connections.switch_to(generation)
            if moved:
                self._generation = generation
                self._checkpoint = {}
                self._refused.clear()
                self._heard_from = dict(checkpoints)
                self._is_current = True
            self._advance(checkpoints, set_aside)
        self._is_moving = False
        unread, self._unread = self._unread, []
        for message in unread:
            self._take(message)

    async def _live_generation(self, connection: RawConnection) -> int | None:
        try:
            generation: int | None = await connection.fetchval(LIVE, SCHEMA_VERSION, self._connections.log_id)
        except asyncpg.UndefinedTableError:
            return None  # nobody has made the control schema yet
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
        self._unread.clear()

    def _lost(self, why: str) -> None:
        if self._away is None:
            logger.warning("%s", why)
        self._away = why
        self._waiters.fail(ProjectionBehind(why))

    def _hear_of_the_end(self, _: Any) -> None:
        self._is_current = False  # PostgreSQL may have crashed, and be behind what was heard
        self._look_now.set()

    def _hear_of_read_model(self, *_: Any) -> None:
        self._is_moving = True  # the commits that follow are of the new one, which must be moved to first
        self._look_now.set()

    def _hear_commit(self, _connection: Any, _pid: int, _channel: str, payload: Any) -> None:
        try:
            message = progress_message.decode(payload)
        except msgspec.DecodeError:
            logger.warning("a notification on %s was not understood: %r", PROGRESS_CHANNEL, payload[:200])
            return
        if self._is_moving:
            self._unread.append(message)
        else:
            self._take(message)

    def _take(self, message: Committed) -> None:
        """Take a projector's word: keep what it refused, then wake those it has passed."""
        if message.generation != self._generation:
            return  # another version's, or one that is being built
        if message.refused is None:
            self._heard_from.update(message.checkpoints)
        else:
            for partition, offset in message.refused:
                self._refused[Position(partition, offset)] = None
        while len(self._refused) > _KEPT_REFUSALS:
            self._forget(next(iter(self._refused)))
        self._advance(message.checkpoints, message.set_aside)

    def _forget(self, refused: Position) -> None:
        del self._refused[refused]
        self._heard_from[refused.partition] = max(self._heard_from.get(refused.partition, 0), refused.offset + 1)

    def _advance(self, checkpoints: dict[int, int], set_aside: int) -> None:
        self._set_aside = set_aside
        for partition, checkpoint in checkpoints.items():
            if checkpoint > self._checkpoint.get(partition, 0):
                self._checkpoint[partition] = checkpoint
            self._waiters.reached(partition, self._checkpoint.get(partition, 0))
        self._hurry_again()

    # --- hurrying the projectors

    def _hurry_again(self) -> None:
        """After each sign of the projectors they may be hurried once more."""
        self._is_hurry_due = True
        if self._waiters:
            self._hurry()

    def _hurry(self) -> None:
        """Ask the projectors not to linger: once, until they have committed again."""
        if self._is_hurry_due and self._connection is not None and self._hurrying is None:
            self._is_hurry_due = False
            self._hurrying = asyncio.create_task(self._send_hurry(self._connection))

    async def _send_hurry(self, connection: RawConnection) -> None:
        try:
            await connection.execute(f"NOTIFY {HURRY_CHANNEL}")
        except UNANSWERED_ERRORS:
            self._look_now.set()  # the follower finds out, and hurries them again
        finally:
            self._hurrying = None
            if self._waiters:
                self._hurry()  # when they committed meanwhile
