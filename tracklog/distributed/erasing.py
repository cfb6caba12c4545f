"""Erasing in shared stores, beside the roles that serve them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from ingest.admission.postgresql_lookups import PostgresqlLookups
from ingest.erasures.commands import ErasureCommands
from ingest.erasures.port import ErasureNeeds
from ingest.service import IngestService
from schemas.envelope import EventClock
from schemas.messages.erasures import CarryOutErasures
from tracklog.distributed.availability import once_available
from tracklog.distributed.shared_forgetting import forgetting_of
from tracklog.distributed.shared_system import history_index, writing_system
from tracklog.serving.artifact_folders import StoredArtifactFolders
from tracklog.serving.indexed_streams import stream_reader
from tracklog.settings.process import ArtifactSettings
from tracklog.settings.store_uris import SharedStores


@asynccontextmanager
async def erasing_shared(stores: SharedStores, artifacts: ArtifactSettings) -> AsyncIterator[ErasureCommands]:
    """The commands: a projector has to run, whose verdict is waited for. Raises CannotStart, ForeignLog."""
    stopping = asyncio.Event()  # which nobody sets: an interrupt ends the process
    async with AsyncExitStack() as stack:
        system = await stack.enter_async_context(writing_system(stores, stopping))
        needs = ErasureNeeds(await forgetting_of(stores, system.log, stack), StoredArtifactFolders(artifacts, stack))
        index = await stack.enter_async_context(history_index(system))
        ingest = IngestService(
            system.log,
            system.progress,
            PostgresqlLookups(system.connections),
            "",
            EventClock(),
            shared=True,
            streams=stream_reader(system.log, index),
            erasing=needs,
        )
        erasures = ingest.erasures
        assert erasures is not None
        await once_available(lambda: erasures.carry_out(CarryOutErasures()), stopping)  # which asks the read model
        yield erasures
