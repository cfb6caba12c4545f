"""The projector child of the embedded server: `python -m tracklog.child` of this, with LOG FD SINCE PROOF.

Imports little, because its memory counts beside the front's.
"""

import asyncio
import contextlib
import logging
import os
import socket
import sqlite3
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from event_log.fixed_assignment import FixedAssignment
from event_log.port import EventLogReader, LogUnavailable
from event_log.sqlite.event_log import SqliteEventLogReader
from projector.batch import WHOLE_LOG_BATCH_BYTES
from projector.history_worker import HistoryWorker
from projector.last_folded import divergence
from projector.port import DamagedReadModel, ReadModelUnavailable, Superseded
from projector.sqlite_damage import damage_of
from projector.sqlite_origin import last_folded, origin
from projector.sqlite_writer import SqliteReadModelWriter
from projector.worker import Progress, ProjectorWorker
from read_model import belonging
from read_model.history.sqlite import SqliteHistoryIndexWriter
from read_model.linger import linger_until
from read_model.progress_message import Projected, RefusedEvent
from read_model.sqlite_link import current
from schemas.envelope import PARTITION, Positions
from schemas.sqlite_errors import is_passing
from tracklog.embedded.channel import Channel, Damaged, FromFront, LogGrew, Status, StatusRequest
from tracklog.embedded.files import history_file_of
from tracklog.embedded.proving import proving_beside
from tracklog.memory.collector import collect_seldom
from tracklog.settings.proof import ProofSettings

logger = logging.getLogger(__name__)

AGAIN_S: Final = 0.5
"""Between attempts while the read model cannot be written."""

SEARCH_DAMAGE_S: Final = 0.5
"""How long a start may spend on it; a read model of some hundred megabytes is gone through in that time."""


class _Front:
    """What the front has sent: how far the log goes, the furthest offset a reader waits for, and what is damaged.

    It asks for the status of this process: `trouble`, what keeps events from being folded, None when nothing does.
    """

    def __init__(self, channel: Channel, log: SqliteEventLogReader) -> None:
        self._channel = channel
        self._log = log
        self._awaited = 0
        self._flush = asyncio.Event()
        self.trouble: str | None = None
        self.read_model: SqliteReadModelWriter | None = None
        self._damage: Damaged | None = None
        self._heard_of_damage = asyncio.Event()
        self.on_flush: Callable[[], None] = lambda: None

    async def listen(self) -> None:
        """Hear the front until it is gone."""
        decoder: msgspec.json.Decoder[FromFront] = msgspec.json.Decoder(FromFront)
        while (message := await self._channel.receive(decoder)) is not None:
            match message:
                case LogGrew():
                    if message.urgent:
                        self.on_flush()
                    if message.urgent and message.end > self._awaited:
                        self._awaited = message.end
                        self._flush.set()
                    self._log.wake()
                case StatusRequest():
                    self._channel.send(Status(message.number, self._trouble(message)))
                case Damaged():
                    self._damage = message
                    self._heard_of_damage.set()

    async def hear_of_damage(self, read_model: Path) -> None:
        """Raise DamagedReadModel once the front says that a reader found `read_model` damaged."""
        while self._damage is None or self._damage.generation != read_model.name:
            self._heard_of_damage.clear()
            await self._heard_of_damage.wait()
        raise DamagedReadModel(self._damage.why)

    async def linger(self, checkpoint: Positions) -> None:
        """Let more events gather, unless a reader waits for one that is not folded yet."""
        if self._awaited > checkpoint[PARTITION]:
            return
        await linger_until(self._flush)

    def _trouble(self, asked: StatusRequest) -> str | None:
        if self.trouble is None and self.read_model is not None and asked.try_to_write:
            try:
                self.read_model.try_to_write()
            except (ReadModelUnavailable, DamagedReadModel) as error:
                return str(error)
        return self.trouble


