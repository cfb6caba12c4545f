"""Folds the log into the read model in PostgreSQL, whichever generation that is, and goes on after every outage."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from event_log.port import EventLogReader, LogReplaced, LogUnavailable, MembershipRefused, PartitionAssignment
from projector import postgresql_generations as generations
from projector.last_folded import divergence
from projector.port import DamagedReadModel, ReadModelUnavailable, Superseded
from projector.postgresql_generations import Connection, Generation
from projector.postgresql_writer import PostgresqlReadModelWriter
from projector.worker import Linger, Observe, ProjectorWorker, Publish, no_linger, observe_nothing, publish_nothing
from schemas.envelope import Positions
from schemas.postgresql import schema_of

logger = logging.getLogger(__name__)

_AGAIN_S: Final = 0.5
_COMPARE_S: Final = 5.0
"""How often a read model is compared with the log it is folded from."""
_PROMOTE_S: Final = 0.2
"""How often a generation that is being built is compared with the log's end."""

Assign = Callable[[int], PartitionAssignment]
"""The assignment of this process in the group that folds the generation of a number; not started yet."""


class PostgresqlProjector:
    """One worker of the group that folds a log. `run` it in a task; the other attributes show its state.

    The tables of `schemas.control` must be there.
    """

    def __init__(
        self,
        dsn: str,
        log: EventLogReader,
        assign: Assign,
        linger: Linger = no_linger,
        publish: Publish = publish_nothing,
        observe: Observe = observe_nothing,
    ) -> None:
        self._dsn = dsn
        self._log = log
        self._assign = assign
        self._linger = linger
        self._publish = publish
        self._observe = observe
        self._worker: ProjectorWorker | None = None
        self.generation: Generation | None = None
        """What is folded into; None while there is no connection."""
        self.trouble: str | None = None
        """Why nothing is folded just now."""

    @property
    def checkpoint(self) -> Positions:
        """The checkpoints of the partitions that are this worker's."""
        return self._worker.checkpoint if self._worker is not None else {}

    @property
    def set_aside_count(self) -> int:
        """Events of this worker's partitions that are set aside."""
        return self._worker.set_aside_count if self._worker is not None else 0

    async def run(self) -> None:
        """Fold until cancelled. What is away is tried again; what is unexpected is raised."""
        while True:
            try:
                generation = await generations.ensure(self._dsn, self._log)
                try:
                    await self._project(generation)
                except DamagedReadModel as damage:
                    await generations.retire_damaged(self._dsn, generation.number, str(damage))
            except LogReplaced:
                raise
            except Superseded as superseded:
                logger.info("%s; going on with that one", superseded)
            except (ReadModelUnavailable, LogUnavailable) as error:
                self._in_trouble(str(error))
                await asyncio.sleep(_AGAIN_S)
            finally:
                self.generation = self._worker = None

    def _in_trouble(self, why: str) -> None:
        if self.trouble != why:
            logger.warning("%s; trying again every %.1f s", why, _AGAIN_S)
        self.trouble = why

    async def _project(self, generation: Generation) -> None:
        await self._require_belonging(generation, self._fault_before_folding)
        read_model = await PostgresqlReadModelWriter.open(self._dsn, generation.number)
        assignment = self._assign(generation.number)
        promoting = asyncio.create_task(self._promote(generation))
        comparing = asyncio.create_task(self._keep_comparing(generation))
        try:
            await assignment.start()
            self._worker = ProjectorWorker(
                self._log, read_model, assignment, self._publish, self._linger, observe=self._observe
            )
            self.generation, self.trouble = generation, None
            folding = asyncio.create_task(self._fold(self._worker, generation))
            try:
                await asyncio.wait((folding, promoting, comparing), return_when=asyncio.FIRST_COMPLETED)
                if promoting.done():
                    promoting.result()
                await asyncio.wait((folding, comparing), return_when=asyncio.FIRST_COMPLETED)
                if comparing.done():
                    comparing.result()
                await folding
            finally:
                folding.cancel()
                await asyncio.gather(folding, return_exceptions=True)
        finally:
            for task in (promoting, comparing):
                task.cancel()
            await asyncio.gather(promoting, comparing, return_exceptions=True)
            await assignment.close()
            await read_model.close()

    async def _fold(self, worker: ProjectorWorker, generation: Generation) -> None:
        """Fold until cancelled, as one member of the group also across times in which the log is away.

        A worker that left the group and joined anew would wait for its own old membership: brokers that were away did
        not learn that it left, and count it until its session times out.
        """
        while True:
            try:
                await worker.run()
            except (LogReplaced, MembershipRefused):
                raise
            except LogUnavailable as error:
                logger.warning("%s; reading on as soon as it is there", error)
                await self._until_log_is_there(generation)

    async def _until_log_is_there(self, generation: Generation) -> None:
        """Return once the log answers. Raises Superseded when it lost what was folded of it."""
        while True:
            await asyncio.sleep(_AGAIN_S)
            with contextlib.suppress(LogUnavailable):
                await self._require_belonging(generation, self._fault_before_folding)
                return

    async def _keep_comparing(self, generation: Generation) -> None:
        """Compare the generation with its log from time to time. Raises Superseded once it does not belong to it."""
        while True:
            await asyncio.sleep(_COMPARE_S)
            with contextlib.suppress(LogUnavailable, ReadModelUnavailable):
                await self._require_belonging(generation, self._fault)

    async def _fault(self, connection: Connection, generation: int) -> str | None:
        return await generations.belonging_fault(connection, generation, self._log)

    async def _fault_before_folding(self, connection: Connection, generation: int) -> str | None:
        """The same, and whether the log has another event where the last one was folded.

        Not while it is read on: a reader of Kafka reads a partition at one place at a time. Whatever makes a log lose
        events ends the connections to it, and with them what is under way here.
        """
        fault = await self._fault(connection, generation)
        return fault or await divergence(self._log, await generations.last_folded(connection, generation))

    async def _require_belonging(
        self, generation: Generation, fault_of: Callable[[Connection, int], Awaitable[str | None]]
    ) -> None:
        """Retire a generation that does not belong to the log. Raises Superseded then, so that a new one is made."""
        async with generations.connected(self._dsn) as connection:
            if await fault_of(connection, generation.number) is None:
                return
            # Asked twice: a broker that has just come back may answer wrongly, and a read model is thrown away for it.
            await asyncio.sleep(_AGAIN_S)
            fault = await fault_of(connection, generation.number)
            if fault is None:
                return
            logger.warning(
                "the read model %s does not belong to its log: %s; a new one is folded from the log",
                schema_of(generation.number),
                fault,
            )
            await generations.retire(connection, generation.number)
        raise Superseded("a new read model takes the place of one that does not belong to the log")

    async def _promote(self, generation: Generation) -> None:
        """Make the generation live once it has caught up with the log."""
        if generation.state != "live":
            while not await generations.promote_when_caught_up(self._dsn, generation.number, self._log):  # noqa: ASYNC110
                await asyncio.sleep(_PROMOTE_S)
            self.generation = replace(generation, state="live")
