"""What ingest stands on, for its tests: a log in memory, and an SQLite read model that is folded when someone waits."""

import asyncio
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from event_log.fixed_assignment import FixedAssignment
from event_log.memory_event_log import MemoryEventLog
from ingest.admission.known_entities import KnownEntities
from ingest.admission.lookups import Lookup, Lookups, Parameter
from ingest.admission.sqlite_lookups import SqliteLookups
from ingest.erasures.port import ErasureNeeds
from ingest.experiments.lookups import EXPERIMENTS
from ingest.runs.lookups import RUNS
from ingest.runs.state import KnownRun, require_active_run
from ingest.service import IngestService
from ingest.users.port import CredentialStore
from ingest.webhooks.port import WebhookNeeds
from projector.sqlite_writer import SqliteReadModelWriter
from projector.worker import Progress, ProjectorWorker
from read_model.progress import ProgressReport, ProjectionBehind, ProjectionProgress
from schemas import codec
from schemas.envelope import Actor, EventClock, EventData, Position, Positions
from schemas.errors import TemporarilyUnavailable, TracklogError
from schemas.events import AnyEvent
from schemas.refusals import refusal_of
from tests.unit.ingest.erasures.doubles import MemoryFolders, MemoryForgetting
from tests.unit.projector.read_models import empty_read_model

T = TypeVar("T")

ANN = Actor(user="ann")

_open = ExitStack()
"""What the test under way has open."""


def close_what_is_open() -> None:
    """Close what a test opened, and remove its folders."""
    _open.close()


class ProjectionOnDemand(ProjectionProgress, Lookups):
    """The read model of a log of one partition, folded as far as a command waited for it, and not before.

    `is_stuck`: it never advances. `is_away`: it cannot be asked. `asked` counts the lookups, also those that fail.
    """

    def __init__(self, log: MemoryEventLog, folder: Path) -> None:
        self.is_stuck = False
        self.is_away = False
        self.asked = 0
        self.waits = 0
        file = folder / "read-model.1"
        shutil.copy(empty_read_model(), file)
        self.file = link = folder / "read-model"
        link.symlink_to(file.name)
        self._lookups = SqliteLookups(link)
        writer = SqliteReadModelWriter(file)
        self._worker = ProjectorWorker(log, writer, FixedAssignment({0}), self._note)
        _open.callback(shutil.rmtree, folder)
        _open.callback(self._lookups.close)
        _open.callback(writer._connection.close)
        self._next_offset = 0
        self._refusals: dict[int, TracklogError] = {}
        self._folding = asyncio.Lock()

    async def _note(self, progress: Progress) -> None:
        for refusal in progress.refusals:
            self._refusals[refusal.offset] = refusal_of(refusal.error_code, refusal.message)

    # --- ProjectionProgress -----------------------------------------------------------------------------------------

    async def wait_until(self, positions: Positions, timeout_s: float) -> None:
        self.waits += 1
        if positions[0] <= self._next_offset:
            return
        if self.is_stuck:
            raise ProjectionBehind(f"stuck at 0:{self._next_offset}")
        async with self._folding:
            await self._worker.start()
            await self._worker.fold_until(positions)
            self._next_offset = self._worker.checkpoint[0]
        if positions[0] > self._next_offset:
            raise ProjectionBehind(f"the log ends at 0:{self._next_offset}")

    async def verdict(self, position: Position, timeout_s: float) -> TracklogError | None:
        await self.wait_until({0: position.offset + 1}, timeout_s)
        return self._refusals.get(position.offset)

    def require_listening(self) -> None:
        if self.is_away:
            raise TemporarilyUnavailable("the read model is away")

    def report(self) -> ProgressReport:
        return ProgressReport({0: self._next_offset}, 0)

    # --- Lookups ----------------------------------------------------------------------------------------------------

    async def one(self, lookup: Lookup[T], *parameters: Parameter) -> T | None:
        self._ask()
        return await self._lookups.one(lookup, *parameters)

    async def all(self, lookup: Lookup[T], *parameters: Parameter) -> list[T]:
        self._ask()
        return await self._lookups.all(lookup, *parameters)

    def _ask(self) -> None:
        self.asked += 1
        if self.is_away:
            raise TemporarilyUnavailable("the read model is away")


async def active_run(known: KnownEntities, run_id: str) -> KnownRun:
    """A run that takes writes, as every command about its data sees it. Raises InvalidParameterValue."""
    run = await known.existing(RUNS, run_id)
    require_active_run(run, await known.existing(EXPERIMENTS, run.experiment_id))
    return run


class Deployment:
    """An ingest service on an empty log, and what tests look at of it. `now_s` is what its clock shows."""

    def __init__(
        self,
        *,
        shared: bool = False,
        credentials: CredentialStore | None = None,
        webhooks: WebhookNeeds | None = None,
    ) -> None:
        folder = Path(tempfile.mkdtemp(prefix="ingest-tests-"))
        self.log = MemoryEventLog()
        self.clock = EventClock()
        self.now_s = 1000.0
        self._credentials = credentials
        self.forgetting = MemoryForgetting(self.log)
        self.artifacts = MemoryFolders()
        self._webhooks = webhooks
        self.projection = ProjectionOnDemand(self.log, folder)
        self.ingest = self.another_process(shared=shared)

    def another_process(self, *, shared: bool = False, clock: EventClock | None = None) -> IngestService:
        """A service that shares log and read model, and knows nothing of what others did."""
        return IngestService(
            self.log,
            self.projection,
            self.projection,
            "mlflow-artifacts:/",
            clock or self.clock,
            shared=shared,
            credentials=self._credentials,
            webhooks=self._webhooks,
            erasing=ErasureNeeds(self.forgetting, self.artifacts),
            now_s=lambda: self.now_s,
        )

    async def append(self, event: AnyEvent) -> EventData:
        """What another process appends."""
        stamped = self.clock.stamp(event, ANN, "elsewhere")
        await self.log.append([stamped])
        return stamped

    async def events(self) -> list[AnyEvent]:
        """Every event in the log."""
        return [codec.decode(recorded) for recorded in await self.log.read(0, 0, limit=100_000)]

    async def count(self) -> int:
        return (await self.log.end())[0]
