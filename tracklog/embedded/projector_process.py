"""The projector child of the embedded server: `python -m tracklog.embedded.projector_process LOG FD SINCE`.

Imports little, because its memory counts beside the front's.
"""

import asyncio
import contextlib
import gc
import signal
import socket
import sys
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from event_log.fixed_assignment import FixedAssignment
from event_log.group_append import PARTITION
from event_log.sqlite_event_log import SqliteEventLogReader
from projector import sqlite_generations
from projector.batch import WHOLE_LOG_BATCH_BYTES
from projector.port import NotOfThisLog, Superseded
from projector.sqlite_read_model import SqliteReadModelWriter
from projector.worker import Progress, ProjectorWorker
from schemas import belonging
from schemas.envelope import Positions
from schemas.read_model_link import current
from tracklog.embedded.channel import Channel, LogGrew, Projected, RefusedEvent

LINGER_S: Final = 0.1
"""How long news may wait for more while nobody reads: a transaction costs as much as folding a hundred points."""


class _Front:
    """What the front has said: how far the log goes, and the furthest offset someone waits for."""

    def __init__(self, channel: Channel, log: SqliteEventLogReader) -> None:
        self._channel = channel
        self._log = log
        self._awaited = 0
        self._urgent = asyncio.Event()

    async def listen(self) -> None:
        """Hear the front until it is gone."""
        decoder = msgspec.json.Decoder(LogGrew)
        while (message := await self._channel.receive(decoder)) is not None:
            if message.urgent and message.end > self._awaited:
                self._awaited = message.end
                self._urgent.set()
            self._log.wake()

    async def linger(self, checkpoint: Positions) -> None:
        """Let more events gather, unless someone waits for one that is not folded yet."""
        if self._awaited > checkpoint[PARTITION]:
            return
        self._urgent.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                await self._urgent.wait()


async def main(log_path: Path, channel_end: socket.socket, since: int) -> None:
    """Project until the front goes away."""
    log = SqliteEventLogReader(log_path)
    channel = await Channel.over(channel_end)
    front = _Front(channel, log)
    listening = asyncio.create_task(front.listen())
    projecting = asyncio.create_task(_project(log_path, log, channel, front, since))
    done, pending = await asyncio.wait((listening, projecting), return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    await log.close()
    for task in done:
        task.result()


def _is_current(log_path: Path, read_model: Path) -> bool:
    return current(log_path) == read_model


async def _project(log_path: Path, log: SqliteEventLogReader, channel: Channel, front: _Front, since: int) -> None:
    async def publish(progress: Progress) -> None:
        channel.send(
            Projected(
                progress.checkpoint[PARTITION],
                [RefusedEvent(one.offset, one.error_code, one.message) for one in progress.refusals],
                progress.set_aside,
            )
        )

    while True:
        path = current(log_path)
        if path is None:
            raise FileNotFoundError(f"the log {log_path} has no read model; the front makes it before it starts this")
        log_id = await log.identity()
        if (fault := belonging.fault(*sqlite_generations.origin(path), log_id, await log.end())) is not None:
            raise NotOfThisLog(f"The read model {path.name} does not belong to the log {log_path}: {fault}.")
        read_model = SqliteReadModelWriter(path, partial(_is_current, log_path, path))
        worker = ProjectorWorker(
            log,
            read_model,
            FixedAssignment({PARTITION}),
            publish,
            front.linger,
            WHOLE_LOG_BATCH_BYTES,
        )
        try:
            await worker.start()
            # The refusals of a commit that a killed predecessor did not live to tell.
            told = await read_model.refusals_since(PARTITION, since)
            await publish(Progress(worker.checkpoint, told, worker.set_aside_count))
            await worker.run()
        except Superseded:
            since = worker.checkpoint.get(
                PARTITION, since
            )  # a rebuild took this read model's place: go on with that one
        finally:
            await read_model.close()


def collect_seldom() -> None:
    """A batch is tens of thousands of objects in no cycle; looking through them again and again took a third of it."""
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)


if __name__ == "__main__":
    # Ctrl-C, and a service manager's SIGTERM, reach every process; the front drains first and then hangs up.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    collect_seldom()
    asyncio.run(main(Path(sys.argv[1]), socket.socket(fileno=int(sys.argv[2])), int(sys.argv[3])))
