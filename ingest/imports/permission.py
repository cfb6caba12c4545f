"""What somebody who is no administrator may bring in: what they might have done here as well, and as themselves alone.

Each event is judged by the rules of the route that does the same. What a request itself creates was judged by what it
is in; so an experiment or a registered model, which is in nothing, comes in a request of its own.
"""

from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import urlsplit

from msgspec.structs import replace

from ingest.imports.subjects import experiments_of
from schemas.envelope import Actor, EventData
from schemas.errors import BadRequest, InvalidParameterValue
from schemas.events import (
    AnyEvent,
    EvaluationDatasetDeleted,
    ExperimentCreated,
    ExperimentDeleted,
    ExperimentRestored,
    IssueCreated,
    LabelSchemaCreated,
    LabelSchemaDeleted,
    LabelSchemaUpdated,
    LoggedModelCreated,
    LoggedModelDeleted,
    LoggedModelRestored,
    LoggedModelTagDeleted,
    ModelVersionCreated,
    ModelVersionDeleted,
    ModelVersionTagDeleted,
    RegisteredModelAliasDeleted,
    RegisteredModelCreated,
    RegisteredModelDeleted,
    RunCreated,
    RunDataLogged,
    RunDeleted,
    RunInputsLogged,
    RunOutputsLogged,
    RunRestored,
    ScorerDeleted,
    TraceDeleted,
    TraceLinkedToRun,
    TraceUnlinkedFromRun,
)
from schemas.events.model_versions import ModelVersionEvent
from schemas.levels import EXPERIMENT, REGISTERED_MODEL, SCORER, Level
from schemas.messages.imports import ImportEvents
from schemas.rest.access import (
    ARTIFACT_LOCATION,
    EVALUATION_DATASET,
    ISSUE,
    LABEL_SCHEMA,
    LOGGED_MODEL,
    MODEL_VERSION,
    REVIEW_QUEUE,
    RUN,
    SOURCE,
    TRACE,
    Asking,
    Creates,
    On,
)
from schemas.rest.rules import SCORER_VERSION

_TYPES: Final = {
    "experiment": EXPERIMENT,
    "run": RUN,
    "logged-model": LOGGED_MODEL,
    "registered-model": REGISTERED_MODEL,
    "trace": TRACE,
    "scorer": SCORER,
    "evaluation-dataset": EVALUATION_DATASET,
    "issue": ISSUE,
    "label-schema": LABEL_SCHEMA,
    "review-queue": REVIEW_QUEUE,
}
"""What rights are granted to, by the kinds of streams."""

_MANAGING: Final = (
    *(ExperimentDeleted, ExperimentRestored, RunDeleted, RunRestored),
    *(LoggedModelDeleted, LoggedModelRestored, LoggedModelTagDeleted),
    *(RegisteredModelDeleted, RegisteredModelAliasDeleted, ModelVersionDeleted, ModelVersionTagDeleted),
    *(TraceDeleted, EvaluationDatasetDeleted, ScorerDeleted),
    *(LabelSchemaCreated, LabelSchemaUpdated, LabelSchemaDeleted),
)
"""What needs more than to be let edit."""

_ALONE: Final = (ExperimentCreated, RegisteredModelCreated)

_DENIABLE: Final = {
    RUN: RUN,
    LOGGED_MODEL: LOGGED_MODEL,
    TRACE: TRACE,
    REVIEW_QUEUE: REVIEW_QUEUE,
    SCORER: SCORER_VERSION,
}
"""Of which everything may be denied, in whatever experiment."""

_SOURCES: Final = frozenset({"runs", "models", "mlflow-artifacts"})