async def main(log_path: Path, channel_end: socket.socket, since: int, proof: ProofSettings) -> None:
    """Project, and prove the log beside it, until the front goes away."""
    log = SqliteEventLogReader(log_path)
    channel = await Channel.over(channel_end)
    front = _Front(channel, log)
    listening = asyncio.create_task(front.listen())
    async with proving_beside(log_path, log, proof) as reader:
        projection = _Projection(log_path, reader, channel, front, since)
        projecting = asyncio.create_task(projection.run())
        indexing = asyncio.create_task(projection.history.run())
        done, pending = await asyncio.wait((listening, projecting, indexing), return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    await log.close()
    for task in done:
        task.result()


class _Projection:
    """Folds the log into the read model of the moment, whichever that is."""

    def __init__(self, log_path: Path, log: EventLogReader, channel: Channel, front: _Front, since: int) -> None:
        self._log_path = log_path
        self._log = log
        self._channel = channel
        self._front = front
        self._since = since
        self._damage: str | None = None
        self._worker: ProjectorWorker | None = None
        self.history = HistoryWorker(
            SqliteHistoryIndexWriter(history_file_of(log_path)), self._another_reader, self._folded
        )
        front.on_flush = self.history.flush

    async def run(self) -> None:
        """Fold until cancelled. What cannot be written now is tried again; what is damaged is folded anew."""
        while True:
            try:
                await self._project(await self._sound_read_model())
            except Superseded:
                continue  # a rebuild took this read model's place: go on with that one
            except DamagedReadModel as damage:
                self._damage = str(damage)
            except (ReadModelUnavailable, LogUnavailable, OSError) as error:
                self._in_trouble(str(error))
                await asyncio.sleep(AGAIN_S)
            except sqlite3.Error as error:
                if not is_passing(error):
                    raise
                self._in_trouble(f"The read model cannot be made: {error}.")
                await asyncio.sleep(AGAIN_S)

    async def _another_reader(self) -> SqliteEventLogReader:
        return SqliteEventLogReader(self._log_path)

    def _folded(self) -> Positions:
        return {} if self._worker is None else self._worker.checkpoint

    async def _sound_read_model(self) -> Path:
        """The read model of the log; a new one in the place of one that is lost, damaged or of another log."""
        path = current(self._log_path)
        log_id = await self._log.identity()
        if path is not None:
            fault = self._damage or damage_of(path, SEARCH_DAMAGE_S)
            if fault is None:
                fault = belonging.fault(*origin(path), log_id, await self._log.end())
            if fault is None:
                fault = await divergence(self._log, last_folded(path))
            if fault is None:
                return path
            logger.error("the read model %s is of no use: %s; a new one is folded from the log", path.name, fault)
        from projector import sqlite_generations  # it brings SQLAlchemy along, which takes 17 MB and is seldom needed

        fresh = sqlite_generations.next_generation(self._log_path)
        # The events that are missing in it must not be taken for events that never were.
        self._send(fresh, Progress({PARTITION: 0}, (), 0))
        sqlite_generations.replace(self._log_path, path, fresh, log_id)
        self._damage = None
        return fresh

    async def _project(self, path: Path) -> None:
        """Fold into the read model at `path`. Returns when it turns out to be damaged."""
        file = os.stat(path)
        read_model = SqliteReadModelWriter(path, partial(_is_current, self._log_path, path, (file.st_dev, file.st_ino)))
        self._front.read_model = read_model
        try:
            worker = ProjectorWorker(
                self._log,
                read_model,
                FixedAssignment({PARTITION}),
                partial(self._publish, path),
                self._front.linger,
                WHOLE_LOG_BATCH_BYTES,
                self.history.observe,
            )
            self._worker = worker
            await worker.start()
            # The refusals of a commit that a predecessor was killed before it could send.
            refusals = await read_model.refusals_since(PARTITION, self._since)
            await self._publish(path, Progress(worker.checkpoint, refusals, worker.set_aside_count))
            self._front.trouble = None
            try:
                await self._fold(worker, path)
            finally:
                self._since = worker.checkpoint.get(PARTITION, self._since)
        finally:
            self._front.read_model = None
            await read_model.close()

    async def _fold(self, worker: ProjectorWorker, path: Path) -> None:
        """Fold until something is raised. Raises DamagedReadModel, too, when a reader has found damage."""
        folding = asyncio.create_task(worker.run())
        hearing = asyncio.create_task(self._front.hear_of_damage(path))
        try:
            done, _ = await asyncio.wait((folding, hearing), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (folding, hearing):
                task.cancel()
            await asyncio.gather(folding, hearing, return_exceptions=True)

    async def _publish(self, path: Path, progress: Progress) -> None:
        self._send(path, progress)
        await asyncio.sleep(0)  # a long log is folded without waiting for anything, and the front may ask meanwhile

    def _send(self, path: Path, progress: Progress) -> None:
        self._channel.send(
            Projected(
                path.name,
                progress.checkpoint[PARTITION],
                [RefusedEvent(one.offset, one.error_code, one.message) for one in progress.refusals],
                progress.set_aside,
            )
        )

    def _in_trouble(self, why: str) -> None:
        if self._front.trouble is None:
            logger.error("%s Trying again every %g s.", why, AGAIN_S)
        self._front.trouble = why


def _is_current(log_path: Path, read_model: Path, file: tuple[int, int]) -> bool:
    """Whether the log's read model is still `read_model`, and that is still `file`."""
    if current(log_path) != read_model:
        return False
    try:
        found = os.stat(read_model)
    except FileNotFoundError:
        return False
    return (found.st_dev, found.st_ino) == file


if __name__ == "__main__":
    collect_seldom()
    asyncio.run(
        main(
            Path(sys.argv[1]),
            socket.socket(fileno=int(sys.argv[2])),
            int(sys.argv[3]),
            msgspec.json.decode(sys.argv[4], type=ProofSettings),
        )
    )
