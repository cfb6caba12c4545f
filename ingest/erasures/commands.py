"""The commands that erase for good what is deleted: a plan, its events, and how far they are carried out.

The events come first. From then on nothing of what they erase is answered, and nothing brings it back; artifacts and
payloads go afterwards, in `CarryingOut`.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any, Final, NamedTuple

import orjson

from event_log.port import EventLog, LogUnavailable
from event_log.proof.leaf import leaf_of
from event_log.streams import StreamReader
from ingest.admission.known_entities import KnownEntities
from ingest.erasures.carrying_out import CarryingOut
from ingest.erasures.lookups import (
    BELONGINGS,
    DELETED_EXPERIMENTS,
    DELETED_MODELS,
    DELETED_RUNS,
    EXPERIMENT,
    EXPERIMENT_WITH_ID,
    LOGGED_MODEL,
    MODEL_NAMED,
    MODELS_OF_EXPERIMENT,
    MOST,
    REFUSED_BELONGINGS,
    REFUSED_FOR_NAMES,
    REGISTERED,
    RUN,
    RUN_NAMED,
    RUNS_OF_EXPERIMENT,
    TRACE,
    TRACES_OF_EXPERIMENT,
    Candidate,
)
from ingest.erasures.plan import (
    AT_ONCE,
    NOT_EMPTY,
    NOT_LOOKED_AT,
    NOT_REACHED,
    PlannedErasure,
    age_us,
    held_by,
    ordered,
    side_by_side,
    streams_of,
)
from ingest.erasures.plan import REGISTERED as HOLDS_FILES
from ingest.erasures.port import ArtifactFolders, Measured
from ingest.experiments.lookups import EXPERIMENTS
from ingest.log_writer import LogWriter
from ingest.logged_models.lookups import LOGGED_MODELS
from ingest.runs.lookups import RUNS
from schemas import codec
from schemas.belongings import belonging_erased
from schemas.codec import UndecodableEvent
from schemas.envelope import Actor, Position
from schemas.errors import (
    InvalidParameterValue,
    ResourceAlreadyExists,
    ResourceConflict,
    ResourceDoesNotExist,
    TracklogError,
)
from schemas.event_json import event_id_text
from schemas.events import (
    EXPERIMENTS_ORDERING_UNIT,
    AnyErased,
    Erasure,
    ExperimentCreated,
    ExperimentErased,
    ExperimentRenamed,
    LabelSchemaCreated,
    LoggedModelErased,
    ReviewQueueCreated,
    RunErased,
    TraceDeleted,
)
from schemas.messages.erasures import CarryOutErasures, Erase, PlanErasure
from schemas.messages.experiments import experiment_id_of
from schemas.mlflow import DEFAULT_EXPERIMENT_ID

ERASED_FOR_S: Final = 10.0
"""After so long a request is answered with what it has erased; the rest is in the next plan."""

_LATEST_US: Final = 2**62
_NAMED_IN_IT: Final = (LabelSchemaCreated, ReviewQueueCreated)
_NAMING: Final = (ExperimentCreated.event_type, ExperimentRenamed.event_type)


class _Told(NamedTuple):
    """The events of some streams: how many, the SHA-256 over their leaves, the names they gave to experiments."""

    events: int
    leaves: str
    names: set[str]


class ErasureCommands:
    """`streams` finds the events of what is erased."""

    def __init__(
        self,
        writer: LogWriter,
        known: KnownEntities,
        log: EventLog,
        streams: StreamReader,
        artifacts: ArtifactFolders,
        carrying_out: CarryingOut,
    ) -> None:
        self._writer = writer
        self._known = known
        self._log = log
        self._streams = streams
        self._artifacts = artifacts
        self._carrying_out = carrying_out

    async def carry_out_always(self) -> None:
        """Carry out what is erased, until cancelled."""
        await self._carrying_out.run()

    async def carry_out_now(self) -> str | None:
        """Carry out what is erased; why some of it could not be."""
        await self._carrying_out.carry_out()
        return self._carrying_out.trouble

    async def plan(self, command: PlanErasure) -> bytes:
        """What would be erased, and what is left out and why, with the digest of it. Changes nothing.

        Raises InvalidParameterValue and ResourceDoesNotExist for what is named and cannot be erased.
        """
        return orjson.dumps((await self._plan(command)).document())

    async def erase(self, command: Erase, actor: Actor, request_id: str) -> bytes:
        """Erase what was planned. Answered when projected, with the events that were appended; then it is carried out.

        Raises as `plan` does; and ResourceConflict, with nothing erased, when the plan would not be the same now.
        """
        if not command.reason.strip():
            raise InvalidParameterValue("An erasure has a reason: it is all that is left to say why.")
        plan = await self._plan(command)
        if plan.digest != command.digest:
            raise ResourceConflict("What would be erased is not what was planned: make a plan again.")
        return await self._writer.to_the_end(self._erase(plan, command.reason, actor, request_id))

    async def carry_out(self, command: CarryOutErasures) -> bytes:
        """How many erasures are not carried out yet, what stands in the way, and whether the log forgets at all."""
        if command.begin:
            self._carrying_out.begin()
        return orjson.dumps(
            {
                "pending": await self._carrying_out.pending(),
                "trouble": self._carrying_out.trouble,
                "forgets_payloads": self._carrying_out.removes_payloads,
            }
        )

    # --- the plan -----------------------------------------------------------------------------------------------------

    async def _plan(self, command: PlanErasure) -> PlannedErasure:
        until_us = time.time_ns() // 1000 - age_us(command.older_than) if command.older_than else _LATEST_US
        await self._known.catch_up()
        plan = PlannedErasure()
        if command.run_ids or command.logged_model_ids or command.experiment_ids:
            found = await self._named(command, until_us, plan)
        else:
            found = await self._everything(command, until_us, plan)
        await self._leave_out(command, ordered(found), plan)
        return plan

    async def _named(self, command: PlanErasure, until_us: int, plan: PlannedErasure) -> list[Candidate]:
        lookups = self._known.lookups
        found = [_erasable(await lookups.one(RUN_NAMED, one), RUN, one, until_us) for one in command.run_ids]
        found += [
            _erasable(await lookups.one(MODEL_NAMED, one), LOGGED_MODEL, one, until_us)
            for one in command.logged_model_ids
        ]
        for text in command.experiment_ids:
            experiment_id = experiment_id_of(text)
            if experiment_id == DEFAULT_EXPERIMENT_ID:
                raise InvalidParameterValue("The default experiment is not erased: clients that name none log to it.")
            experiment = await lookups.one(EXPERIMENT_WITH_ID, experiment_id)
            found += await self._with_what_is_in_it(_erasable(experiment, EXPERIMENT, text, until_us), command, plan)
        return found

    async def _everything(self, command: PlanErasure, until_us: int, plan: PlannedErasure) -> list[Candidate]:
        lookups = self._known.lookups
        found = await lookups.all(DELETED_RUNS, until_us, command.keys_left_out(RUN))
        if len(found) < MOST:
            found += await lookups.all(DELETED_MODELS, until_us, command.keys_left_out(LOGGED_MODEL))
        if len(found) >= MOST:
            plan.is_whole = False
            return found
        for experiment in await lookups.all(DELETED_EXPERIMENTS, until_us, command.keys_left_out(EXPERIMENT)):
            found += await self._with_what_is_in_it(experiment, command, plan)
            if len(found) >= MOST:
                plan.is_whole = False
                break
        return found

    async def _with_what_is_in_it(
        self, experiment: Candidate, command: PlanErasure, plan: PlannedErasure
    ) -> list[Candidate]:
        """Its runs, logged models and traces, and, where these are all, itself."""
        lookups = self._known.lookups
        inside = [
            *await lookups.all(RUNS_OF_EXPERIMENT, experiment.experiment_id),
            *await lookups.all(MODELS_OF_EXPERIMENT, experiment.experiment_id),
            *await lookups.all(TRACES_OF_EXPERIMENT, experiment.experiment_id),
        ]
        active = next((one for one in inside if one.deleted_us is None), None)
        if active is not None:
            plan.left_out[experiment] = f"{active.stream} of it is active."
            return []
        left = next((one for one in inside if one.stream in command.leave_out), None)
        if left is not None and experiment.stream not in command.leave_out:
            plan.left_out[experiment] = NOT_EMPTY.format(key=left.stream)
        if left is not None:
            return inside
        if len(inside) >= MOST:
            plan.is_whole = False
            return inside
        return [*inside, experiment]

    async def _leave_out(self, command: PlanErasure, found: list[Candidate], plan: PlannedErasure) -> None:
        runs = [one.key for one in found if one.kind == RUN]
        models = [one.key for one in found if one.kind == LOGGED_MODEL]
        registered = await self._known.lookups.all(REGISTERED, runs, models) if runs or models else []
        incomplete: dict[int, Candidate] = {}
        named = frozenset(command.leave_out)
        for one in found:
            if one.stream in named:
                incomplete.setdefault(one.experiment_id, one)
                continue
            why = None
            if one.kind == EXPERIMENT:
                inside = incomplete.get(one.experiment_id)
                why = None if inside is None else NOT_EMPTY.format(key=inside.stream)
            elif not command.with_registered and (version := held_by(one, registered)) is not None:
                why = HOLDS_FILES.format(name=version.name, version=version.version)
            elif not (command.without_artifacts or one.kind == TRACE):
                why = await self._why_not_reached(one)
            if why is None:
                plan.erased.append(one)
            else:
                plan.left_out[one] = why
                incomplete.setdefault(one.experiment_id, one)

    async def _why_not_reached(self, one: Candidate) -> str | None:
        """None where its artifacts are reached. A store that fails keeps nothing else from being erased."""
        try:
            measured = await self._artifacts.measure(one.artifact_uri, one.key)
        except TracklogError as error:
            return NOT_LOOKED_AT.format(why=error.message)
        return NOT_REACHED.format(uri=one.artifact_uri) if measured is None else None

    # --- its execution ------------------------------------------------------------------------------------------------

    async def _erase(self, plan: PlannedErasure, reason: str, actor: Actor, request_id: str) -> bytes:
        """One after the other, each with its verdict: what is in an experiment is gone before it."""
        erased: list[dict[str, Any]] = []
        refused: list[dict[str, Any]] = []
        tried = 0
        end_s = asyncio.get_running_loop().time() + ERASED_FOR_S
        try:
            for some in side_by_side(plan.erased):
                if asyncio.get_running_loop().time() > end_s:
                    break
                appended = await asyncio.gather(*(self._append(one, reason, actor, request_id) for one in some))
                tried += len(some)
                for one, outcome in zip(some, appended, strict=True):
                    if isinstance(outcome, TracklogError):
                        refused.append({"stream": one.stream, "message": outcome.message})
                        continue
                    stamped, position, refusal = outcome
                    told = {"id": event_id_text(stamped), "stream": one.stream, **_place(position)}
                    if refusal is None:
                        erased.append(told)
                    else:
                        refused.append({**told, "message": refusal.message})
        finally:
            self._carrying_out.begin()
        is_done = plan.is_whole and tried == len(plan.erased)
        return orjson.dumps({"erased": erased, "refused": refused, "is_whole": is_done})

    async def _append(
        self, one: Candidate, reason: str, actor: Actor, request_id: str
    ) -> tuple[bytes, Position, TracklogError | None] | TracklogError:
        """The event with its place and its refusal; the error alone where none was appended, for what one of them has.

        Raises what LogWriter raises.
        """
        if one.kind == EXPERIMENT:
            await self._erase_belongings(one.experiment_id, reason, actor, request_id)
        try:
            event = await self._event(one, reason)
        except LogUnavailable:
            raise
        except TracklogError as error:
            return error
        try:
            [(stamped, position, refusal)] = await self._writer.append_together([event], actor, request_id)
        except BaseException:
            self._forget(one, is_projected=False)
            raise
        self._forget(one, is_projected=True)
        return stamped.id, position, refusal

    def _forget(self, one: Candidate, *, is_projected: bool) -> None:
        """What is known of something at the door."""
        drop = self._known.invalidate if is_projected else self._known.invalidate_unprojected
        if one.kind == RUN:
            drop(RUNS, one.key)
        elif one.kind == LOGGED_MODEL:
            drop(LOGGED_MODELS, one.key)
        elif one.kind == EXPERIMENT:
            drop(EXPERIMENTS, one.experiment_id)

    async def _event(self, one: Candidate, reason: str) -> AnyErased:
        if one.kind == TRACE:
            return TraceDeleted(trace_id=one.key)
        streams = streams_of(one)
        told = await self._told(streams)
        measured = await self._artifacts.measure(one.artifact_uri, one.key) if one.kind != EXPERIMENT else None
        files, size = measured or Measured(None, None)
        erasure = Erasure(
            reason,
            streams,
            told.events,
            told.leaves,
            one.artifact_uri if measured is not None else "",
            files,
            size,
            await self._refused_for(told.names) if one.kind == EXPERIMENT else [],
        )
        if one.kind == RUN:
            return RunErased(
                run_id=one.key, experiment_id=one.experiment_id, erasure=erasure, with_experiment=await self._goes(one)
            )
        if one.kind == LOGGED_MODEL:
            return LoggedModelErased(
                model_id=one.key,
                experiment_id=one.experiment_id,
                erasure=erasure,
                with_experiment=await self._goes(one),
            )
        return ExperimentErased(experiment_id=one.experiment_id, erasure=erasure)

    async def _told(self, streams: Sequence[str]) -> "_Told":
        """What there is in the streams now. Raises LogUnavailable."""
        count, leaves, names = 0, sha256(), set[str]()
        end = await self._log.end()
        for stream in streams:
            async for events in self._streams.events_of(stream, end):
                for recorded in events:
                    count += 1
                    leaves.update(leaf_of(recorded).hash)
                    if recorded.type in _NAMING:
                        with suppress(UndecodableEvent):
                            event = codec.decode(recorded)
                            assert isinstance(event, ExperimentCreated | ExperimentRenamed)
                            names.add(event.name)
                await asyncio.sleep(0)
        return _Told(count, leaves.hexdigest(), names)

    async def _erase_belongings(self, experiment_id: int, reason: str, actor: Actor, request_id: str) -> None:
        """Erase what goes with an experiment, also what came after the plan was made.

        Each by an event of its own: it may be in another partition than its experiment. Raises what LogWriter raises.
        """
        erased: set[str] = set()
        while streams := [one for one in await self._belongings(experiment_id) if one not in erased]:
            for begin in range(0, len(streams), AT_ONCE):
                await asyncio.gather(
                    *(self._erase_belonging(one, reason, actor, request_id) for one in streams[begin : begin + AT_ONCE])
                )
            erased.update(streams)

    async def _erase_belonging(self, stream: str, reason: str, actor: Actor, request_id: str) -> None:
        told = await self._told([stream])
        event = belonging_erased(stream, Erasure(reason, [stream], told.events, told.leaves))
        assert event is not None
        await self._writer.append_together([event], actor, request_id)

    async def _belongings(self, experiment_id: int) -> list[str]:
        """The streams, some at a time, of what goes with an experiment."""
        found = await self._known.lookups.all(BELONGINGS, experiment_id)
        for position in await self._known.lookups.all(REFUSED_BELONGINGS, ResourceAlreadyExists.error_code):
            for recorded in await self._log.read_at(position.partition, [position.offset]):
                with suppress(UndecodableEvent):
                    event = codec.decode(recorded)
                    if isinstance(event, _NAMED_IN_IT) and event.experiment_id == experiment_id:
                        found.append(recorded.stream)
        return list(dict.fromkeys(found))

    async def _goes(self, one: Candidate) -> bool:
        """Whether its experiment is deleted, or no more."""
        experiment = await self._known.lookups.one(EXPERIMENT_WITH_ID, one.experiment_id)
        return experiment is None or experiment.deleted_us is not None

    async def _refused_for(self, names: set[str]) -> list[int]:
        """The offsets of events that would hold if there had been no experiment of these names."""
        partition = self._log.partition_of(EXPERIMENTS_ORDERING_UNIT)
        offsets = await self._known.lookups.all(
            REFUSED_FOR_NAMES, partition, ResourceAlreadyExists.error_code, f"{EXPERIMENT}/", f"{EXPERIMENT}0"
        )
        found: list[int] = []
        for offset in offsets:
            for recorded in await self._log.read_at(partition, [offset]):
                try:
                    event = codec.decode(recorded)
                except UndecodableEvent:
                    continue
                if isinstance(event, ExperimentCreated | ExperimentRenamed) and event.name in names:
                    found.append(offset)
        return found


def _erasable(one: Candidate | None, kind: str, key: str, until_us: int) -> Candidate:
    """Raises ResourceDoesNotExist, InvalidParameterValue."""
    if one is None:
        raise ResourceDoesNotExist(f"There is no {kind}/{key}.")
    if one.deleted_us is None:
        raise InvalidParameterValue(f"{one.stream} is active; only what is deleted is erased.")
    if one.deleted_us > until_us:
        raise InvalidParameterValue(f"{one.stream} was deleted later than that.")
    return one


def _place(position: Position) -> dict[str, int]:
    return {"partition": position.partition, "offset": position.offset}
