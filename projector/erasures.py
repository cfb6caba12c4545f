"""Tombstones: which streams were erased, and what the fold makes of their events.

An event that was forgotten is folded as the erasure of its stream. So it makes no difference how many of the payloads
are gone when a log is folded, nor where the erasure itself stands among them.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeGuard, get_args

import msgspec

from projector.changes import Change, Delete, DeleteBy, InsertNew, Read, Row, Upsert
from schemas.belongings import belonging_erased
from schemas.envelope import RecordedEvent
from schemas.errors import InvalidParameterValue, ResourceDoesNotExist
from schemas.events import (
    ERASED_BY,
    AnyBelongingErased,
    AnyErased,
    AnyEvaluationDatasetEvent,
    AnyEvent,
    AnyIssueEvent,
    AnyLabelSchemaEvent,
    AnyReviewQueueEvent,
    AnyScorerEvent,
    AnyTraceEvent,
    Erasure,
    ExperimentCreated,
    ExperimentErased,
    LoggedModelCreated,
    LoggedModelErased,
    RunCreated,
    RunDataLogged,
    RunErased,
    TraceDeleted,
    stream_of,
)
from schemas.events.logged_models import LOGGED_MODELS
from schemas.forgotten import is_forgotten, is_forgotten_refusal
from schemas.mlflow import DEFAULT_EXPERIMENT_ID

_ERASURES: Final = frozenset[type](get_args(AnyErased))
_OF_EXPERIMENTS: Final = (
    *get_args(AnyScorerEvent),
    *get_args(AnyIssueEvent),
    *get_args(AnyLabelSchemaEvent),
    *get_args(AnyReviewQueueEvent),
    *get_args(AnyEvaluationDatasetEvent),
)
"""Events of what goes with an experiment."""

_LOOKED_UP: Final = _ERASURES | {
    *(RunCreated, LoggedModelCreated, ExperimentCreated),
    *get_args(AnyTraceEvent),
    *_OF_EXPERIMENTS,
}
"""The streams of these are looked up before the fold; those of others where the fold finds nothing of them."""

_ROWS_OF_OTHERS: Final = {"logged_model_metrics": LOGGED_MODELS}
"""Tables with rows that events of other streams make: the kind of those whose keys their first columns are."""

DELETED_STREAMS: Final = "deleted_streams"
"""The table of what was deleted of that which goes with an experiment, whose events are to go with it too.

