"""The embedded parts under the services: the log with its one writer, and the projector child, kept alive."""

import asyncio
import contextlib
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from event_log.group_append import PARTITION
from event_log.sqlite_event_log import SqliteEventLog
from projector import sqlite_generations
from tracklog.embedded.channel import Channel, LogGrew, Projected
from tracklog.embedded.progress import ChildProgress
from tracklog.supervision import ended, keep_running


class EmbeddedSystem:
    """An open log and a running projector, for as long as the context lasts.

    Entering raises ForeignLog, or LogInUse when another server has the log.
    """

    log: SqliteEventLog
    progress: ChildProgress

    def __init__(self, log_path: Path) -> None:
        self.log_path = log_path.absolute()
        self._channel: Channel | None = None
        self._told_end = 0
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="event-log-reader")

    async def __aenter__(self) -> Self:
        self.log = SqliteEventLog.open(self.log_path, self._executor)
        try:
            log_id, end = await self.log.identity(), await self.log.end()
            await asyncio.to_thread(sqlite_generations.ensure, self.log_path, log_id, end)
        except BaseException:
            await self.log.close()
            raise
        self.progress = ChildProgress(self._hurry)
        self.log.on_growth(self._log_grew)
        self._supervising = asyncio.create_task(
            keep_running("projector", self._run_child, lambda: self.progress.checkpoint)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.log.close()
        self._supervising.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._supervising
        self._executor.shutdown()

    async def _run_child(self) -> int | None:
        """Run a projector child, which resumes at its checkpoint, to its end."""
        ours, theirs = socket.socketpair()
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tracklog.embedded.projector_process",
            str(self.log_path),
            str(theirs.fileno()),
            str(self.progress.checkpoint),
            pass_fds=(theirs.fileno(),),
            stdin=asyncio.subprocess.DEVNULL,
        )
        theirs.close()
        channel = self._channel = await Channel.over(ours)
        try:
            channel.send(LogGrew((await self.log.end())[PARTITION], urgent=self.progress.is_awaited))
            decoder = msgspec.json.Decoder(Projected)
            while (message := await channel.receive(decoder)) is not None:
                self._projected(message)
        finally:
            self._channel = None
            channel.close()  # the child leaves when its front hangs up
            await ended(child)
        return child.returncode

    def _projected(self, message: Projected) -> None:
        self.progress.projected(message)
        self._told_end = min(self._told_end, message.checkpoint)
        self._log_grew(self.log.newest_end)

    def _log_grew(self, end: int) -> None:
        """Wake the child once; while it has not answered it is at work, and finds what else came by itself."""
        if self._channel is not None and end > self.progress.checkpoint and self._told_end <= self.progress.checkpoint:
            self._told_end = end
            self._channel.send(LogGrew(end))

    def _hurry(self, offset: int) -> None:
        if self._channel is not None:
            self._channel.send(LogGrew(offset, urgent=True))
