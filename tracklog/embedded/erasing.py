"""Erasing in an embedded log while no server runs."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from ingest.admission.sqlite_lookups import SqliteLookups
from ingest.erasures.commands import ErasureCommands
from ingest.erasures.port import ErasureNeeds
from ingest.service import IngestService
from read_model.sqlite_link import link_of
from schemas.envelope import EventClock
from tracklog.embedded.files import erasures_file_of
from tracklog.embedded.system import EmbeddedSystem
from tracklog.serving.artifact_folders import StoredArtifactFolders
from tracklog.serving.erasure_list import ErasureList
from tracklog.settings.process import ArtifactSettings


@asynccontextmanager
async def erasing_embedded(log_path: Path, artifacts: ArtifactSettings) -> AsyncIterator[ErasureCommands]:
    """The commands, on a log that is there. Raises LogInUse while a server runs, and ForeignLog."""
    async with AsyncExitStack() as stack:
        system = await stack.enter_async_context(EmbeddedSystem(log_path))
        lookups = SqliteLookups(link_of(system.log_path), system.read_model_damaged)
        stack.callback(lookups.close)
        needs = ErasureNeeds(
            system.log,
            StoredArtifactFolders(artifacts, stack),
            ErasureList(erasures_file_of(system.log_path)).note,
        )
        ingest = IngestService(system.log, system.progress, lookups, "", EventClock(), erasing=needs)
        assert ingest.erasures is not None
        yield ingest.erasures