What is deleted is noted by the events of its own stream alone, so it comes to the same rows in whatever order the
partitions of a log are folded.
"""

_COLUMNS: Final = ("stream", "partition", "offset", "last_offset")
_BY_STREAM: Final = ("refusals", "set_aside", "outbox", "imported_events", DELETED_STREAMS)
"""The tables beside those of the aggregates that hold something of a stream."""


@dataclass(slots=True)
class Tombstone:
    """A row of `erased`. `offset` is that of the erasure, None as long as only forgotten events told of it."""

    stream: str
    partition: int
    offset: int | None
    last_offset: int


@dataclass(slots=True)
class Tombstones:
    """Those of the streams of a batch, by the names of the streams; `changed` by the batch, and `erased` in it."""

    known: dict[str, Tombstone] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    erased: dict[str, None] = field(default_factory=dict)
    unsaid: list[Row] = field(default_factory=list)  # keys of refusals that are forgotten with what is erased

    def add(self, rows: "list[Row] | tuple[Row, ...]") -> None:
        """Take up what is in the table."""
        for row in rows:
            self.known.setdefault(row[0], Tombstone(*row))

    def erase(self, recorded: RecordedEvent, event: AnyErased) -> None:
        """The streams of an erasure, or of an event that was forgotten, are no more."""
        self.unsaid += [(recorded.partition, offset) for offset in event.erasure.refused]
        offset = None if is_forgotten(recorded.payload) else recorded.offset
        for stream in erased_streams(recorded, event):
            self.known[stream] = Tombstone(stream, recorded.partition, offset, recorded.offset)
            self.changed.add(stream)
            self.erased[stream] = None

    def refuse(self, recorded: RecordedEvent) -> None:
        """Refuse an event that came after the erasure of its stream, and pass over one that came before it.

        Raises ResourceDoesNotExist.
        """
        tombstone = self.known[recorded.stream]
        tombstone.last_offset = max(tombstone.last_offset, recorded.offset)
        self.changed.add(recorded.stream)
        if tombstone.offset is not None:
            raise ResourceDoesNotExist(f"{recorded.stream} was erased.")

    def without_erased(self, change: Change) -> Change:
        """A change of an aggregate's tables without rows that would be of another stream that was erased.

        Also of one that is erased in the same batch, before the event that tells of it or after it.
        """
        if not self.known or not isinstance(change, Upsert | InsertNew):
            return change
        if change.table == DELETED_STREAMS:
            return msgspec.structs.replace(change, rows=[row for row in change.rows if row[0] not in self.known])
        kind = _ROWS_OF_OTHERS.get(change.table)
        if kind is None:
            return change
        return msgspec.structs.replace(
            change, rows=[row for row in change.rows if kind.stream(row[0]) not in self.known]
        )

    def changes(self) -> Iterator[Change]:
        """What becomes of the tables, but for those of the aggregates."""
        for table in _BY_STREAM:
            yield DeleteBy(table, "stream", [(stream,) for stream in self.erased])
        yield Delete("refusals", self.unsaid)
        rows = [self.known[stream] for stream in sorted(self.changed)]
        yield Upsert("erased", [(one.stream, one.partition, one.offset, one.last_offset) for one in rows])


def taken_along(event: AnyErased) -> Iterator[AnyBelongingErased]:
    """What an experiment took along while its erasure named all of that, each as an erasure of its own."""
    if isinstance(event, ExperimentErased):
        for stream in event.erasure.streams:
            belonging = belonging_erased(stream, event.erasure)
            if belonging is not None:
                yield belonging


def erased_streams(recorded: RecordedEvent, event: AnyErased) -> list[str]:
    """The streams of which nothing is left: that of an erasure, and those of what it takes along."""
    along = event.erasure.streams if isinstance(event, ExperimentErased) else ()
    return list(dict.fromkeys([recorded.stream, *along]))


def tombstones_of(streams: "set[str] | frozenset[str]") -> Read:
    """What is to be read of the tombstones of streams."""
    return Read("erased", _COLUMNS, "stream", streams)


def is_erasure(event: object) -> TypeGuard[AnyErased]:
    """Whether an event erases its stream. By its class alone: every event passes here."""
    return type(event) in _ERASURES


def looked_up(event: AnyEvent) -> Collection[str]:
    """The streams of which it has to be known before an event is folded whether they were erased."""
    if type(event) in _LOOKED_UP:
        return (stream_of(event),)
    if isinstance(event, RunDataLogged) and event.model_metrics:
        return {LOGGED_MODELS.stream(metric.model_id) for metric in event.model_metrics}
    return ()


def erasure_of(recorded: RecordedEvent) -> AnyErased | None:
    """The erasure as which an event is folded that was forgotten; None where that leaves no tombstone."""
    if is_forgotten_refusal(recorded.payload):
        return None
    kind, _, key = recorded.stream.partition("/")
    erasure = Erasure("", [recorded.stream])
    match ERASED_BY.get(kind):
        case None:
            return None
        case of_run if of_run is RunErased:
            return RunErased(run_id=key, experiment_id=0, erasure=erasure, with_experiment=True)
        case of_model if of_model is LoggedModelErased:
            return LoggedModelErased(model_id=key, experiment_id=0, erasure=erasure, with_experiment=True)
        case of_trace if of_trace is TraceDeleted:
            return TraceDeleted(trace_id=key)
        case of_experiment if of_experiment is ExperimentErased:
            return ExperimentErased(experiment_id=int(key), erasure=erasure) if key.isdecimal() else None
        case _:
            return belonging_erased(recorded.stream, erasure)


def refuse_erasure(recorded: RecordedEvent, event: AnyErased, *, is_active: bool | None) -> None:
    """Refuse to erase what is not deleted. `is_active` None: there is no such thing.

    Raises InvalidParameterValue, ResourceDoesNotExist.
    """
    if is_forgotten(recorded.payload):
        return
    if is_active is None:
        raise ResourceDoesNotExist(f"There is no {recorded.stream}, which could be erased.")
    if isinstance(event, ExperimentErased) and event.experiment_id == DEFAULT_EXPERIMENT_ID:
        raise InvalidParameterValue("The default experiment cannot be erased.")
    with_experiment = isinstance(event, RunErased | LoggedModelErased) and event.with_experiment
    if is_active and not with_experiment:
        raise InvalidParameterValue(f"{recorded.stream} is active; only what is deleted is erased.")