class Bringing:
    """Who brings events, where that decides which are taken."""

    def __init__(self, asking: Asking, command: ImportEvents, actor: Actor, owner: int | None) -> None:
        self._asking = asking
        self._command = command  # for the form: no rule reads it
        self._actor = actor
        self._owner = owner

    def as_own(self, events: Iterable[EventData]) -> list[EventData]:
        """The events as what they are here: done by who brings them, who has what they create and undid nothing."""
        return [self._as_own(event) for event in events]

    def _as_own(self, event: EventData) -> EventData:
        payload = replace(event.payload, undo=None)
        if isinstance(payload, ExperimentCreated | RegisteredModelCreated):
            payload = replace(payload, owner=self._owner)
        actor = Actor(self._actor.user, event.actor.address, event.actor.user_agent)
        return replace(event, actor=actor, payload=payload)

    async def require_nothing(self) -> None:
        """What is there already needs no right: it is not brought again."""
        await self._asking.allow_by((), self._command)

    async def require(self, event: AnyEvent, created: set[tuple[str, str]], *, is_there: bool) -> None:
        """Go on only if they may bring an event. `created` is what the request itself has newly created so far, and
        `is_there` says that what the event is about is not among it.

        Raises PermissionDenied, InvalidParameterValue, BadRequest, TemporarilyUnavailable.
        """
        if isinstance(event, _ALONE) and not is_there and len(self._command.events) > 1:
            raise InvalidParameterValue(
                "Who is no administrator brings what creates an experiment or a registered model in a request of its"
                " own."
            )
        if isinstance(event, _MANAGING) and not is_there and not experiments_of(event):
            raise InvalidParameterValue(
                f"Who is no administrator brings {event.event_type} in another request than what it is about."
            )
        rule = tuple(_rule(event, created, is_there=is_there))
        await self._asking.allow_by(rule, self._command)


def _rule(event: AnyEvent, created: set[tuple[str, str]], *, is_there: bool) -> Iterator[On | Creates]:
    level = Level.MANAGE if isinstance(event, _MANAGING) else Level.EDIT
    of = MODEL_VERSION if isinstance(event, ModelVersionEvent) else _TYPES[event.kind.name]
    if is_there:
        yield _on(level, of, event.stream_key)
    elif isinstance(event, _ALONE):
        yield Creates(of)
    for experiment_id in experiments_of(event):
        yield _on(level, EXPERIMENT, str(experiment_id), unless_denied=_DENIABLE.get(of, ""))
    for location in _locations(event):
        yield _on(Level.EDIT, ARTIFACT_LOCATION, location)
    for named_level, named_type, stream, key in _named(event):
        if key and (stream, key) not in created:
            yield _on(named_level, named_type, key)
    if isinstance(event, ModelVersionCreated):
        for uri in {event.source, event.storage_location}:
            parts = urlsplit(uri)
            if parts.scheme not in _SOURCES or (parts.netloc and parts.scheme == "mlflow-artifacts"):
                raise BadRequest(
                    "Only administrators may bring a version whose files are neither those of a run or a model of this"
                    " server nor below mlflow-artifacts:/."
                )
            yield _on(Level.READ, SOURCE, uri)


def _on(level: Level, of: str, key: str, *, unless_denied: str = "") -> On:
    return On(level, of, lambda _message: (key,), unless_denied=unless_denied)


def _locations(event: AnyEvent) -> Iterator[str]:
    """Where artifacts are to lie, where the event says so."""
    if isinstance(event, ExperimentCreated | LoggedModelCreated) and event.artifact_location:
        yield event.artifact_location
    if isinstance(event, RunCreated) and event.artifact_uri:
        yield event.artifact_uri


def _named(event: AnyEvent) -> Iterator[tuple[Level, str, str, str]]:
    """What an event names beside what it is about: level, type, kind of stream and key."""
    match event:
        case RunDataLogged():
            yield from (_model(one.model_id) for one in event.model_metrics)
        case RunInputsLogged():
            yield from (_model(one) for one in event.model_ids)
        case RunOutputsLogged():
            yield from (_model(one.model_id) for one in event.models)
        case LoggedModelCreated() | IssueCreated():
            yield Level.READ, RUN, "run", event.source_run_id or ""
        case TraceLinkedToRun() | TraceUnlinkedFromRun():
            yield Level.EDIT, RUN, "run", event.run_id
        case ModelVersionCreated():
            yield Level.READ, RUN, "run", event.run_id
            yield Level.READ, LOGGED_MODEL, "logged-model", event.logged_model_id
        case _:
            pass


def _model(model_id: str) -> tuple[Level, str, str, str]:
    return Level.EDIT, LOGGED_MODEL, "logged-model", model_id
