"""The command that brings in events which were first elsewhere: another log, or a store that is imported."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

import orjson
from msgspec.structs import replace

from ingest.admission.known_entities import EntityKind, KnownEntities
from ingest.artifact_paths import logged_model_artifacts, run_artifacts
from ingest.experiments.lookups import EXPERIMENTS
from ingest.imports.decisions import decide
from ingest.imports.lookups import IMPORTED_EVENTS, LOOKED_UP, NUMBERS, FoldedImport
from ingest.imports.permission import Bringing
from ingest.imports.subjects import experiments_of
from ingest.log_writer import LogWriter, in_the_log
from ingest.logged_models.lookups import LOGGED_MODELS
from ingest.registered_models.lookups import REGISTERED_MODELS
from ingest.runs.lookups import RUNS
from ingest.users.owners import Owners
from schemas.artifact_uris import below
from schemas.envelope import Actor, EventData, repeats
from schemas.errors import InvalidParameterValue, TracklogError
from schemas.event_json import event_id_text
from schemas.events import (
    EvaluationDatasetCreated,
    EvaluationDatasetRestored,
    ExperimentCreated,
    IssueCreated,
    LabelSchemaCreated,
    LoggedModelCreated,
    ModelVersionCreated,
    RegisteredModelCreated,
    RegisteredModelRenamed,
    ReviewQueueCreated,
    RunCreated,
    RunDeleted,
    RunRestored,
    ScorerRegistered,
    TraceSpansLogged,
    TraceStarted,
)
from schemas.events.experiments import ExperimentEvent
from schemas.events.scorers import SCORERS
from schemas.messages.imports import ImportEvents
from schemas.rest.access import Asking

_CREATIONS: Final = (
    *(ExperimentCreated, RunCreated, LoggedModelCreated, RegisteredModelCreated),
    *(TraceStarted, TraceSpansLogged, ScorerRegistered, EvaluationDatasetCreated),
    EvaluationDatasetRestored,
    *(IssueCreated, LabelSchemaCreated, ReviewQueueCreated),
)


def _now_us() -> int:
    return time.time_ns() // 1000


class ImportCommands:
    """`now_us` returns microseconds since the epoch."""

    def __init__(
        self,
        writer: LogWriter,
        known: KnownEntities,
        owners: Owners,
        artifact_root: str,
        now_us: Callable[[], int] = _now_us,
    ) -> None:
        self._writer = writer
        self._known = known
        self._owners = owners
        self._artifact_root = artifact_root
        self._now_us = now_us

    async def bring_in(self, command: ImportEvents, asking: Asking | None, actor: Actor, request_id: str) -> bytes:
        """Append those of the events that are not there yet. Answered when they are folded.

        An event is known by its id, and counts once: what is there is not appended again, and where two bring it at
        once, the fold takes the first. A request that is refused leaves nothing. One that fails on its way may have
        left events of it where the log has several partitions; repeated it brings the others.
        The answer says how many were appended and were there, what the fold refused of all of them, and the numbers of
        new versions of registered models.
        Raises InvalidParameterValue for an event that is none, or is about what is not there, PermissionDenied, and
        what KnownEntities and LogWriter raise.
        """
        events = await asyncio.to_thread(decide, command, actor.user, self._now_us())  # a second for a large request
        await self._known.catch_up()
        there = await self._there(events)
        known = set(there)
        new = [event for event in events if event.id.hex() not in known]
        bringing = None
        if asking is not None:
            bringing = Bringing(asking, command, actor, await self._owners.id_of(actor))
            await bringing.require_nothing()
            new = bringing.as_own(new)
        new = await self._prepared(new, bringing)
        refusals = await self._writer.to_the_end(self._append(new)) if new else []
        for event, refusal in zip(new, refusals, strict=True):
            if refusal is not None and refusal.message == repeats(event.id).message:
                known.add(event.id.hex())  # somebody else brought it meanwhile
                continue
            code, message = (None, None) if refusal is None else (refusal.error_code, refusal.message)
            there[event.id.hex()] = FoldedImport(event.id.hex(), code, message)
        with in_the_log():
            there |= await self._there([event for event in new if event.id.hex() not in there])
            numbers = await self._numbers(events)
        return _answer(events, there, known, numbers)

    async def _append(self, events: Sequence[EventData]) -> list[TracklogError | None]:
        invalidate = self._known.invalidate_unprojected
        try:
            refusals = await self._writer.append_imported(events)
            invalidate = self._known.invalidate
        finally:
            for event in events:
                if (kind := _KNOWN.get(event.payload.kind.name)) is not None:
                    invalidate(kind, _key_of(event))
        return refusals

    async def _there(self, events: Sequence[EventData]) -> dict[str, FoldedImport]:
        if not events:
            return {}
        found = await self._known.lookups.all(IMPORTED_EVENTS, [event.id.hex() for event in events])
        return {one.event_id: one for one in found}

    async def _numbers(self, events: Sequence[EventData]) -> dict[str, int]:
        ids = [event.payload.version_id for event in events if isinstance(event.payload, ModelVersionCreated)]
        return dict(await self._known.lookups.all(NUMBERS, ids)) if ids else {}

    async def _prepared(self, events: Sequence[EventData], bringing: Bringing | None) -> list[EventData]:
        """The events as they are appended; each is about what is there, or what an earlier one creates.

        What runs have seen of the lifecycles of their experiments is told as it is here, and so is where artifacts lie,
        where an event leaves that empty. Raises InvalidParameterValue, PermissionDenied.
        """
        absent: dict[tuple[str, str], TracklogError | None] = {}

        async def missing(event: EventData) -> TracklogError | None:
            """As `_missing`, once for all events of one stream."""
            of = (event.payload.kind.name, event.payload.stream_key)
            if of not in absent:
                absent[of] = await self._missing(event)
            return absent[of]

        made: set[tuple[str, str]] = set()  # that were not there
        created: set[tuple[str, str]] = set()
        locations: dict[int, str] = {}  # of experiments that the events create
        experiments: dict[str, int] = {}  # of runs that the events create
        prepared: list[EventData] = []
        for event in events:
            payload = event.payload
            subject = (payload.kind.name, payload.stream_key)
            if bringing is not None:
                is_new = isinstance(payload, _CREATIONS) and await missing(event) is not None
                is_there = not is_new and subject not in made
                await bringing.require(payload, made, is_there=is_there or payload.kind is SCORERS)
                if is_new:
                    made.add(subject)
            if isinstance(payload, _CREATIONS):
                created.add(subject)
            elif subject not in created and (error := await missing(event)) is not None:
                raise _about_nothing(event, error)
            if isinstance(payload, RegisteredModelRenamed):
                created.add((payload.kind.name, payload.new_name))
            for into in experiments_of(payload):
                if ("experiment", str(into)) not in created:
                    await self._require_experiment(into, event)
            if isinstance(payload, ExperimentCreated):
                location = payload.artifact_location or below(self._artifact_root, str(payload.experiment_id))
                locations.setdefault(payload.experiment_id, location)
                event = replace(event, payload=replace(payload, artifact_location=location))
            if isinstance(payload, RunCreated):
                experiments[payload.run_id] = payload.experiment_id
                if not payload.artifact_uri:
                    location = await self._location(payload.experiment_id, locations)
                    payload = replace(payload, artifact_uri=run_artifacts(location, payload.run_id))
            if isinstance(payload, LoggedModelCreated) and not payload.artifact_location:
                location = await self._location(payload.experiment_id, locations)
                location = logged_model_artifacts(location, payload.model_id)
                event = replace(event, payload=replace(payload, artifact_location=location))
            if isinstance(payload, RunCreated | RunDeleted | RunRestored):
                experiment_id = experiments.get(payload.run_id)
                if experiment_id is None:
                    experiment_id = (await self._known.existing(RUNS, payload.run_id)).experiment_id
                revision = await self._seen_of(experiment_id)
                event = replace(event, payload=replace(payload, experiment_revision=revision))
            prepared.append(event)
        return prepared

    async def _missing(self, event: EventData) -> TracklogError | None:
        """The error that says that what an event is about is not there; None where it is."""
        payload = event.payload
        known = _KNOWN.get(payload.kind.name)
        if known is not None:
            return None if await self._known.find(known, _key_of(event)) else known.not_found(_key_of(event))
        lookup, not_found = LOOKED_UP[payload.kind]
        return None if await self._known.look_up(lookup, payload.stream_key) else not_found(payload.stream_key)

    async def _require_experiment(self, experiment_id: int, event: EventData) -> None:
        if await self._known.find(EXPERIMENTS, experiment_id) is None:
            raise _about_nothing(event, EXPERIMENTS.not_found(experiment_id))

    async def _location(self, experiment_id: int, created: Mapping[int, str]) -> str:
        """Where an experiment keeps artifacts; one that is there keeps what it has."""
        experiment = await self._known.find(EXPERIMENTS, experiment_id)
        return created[experiment_id] if experiment is None else experiment.artifact_location

    async def _seen_of(self, experiment_id: int) -> int:
        """Of a deleted experiment all but its last deletion: what is brought in is deleted and restored with it."""
        experiment = await self._known.find(EXPERIMENTS, experiment_id)
        if experiment is None:
            return 0
        return experiment.lifecycle_revision - (not experiment.active)


def _about_nothing(event: EventData, error: TracklogError) -> InvalidParameterValue:
    return InvalidParameterValue(f"The event {event_id_text(event.id)} is about what is not there: {error.message}")


_KNOWN: Final[Mapping[str, EntityKind[Any, Any]]] = {
    "experiment": EXPERIMENTS,
    "run": RUNS,
    "logged-model": LOGGED_MODELS,
    "registered-model": REGISTERED_MODELS,
}


def _key_of(event: EventData) -> str | int:
    payload = event.payload
    return payload.experiment_id if isinstance(payload, ExperimentEvent) else payload.stream_key


def _answer(
    events: Sequence[EventData], there: Mapping[str, FoldedImport], known: Collection[str], numbers: Mapping[str, int]
) -> bytes:
    """`known` are the ids of those that were there before."""
    refused = [
        {"id": event_id_text(event.id), "error_code": found.error_code, "message": found.message}
        for event in events
        if (found := there.get(event.id.hex())) is not None and found.error_code is not None
    ]
    versions = {
        event_id_text(event.id): numbers[event.payload.version_id]
        for event in events
        if isinstance(event.payload, ModelVersionCreated) and event.payload.version_id in numbers
    }
    were_there = [event_id_text(event.id) for event in events if event.id.hex() in known]
    return orjson.dumps(
        {
            "appended": len(events) - len(were_there),
            "there": len(were_there),
            "there_ids": were_there,
            "refused": refused,
            "versions": versions,
        }
    )
