"""The commands that undo what happened: a plan, and its execution.

Nothing is edited: what is undone is undone by new events, each of which names those that it undoes. So undoing these is
the same act again.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from event_log.port import EventLog
from event_log.streams import StreamReader
from ingest.admission.known_entities import KnownEntities
from ingest.log_writer import LogWriter
from ingest.runs.lookups import RUNS
from ingest.runs.state import with_params, without_info
from ingest.undo.aggregate_history import AggregateHistories, AggregateHistory
from ingest.undo.evaluation_datasets import EVALUATION_DATASETS_UNDOING
from ingest.undo.event_finder import MAX_FOUND, EventFinder
from ingest.undo.experiments import EXPERIMENTS_UNDOING
from ingest.undo.issues import ISSUES_UNDOING
from ingest.undo.label_schemas import LABEL_SCHEMAS_UNDOING
from ingest.undo.logged_models import LOGGED_MODELS_UNDOING
from ingest.undo.plan import LeftOut, UndoPlan
from ingest.undo.registered_models import REGISTERED_MODELS_UNDOING
from ingest.undo.review_queues import REVIEW_QUEUES_UNDOING
from ingest.undo.rights import ROLES_UNDOING, USERS_UNDOING
from ingest.undo.runs import RUNS_UNDOING
from ingest.undo.scorers import SCORERS_UNDOING
from ingest.undo.selection import Selection, selection_of
from ingest.undo.trace import Change, Trace
from ingest.undo.traces import TRACES_UNDOING
from ingest.undo.undoing import Undoing
from ingest.undo.webhooks import WEBHOOKS_UNDOING
from schemas.envelope import Actor, RecordedEvent
from schemas.errors import (
    InvalidParameterValue,
    PermissionDenied,
    ResourceConflict,
    ResourceDoesNotExist,
    TracklogError,
)
from schemas.event_json import event_id_text
from schemas.events import USERS_ORDERING_UNIT, AnyEvent, ExperimentAcknowledged
from schemas.fields.evaluation_datasets import RECORDS
from schemas.fields.field import NAME, TAGS
from schemas.forgotten import is_forgotten
from schemas.messages.undo import ApplyUndo, PlanUndo
from schemas.rest.access import Asking

UNDOINGS: Final[Mapping[str, Undoing]] = {
    "run": RUNS_UNDOING,
    "experiment": EXPERIMENTS_UNDOING,
    "registered-model": REGISTERED_MODELS_UNDOING,
    "logged-model": LOGGED_MODELS_UNDOING,
    "evaluation-dataset": EVALUATION_DATASETS_UNDOING,
    "scorer": SCORERS_UNDOING,
    "issue": ISSUES_UNDOING,
    "label-schema": LABEL_SCHEMAS_UNDOING,
    "review-queue": REVIEW_QUEUES_UNDOING,
    "trace": TRACES_UNDOING,
    "webhook": WEBHOOKS_UNDOING,
    "user": USERS_UNDOING,
    "role": ROLES_UNDOING,
}
"""By the kind of the stream."""

NEVER_UNDONE: Final[Mapping[str, str]] = {
    "artifact": "Artifacts are not undone: what was in them is not in the history. Upload them again.",
    "access": "That somebody was let in, or was not, has changed nothing.",
}
"""The other kinds, and why."""

MAX_CHANGES: Final = 1000
"""Of one plan, beside those of records of evaluation datasets, many of which are one event."""

MAX_CHARACTERS: Final = 16_777_216
"""Of what the fields of one plan hold, before and after: as many as one request may have of records."""

MAX_HELD_CHARACTERS: Final = 200_000_000
"""Of what the fields of one aggregate hold, which are in memory for the time of a plan."""

MAX_POINTS: Final = 20_000
"""Of metrics, in one plan: some 2 MB of JSON."""

NOT_PERMITTED: Final = "You may not undo this."
OVER_LATER: Final = "It was changed again later, by event {later}: undoing it would overwrite that."
ALREADY_SO: Final = "Everything is already as it was before."
FORGOTTEN: Final = "It was forgotten: what it belonged to was erased."
NAME_OF_ANOTHER: Final = "Its name was that of another later, of which something is undone too."
NOTHING_TO_UNDO: Final = "It changed nothing."
NOTHING_FOUND: Final = "There is no such event."
NOTHING_SINCE: Final = "Nothing has happened to it since."


class UndoCommands:
    """`finder` finds what is selected; `streams` tells what came before and after it.

    `users_changed` is told of every change of users and roles, once the read model holds it.
    """

    def __init__(
        self,
        writer: LogWriter,
        known: KnownEntities,
        log: EventLog,
        finder: EventFinder,
        streams: StreamReader,
        users_changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._streams = streams
        self._users_changed = users_changed
        self._writer = writer
        self._known = known
        self._log = log
        self._finder = finder

    async def plan(self, command: PlanUndo, asking: Asking | None) -> bytes:
        """What undoing would change, and what is left out and why, with the digest of all this. Changes nothing.

        `asking`: who asks, None for one who may do everything.
        Raises InvalidParameterValue for a selection that is none, or is too large.
        """
        return orjson.dumps((await self._plan(command, asking)).document())

    async def undo(self, command: ApplyUndo, asking: Asking | None, actor: Actor, request_id: str) -> bytes:
        """Undo what was planned. Answered when projected, with the events that were appended.

        Raises as `plan` does; and ResourceConflict, with nothing changed, when the plan would not be the same now.
        """
        plan = await self._plan(command, asking)
        if plan.digest != command.digest:
            raise ResourceConflict("What would be undone is not what was planned: make a plan again.")
        return await self._writer.to_the_end(self._carry_out(plan, actor, request_id))

    # --- the plan -----------------------------------------------------------------------------------------------------

    async def _plan(self, command: PlanUndo, asking: Asking | None) -> UndoPlan:
        selection = selection_of(command)
        if asking is not None:
            await asking.sight()  # every request asks, also one that finds nothing
        end = dict(await self._log.end())
        await self._known.catch_up()
        histories = AggregateHistories(self._log, self._streams, self._known.lookups, end)
        plan = UndoPlan()
        async for history, chosen in self._chosen(selection, histories, plan):
            await self._plan_aggregate(plan, command, asking, histories, history, chosen)
            _refuse_too_much([change for changes in plan.changes.values() for change in changes])
        await self._leave_out_what_is_hindered(plan)
        if asking is not None:
            plan.left_out = _without_what_is_hidden(plan.left_out)
        return plan

    async def _leave_out_what_is_hindered(self, plan: UndoPlan) -> None:
        wanted = plan.changes
        plan.changes = {}
        for stream, changes in wanted.items():
            kind, _, key = stream.partition("/")
            undoing, held = UNDOINGS[kind], plan.held[stream]
            of_all = undoing.hindrance_of_all(held, changes)
            for change in changes:
                hindrance = of_all or await undoing.hindrance(self._known, key, held, change, wanted)
                if hindrance is None:
                    plan.changes.setdefault(stream, []).append(change)
                else:
                    plan.left_out.append(LeftOut(hindrance, stream, change.field, change.undoes))

    async def _chosen(
        self, selection: Selection, histories: AggregateHistories, plan: UndoPlan
    ) -> AsyncIterator[tuple[AggregateHistory, "_Chosen"]]:
        """The aggregates of what is selected, each with what is chosen of its history."""
        if selection.stream:
            if (reason := NEVER_UNDONE.get(_kind(selection.stream))) is not None:
                raise InvalidParameterValue(reason)
            yield await histories.of(selection.stream), _Chosen(since_us=selection.since_us)
            return
        selected = await self._finder.find(selection)
        if not selected:
            plan.left_out.append(LeftOut(NOTHING_FOUND))
        found = [one for one in selected if not is_forgotten(one.payload)]
        if gone := [event_id_text(one.id) for one in selected if is_forgotten(one.payload)]:
            plan.left_out.append(LeftOut(FORGOTTEN, events=tuple(gone)))
        waiting = [one for one in found if _kind(one.stream) in UNDOINGS]
        others: dict[str, list[str]] = {}
        for one in found:
            if _kind(one.stream) not in UNDOINGS:
                others.setdefault(NEVER_UNDONE[_kind(one.stream)], []).append(event_id_text(one.id))
        for reason, ids in others.items():
            plan.left_out.append(LeftOut(reason, events=tuple(ids)))
        while waiting:
            history = await histories.of(waiting[0].stream, waiting[0].offset)
            of_history = [one for one in waiting if history.has(one)]
            waiting = [one for one in waiting if not history.has(one)]
            yield history, _Chosen(ids=frozenset(one.id for one in of_history))

    async def _plan_aggregate(
        self,
        plan: UndoPlan,
        command: PlanUndo,
        asking: Asking | None,
        histories: AggregateHistories,
        history: AggregateHistory,
        chosen: "_Chosen",
    ) -> None:
        kind, _, key = history.stream.partition("/")
        undoing = UNDOINGS[kind]
        trace = Trace()
        reasons: dict[str, list[str]] = {}
        ids: list[str] = []
        async for recorded, event in histories.events(history):
            is_chosen, event_id = chosen.has(recorded), event_id_text(recorded.id)
            reason = undoing.not_undone.get(type(event)) if is_chosen else None
            if is_chosen:
                ids.append(event_id)
            if trace.characters > MAX_HELD_CHARACTERS:
                raise InvalidParameterValue(
                    f"What {history.stream} holds has more than {MAX_HELD_CHARACTERS} characters, which is too much to"
                    " undo any."
                )
            has_set = trace.take(event_id, event, recorded.time_us // 1000, is_chosen=is_chosen and reason is None)
            if isinstance(event, ExperimentAcknowledged):
                continue  # of which nobody knows that they did it
            if reason is not None or (is_chosen and not has_set):
                reasons.setdefault(reason or NOTHING_TO_UNDO, []).append(event_id)
            elif is_chosen and (stays := undoing.stays(event)) is not None:
                reasons.setdefault(stays, []).append(event_id)
        if chosen.since_us is not None and len(ids) > MAX_FOUND:
            raise InvalidParameterValue(f"These are more than {MAX_FOUND} events; undo them in parts.")
        if not ids:
            plan.left_out.append(LeftOut(NOTHING_SINCE))
        is_gone = trace.held.get(NAME) is None  # the name may be another's now
        if ids and asking is not None and (is_gone or not await _may(asking, undoing, key, f"{TAGS}any")):
            plan.left_out.append(LeftOut(NOT_PERMITTED, events=tuple(ids)))
            return
        stream = history.stream
        plan.left_out += [LeftOut(reason, stream, events=tuple(events)) for reason, events in reasons.items()]
        if already_so := trace.already_so:
            plan.left_out.append(LeftOut(ALREADY_SO, stream, events=tuple(already_so)))
        changes: list[Change] = []
        for change, later in trace.changes():
            if not await _may(asking, undoing, key, change.field):
                plan.left_out.append(LeftOut(NOT_PERMITTED, events=change.undoes))
            elif later and not (command.over_later and undoing.overwrites):
                reason = OVER_LATER.format(later=later)
                above = later if undoing.overwrites else ""
                plan.left_out.append(LeftOut(reason, stream, change.field, change.undoes, above))
            else:
                changes.append(change)
        if changes:
            if stream in plan.changes:  # two had the name, one after the other: the later one is not in its own way
                earlier = [one for change in plan.changes[stream] for one in change.undoes]
                plan.left_out.append(LeftOut(NAME_OF_ANOTHER, stream, events=tuple(dict.fromkeys(earlier))))
            plan.changes[stream], plan.held[stream] = changes, trace.held

    # --- its execution ------------------------------------------------------------------------------------------------

    async def _carry_out(self, plan: UndoPlan, actor: Actor, request_id: str) -> bytes:
        """What shares an ordering unit is appended together. What another writer came before is refused by the fold."""
        units: dict[str, list[AnyEvent]] = {}
        for stream, changes in plan.changes.items():
            kind, _, key = stream.partition("/")
            for event in await UNDOINGS[kind].events(self._known, key, plan.held[stream], changes):
                units.setdefault(event.kind.ordering_unit(key), []).append(event)
        undone: list[dict[str, Any]] = []
        refused: list[dict[str, Any]] = []
        refusal: TracklogError | None = None
        try:
            self._forget(plan, is_projected=False)
            for events in units.values():
                for stamped, position, verdict in await self._writer.append_together(events, actor, request_id):
                    told = {
                        "id": event_id_text(stamped.id),
                        "type": stamped.payload.event_type,
                        "stream": stamped.stream,
                        "partition": position.partition,
                        "offset": position.offset,
                    }
                    refusal = verdict or refusal
                    if verdict is None:
                        undone.append(told)
                    else:
                        refused.append({**told, "message": verdict.message})
        except BaseException:
            self._forget(plan, is_projected=False)
            raise
        self._forget(plan, is_projected=True)
        if USERS_ORDERING_UNIT in units:
            self._users_changed()
        if refusal is not None and not undone:
            raise refusal
        return orjson.dumps({"undone": undone, "refused": refused})

    def _forget(self, plan: UndoPlan, *, is_projected: bool) -> None:
        """What is known of the aggregates of a plan, which is as it was before."""
        for stream in plan.changes:
            kind, _, key = stream.partition("/")
            entity_of = UNDOINGS[kind].entity
            if entity_of is None:
                continue
            entity, entity_key = entity_of(key)
            if entity is RUNS:
                self._known.amend(RUNS, key, without_info)
                self._known.amend(RUNS, key, with_params)
            if is_projected:
                self._known.invalidate(entity, entity_key)
            else:
                self._known.invalidate_unprojected(entity, entity_key)


class _Chosen:
    """What of a history is to be undone: events by their ids, or all from a moment on."""

    def __init__(self, ids: frozenset[bytes] = frozenset(), since_us: int | None = None) -> None:
        self.ids = ids
        self.since_us = since_us

    def has(self, event: RecordedEvent) -> bool:
        return event.id in self.ids if self.since_us is None else event.time_us >= self.since_us


def _refuse_too_much(changes: Sequence[Change]) -> None:
    """Raises InvalidParameterValue."""
    for number, most, what in (
        (sum(not change.field.startswith(RECORDS) for change in changes), MAX_CHANGES, "changes"),
        (sum(len(change.points) for change in changes), MAX_POINTS, "points of metrics"),
        (sum(map(_characters, changes)), MAX_CHARACTERS, "characters in what changes"),
    ):
        if number > most:
            raise InvalidParameterValue(f"These are more than {most} {what}; undo them in parts.")


def _characters(change: Change) -> int:
    return sum(len(value) for value in (change.found, change.wanted) if isinstance(value, str))


async def _may(asking: Asking | None, undoing: Undoing, key: str, field: str) -> bool:
    """Whether who asks may change a field."""
    if asking is None:
        return True
    if undoing.judged is None:
        return False
    try:
        await asking.allow_by(undoing.judged.rule(field), undoing.judged.message(key, field))
    except (PermissionDenied, ResourceDoesNotExist):  # of a run that is erased nobody may change anything
        return False
    return True


def _without_what_is_hidden(left_out: Iterable[LeftOut]) -> list[LeftOut]:
    """Events of what no rule is about are told of to administrators alone."""
    return [LeftOut(NOT_PERMITTED, events=one.events) if one.events and not one.stream else one for one in left_out]


def _kind(stream: str) -> str:
    return stream.partition("/")[0]
