"""The embedded parts under the services: the log with its one writer, and the projector child, kept alive."""

import asyncio
import contextlib
import itertools
import logging
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from event_log.sqlite.event_log import SqliteEventLog
from projector import sqlite_generations
from read_model.child_progress import ChildProgress
from read_model.progress_message import Projected
from schemas.envelope import PARTITION
from schemas.errors import TemporarilyUnavailable
from tracklog.embedded.channel import Channel, Damaged, FromChild, LogGrew, Status, StatusRequest
from tracklog.serving.lag import Lag
from tracklog.serving.supervision import HUNG_S, Pulse, Supervisor, ended, kill_when_silent
from tracklog.serving.told_child import program_of
from tracklog.settings.proof import NO_PROOF, ProofSettings

logger = logging.getLogger(__name__)

ANSWER_S: Final = 1.5
"""How long the child may take to say how it is: several batches on a busy machine, and less than a probe waits."""

LATE_S: Final = 10.0
"""Twice as long as a read waits for what was written before it."""


class EmbeddedSystem:
    """An open log and a running projector, for as long as the context lasts. `proof`: whether the log is proven, too.

    Entering raises ForeignLog, or LogInUse when another server has the log.
    """

    log: SqliteEventLog
    progress: ChildProgress

    def __init__(self, log_path: Path, hung_s: float = HUNG_S, proof: ProofSettings = NO_PROOF) -> None:
        self.log_path = log_path.absolute()
        self._hung_s = hung_s
        self._proof = proof
        self._channel: Channel | None = None
        self._sent_end = 0
        self._damage: Damaged | None = None
        self._asked: dict[int, asyncio.Future[Status]] = {}
        self._numbers = itertools.count()
        self._pulse = Pulse(1, 1)
        self._lag = Lag()
        self._late_s = 0.0
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="event-log-reader")

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self.log = SqliteEventLog.open(self.log_path, self._executor)
        try:
            log_id, end = await self.log.identity(), await self.log.end()
            await asyncio.to_thread(sqlite_generations.ensure, self.log_path, log_id, end)
        except BaseException:
            await self.log.close()
            raise
        self.progress = ChildProgress(self._request_flush, lambda: self.log.newest_end)
        self.log.on_growth(self._log_grew)
        self._supervisor = Supervisor("projector", self._run_child, lambda: self.progress.checkpoint)
        self._supervising = asyncio.create_task(self._supervisor.keep_running())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.log.close()
        self._supervising.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._supervising
        self._executor.shutdown()

    # --- status ---------------------------------------------------------------------------------------------------

    async def check_projector(self) -> None:
        """Raise TemporarilyUnavailable, with why, when what is written now would not become visible soon."""
        if self._supervising.done():
            raise TemporarilyUnavailable("The projector is no longer supervised; restart the server.")
        for reason in (self._supervisor.trouble, self.progress.incomplete):
            if reason is not None:
                raise TemporarilyUnavailable(reason)
        if self._late_s > LATE_S:
            raise TemporarilyUnavailable(
                f"The projector is at event {self.progress.checkpoint} of {self.log.newest_end},"
                f" and {self._late_s:.0f} s late."
            )
        try:
            async with asyncio.timeout(ANSWER_S):
                trouble = (await self._ask_child()).trouble
        except TimeoutError as error:
            raise TemporarilyUnavailable(f"The projector does not answer within {ANSWER_S:g} s.") from error
        if trouble is not None:
            raise TemporarilyUnavailable(trouble)

    def read_model_damaged(self, generation: str, why: str) -> None:
        """A reader found a read model damaged: have the child fold a new one. May be called in any thread."""
        self._loop.call_soon_threadsafe(self._report_damage, Damaged(generation, why))

    def flush_history(self) -> None:
        """Have the index of the history not linger: a reader waits. May be called in any thread."""
        self._loop.call_soon_threadsafe(self._request_flush, self.log.newest_end)

    def _report_damage(self, damage: Damaged) -> None:
        self._damage = damage  # for a child that is being started
        if self._channel is not None:
            self._channel.send(damage)

    # --- the child ------------------------------------------------------------------------------------------------

    async def _run_child(self) -> int | None:
        """Run a projector child, which resumes at its checkpoint, to its end."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                child = await self._started(theirs)
            except BaseException:
                ours.close()
                raise
        try:
            await self._look_after(child, await _channel_over(ours))
        finally:
            await ended(child)
        return child.returncode

    async def _started(self, channel_end: socket.socket) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *program_of("tracklog.embedded.projector_child"),
            str(self.log_path),
            str(channel_end.fileno()),
            str(self.progress.checkpoint),
            msgspec.json.encode(self._proof).decode(),
            pass_fds=(channel_end.fileno(),),
            stdin=asyncio.subprocess.DEVNULL,
        )

    async def _look_after(self, child: asyncio.subprocess.Process, channel: Channel) -> None:
        """Hear the child until it is gone, or has to go."""
        self._channel = channel
        self._pulse = Pulse.of(self._hung_s)
        watching = asyncio.create_task(
            kill_when_silent(child, self._pulse, "projector", look=partial(self._look, channel))
        )
        try:
            await self._listen(channel)
        finally:
            self._channel = None
            watching.cancel()
            channel.close()  # the child leaves when its front hangs up

    async def _listen(self, channel: Channel) -> None:
        channel.send(LogGrew((await self.log.end())[PARTITION], urgent=self.progress.is_awaited))
        if self._damage is not None:
            channel.send(self._damage)
        decoder: msgspec.json.Decoder[FromChild] = msgspec.json.Decoder(FromChild)
        while (message := await channel.receive(decoder)) is not None:
            self._pulse.heard()
            match message:
                case Projected():
                    self._supervisor.is_at_work()
                    self._projected(message)
                case Status():
                    asker = self._asked.pop(message.number, None)
                    if asker is not None and not asker.done():
                        asker.set_result(message)

    def _look(self, channel: Channel) -> None:
        """Ask the child for a sign of life, and see how late it is."""
        channel.send(StatusRequest(next(self._numbers)))
        end, checkpoint = {PARTITION: self.log.newest_end}, {PARTITION: self.progress.checkpoint}
        self._late_s = self._lag.look(end, checkpoint, self._loop.time())

    async def _ask_child(self) -> Status:
        """How the child is, once it has tried to write."""
        if self._channel is None:
            raise TemporarilyUnavailable("The projector starts.")
        number = next(self._numbers)
        answer: asyncio.Future[Status] = self._loop.create_future()
        self._asked[number] = answer
        self._channel.send(StatusRequest(number, try_to_write=True))
        try:
            return await answer
        finally:
            self._asked.pop(number, None)

    def _projected(self, message: Projected) -> None:
        if self._damage is not None and message.generation != self._damage.generation:
            self._damage = None
        self.progress.projected(message)
        self._sent_end = min(self._sent_end, message.checkpoint)
        self._log_grew(self.log.newest_end)

    def _log_grew(self, end: int) -> None:
        """Wake the child once; while it has not answered it is at work, and finds what else came by itself."""
        if self._channel is not None and end > self.progress.checkpoint and self._sent_end <= self.progress.checkpoint:
            self._sent_end = end
            self._channel.send(LogGrew(end))

    def _request_flush(self, offset: int) -> None:
        if self._channel is not None:
            self._channel.send(LogGrew(offset, urgent=True))


async def _channel_over(end: socket.socket) -> Channel:
    try:
        return await Channel.over(end)
    except BaseException:
        end.close()
        raise
