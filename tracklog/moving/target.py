"""What the log that is imported into holds already: found by reading it once, whatever it is kept in."""

from dataclasses import dataclass, field
from typing import Final

from event_log.port import EventLogReader
from schemas import codec
from schemas.codec import UndecodableEvent
from schemas.envelope import RecordedEvent, is_imported
from schemas.events import (
    EvaluationDatasetCreated,
    ExperimentCreated,
    ExperimentDeleted,
    ExperimentRenamed,
    ExperimentRestored,
    IssueCreated,
    LabelSchemaCreated,
    LabelSchemaUpdated,
    LoggedModelCreated,
    RegisteredModelCreated,
    RegisteredModelDeleted,
    RegisteredModelRenamed,
    RegisteredModelRestored,
    ReviewQueueCreated,
    ReviewQueueUpdated,
    RoleCreated,
    RoleDeleted,
    RoleUpdated,
    RunCreated,
    ScorerRegistered,
    TraceSpansLogged,
    TraceStarted,
    UserCreated,
    UserDeleted,
)
from tracklog.moving.event_ids import made_of

_READ_AT_ONCE: Final = 1000

SHADOW: Final = "shadow"
"""The request of what a shadow found changed: no import knows these events, or may make them a second time."""

LOOKED_AT: Final = {
    one.event_type
    for one in (
        ExperimentCreated,
        ExperimentDeleted,
        ExperimentRenamed,
        ExperimentRestored,
        RunCreated,
        LoggedModelCreated,
        RegisteredModelCreated,
        RegisteredModelDeleted,
        RegisteredModelRenamed,
        RegisteredModelRestored,
        UserCreated,
        UserDeleted,
        RoleCreated,
        RoleUpdated,
        RoleDeleted,
        ScorerRegistered,
        TraceStarted,
        TraceSpansLogged,
        EvaluationDatasetCreated,
        IssueCreated,
        LabelSchemaCreated,
        LabelSchemaUpdated,
        ReviewQueueCreated,
        ReviewQueueUpdated,
    )
}
"""Types of events that take a name or an id."""


@dataclass(slots=True)
class KnownThere:
    """An experiment of the target."""

    experiment_id: int
    name: str
    revision: int = 0
    imported: bool = False


@dataclass(slots=True)
class Target:
    """The names and ids that are taken, and the events of imports by what they are about, each with its check."""

    experiments: dict[int, KnownThere] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    runs: set[str] = field(default_factory=set)
    used: set[int] = field(default_factory=set)  # experiments in which a run was ever made
    logged_models: set[str] = field(default_factory=set)
    registered: set[str] = field(default_factory=set)
    partitions: int = 1
    scorers: set[tuple[int, str]] = field(default_factory=set)  # experiment and name, of those that ever were
    traces: set[str] = field(default_factory=set)
    evaluated: set[str] = field(default_factory=set)  # evaluation datasets that ever were
    reviewed: dict[str, int] = field(default_factory=dict)
    """Experiments of the issues, label schemas and review queues that ever were, by the ids of these."""
    review_names: set[tuple[str, int, str]] = field(default_factory=set)
    """Kind, experiment and name that a label schema, or in small letters a review queue, ever had."""
    users: set[str] = field(default_factory=set)
    role_names: dict[str, str] = field(default_factory=dict)  # by key
    imported: dict[int, int] = field(default_factory=dict)
    imported_experiments: dict[int, int] = field(default_factory=dict)  # ids by what their creation is about
    imported_names: dict[int, str] = field(default_factory=dict)  # of registered models, likewise
    is_empty: bool = True
    is_followed_into: bool = False
    """Whether a shadow follows, or followed, into this log."""

    def add(self, event: RecordedEvent) -> None:
        """One more event of the log."""
        self.is_empty = False
        about = None
        if is_imported(event.actor):
            about, check = made_of(event.id)
            self.imported[about] = check
            self.is_followed_into = self.is_followed_into or event.request_id == SHADOW
        if event.type not in LOOKED_AT:
            return
        try:
            self._add(codec.decode(event), about)
        except UndecodableEvent:
            return

    def created(self, experiment_id: int, name: str, *, imported: bool) -> None:
        """An experiment takes a name and an id; the first that does keeps both."""
        if experiment_id not in self.experiments and name not in self.names:
            self.experiments[experiment_id] = KnownThere(experiment_id, name, imported=imported)
            self.names[name] = experiment_id

    def _add(self, event: object, about: int | None) -> None:
        match event:
            case ExperimentCreated():
                self.created(event.experiment_id, event.name, imported=about is not None)
                if about is not None:
                    self.imported_experiments[about] = event.experiment_id
            case ExperimentRenamed():
                known = self.experiments.get(event.experiment_id)
                if known is not None and self.names.get(event.name, event.experiment_id) == event.experiment_id:
                    self.names.pop(known.name, None)
                    self.names[event.name] = event.experiment_id
                    known.name = event.name
            case ExperimentDeleted() | ExperimentRestored():
                if (known := self.experiments.get(event.experiment_id)) is not None:
                    known.revision += 1
            case RunCreated():
                self.runs.add(event.run_id)
                self.used.add(event.experiment_id)
            case LoggedModelCreated():
                self.logged_models.add(event.model_id)
            case RegisteredModelCreated():
                self.registered.add(event.name)
                if about is not None:
                    self.imported_names[about] = event.name
            case RegisteredModelDeleted():
                self.registered.discard(event.name)
            case RegisteredModelRestored():
                self.registered.add(event.name)
            case RegisteredModelRenamed():
                self.registered.discard(event.name)
                self.registered.add(event.new_name)
            case ScorerRegistered():
                self.scorers.add((event.experiment_id, event.name))
            case TraceStarted() | TraceSpansLogged():
                self.traces.add(event.trace_id)
            case EvaluationDatasetCreated():
                self.evaluated.add(event.dataset_id)
            case IssueCreated():
                self.reviewed[event.issue_id] = event.experiment_id
            case LabelSchemaCreated():
                self.reviewed[event.schema_id] = event.experiment_id
                self._review_name(event.kind.name, event.schema_id, event.name)
            case LabelSchemaUpdated(name=str(name)):
                self._review_name(event.kind.name, event.schema_id, name)
            case ReviewQueueCreated():
                self.reviewed[event.queue_id] = event.experiment_id
                self._review_name(event.kind.name, event.queue_id, event.name.lower())
            case ReviewQueueUpdated(name=str(name)):
                self._review_name(event.kind.name, event.queue_id, name.lower())
            case UserCreated():
                self.users.add(event.username)
            case UserDeleted():
                self.users.discard(event.username)
            case RoleCreated():
                self.role_names[event.role_key] = event.name
            case RoleUpdated(name=str(name)):
                self.role_names[event.role_key] = name
            case RoleDeleted():
                self.role_names.pop(event.role_key, None)
            case _:
                pass  # of no name and no id

    def _review_name(self, kind: str, identity: str, name: str) -> None:
        if identity in self.reviewed:
            self.review_names.add((kind, self.reviewed[identity], name))


async def look_at(log: EventLogReader) -> Target:
    """What the log holds now. Raises LogUnavailable."""
    ends = await log.end()
    target = Target(partitions=max(len(ends), 1))
    for partition, end in ends.items():
        offset = 0
        while offset < end:
            events = await log.read(partition, offset, limit=_READ_AT_ONCE)
            if not events:
                break
            for event in events:
                target.add(event)
            offset = events[-1].offset + 1
    return target
