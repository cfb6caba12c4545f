"""Events of one log as they are on another server.

Runs, logged models, traces and whatever else has an id keep it. Experiments and registered models are the same by name.
What is of users, rights and webhooks stays where it is; of artifacts their uploads tell.
"""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from msgspec.structs import replace

from schemas import codec
from schemas.codec import ForgottenEvent, UndecodableEvent
from schemas.envelope import RecordedEvent
from schemas.event_json import event_id_text
from schemas.events import (
    EvaluationDatasetCreated,
    EvaluationDatasetDeleted,
    EvaluationDatasetErased,
    EvaluationDatasetExperimentsAdded,
    EvaluationDatasetExperimentsRemoved,
    EvaluationDatasetRestored,
    IssueCreated,
    IssueErased,
    LabelSchemaCreated,
    LabelSchemaErased,
    LoggedModelCreated,
    LoggedModelErased,
    LoggedModelVersionRegistered,
    ModelVersionCreated,
    PromptVersion,
    ReviewQueueCreated,
    ReviewQueueErased,
    RunCreated,
    RunDataLogged,
    RunErased,
    ScorerDeleted,
    ScorerErased,
    ScorerOnlineConfigSet,
    ScorerRegistered,
    Tag,
    TracePromptsLinked,
    TracePromptsUnlinked,
    TraceSpansLogged,
    TraceStarted,
    Undo,
)
from schemas.events.experiments import ExperimentEvent
from schemas.events.registered_models import RegisteredModelEvent
from schemas.fields.evaluation_datasets import EXPERIMENTS
from schemas.fields.traces import LINKED_PROMPTS
from schemas.messages.bounds import MAX_TAG_CHARACTERS
from tracklog.pushing.central import Central
from tracklog.pushing.experiments import ExperimentsThere
from tracklog.pushing.outgoing import Outgoing, as_stored, outgoing
from tracklog.pushing.registered_models import ModelsThere
from tracklog.pushing.report import Report
from tracklog.pushing.spans import in_pieces

CONFLICT_TAG: Final = "tracklog.push.conflict."
"""Of a run, then the key of a param: the value that was logged offline, where it has another there."""

PROXIED: Final = "mlflow-artifacts"
_MODELS: Final = "models"
_TRACES: Final = "traces"


def _of_there(undo: Undo | None) -> Undo | None:
    """What an event says that it undoes, without fields that are named for experiments and prompts of here."""
    if undo is None:
        return None
    found = {field: value for field, value in undo.found.items() if not field.startswith((EXPERIMENTS, LINKED_PROMPTS))}
    return Undo(undo.events, found)


class Translation:
    """Events in the order of the log, from its beginning: what experiments and models are called, they say."""

    def __init__(self, central: Central, report: Report) -> None:
        self._central = central
        self._report = report
        self.experiments = ExperimentsThere(central, report)
        self.models = ModelsThere(self.location, report)
        self.left: set[str] = set()
        """Streams of what is in an experiment that is not pushed."""

    def events(self, recorded: RecordedEvent) -> Iterator[Outgoing]:
        """What an event comes to there, if anything."""
        kind = recorded.stream.partition("/")[0]
        if kind not in _PUSHED:
            return
        try:
            event = codec.decode(recorded)
        except ForgottenEvent:
            self._report.forgotten += 1
            return
        except UndecodableEvent as error:
            self._report.note("left", f"event {event_id_text(recorded.id)}: {error}")
            return
        match event:
            case ExperimentEvent():
                yield from self.experiments.events(recorded, event)
            case RegisteredModelEvent():
                # Of the same bases are the events of its versions.
                yield from self.models.events(recorded, event)
            case RunCreated():
                if (there := self._there(recorded, event.experiment_id)) is not None:
                    location = "" if _is_proxied(event.artifact_uri) else event.artifact_uri
                    yield outgoing(recorded, replace(event, experiment_id=there, artifact_uri=location))
            case LoggedModelCreated():
                if (there := self._there(recorded, event.experiment_id)) is not None:
                    location = "" if _is_proxied(event.artifact_location) else event.artifact_location
                    yield outgoing(recorded, replace(event, experiment_id=there, artifact_location=location))
            case LoggedModelVersionRegistered():
                if (version := self.models.number(event.name, event.version)) is not None:
                    name, number = version
                    yield outgoing(recorded, replace(event, name=name, version=number))
            case (
                TraceStarted()
                | IssueCreated()
                | LabelSchemaCreated()
                | ReviewQueueCreated()
                | ScorerRegistered()
                | ScorerOnlineConfigSet()
            ):
                if (there := self._there(recorded, event.experiment_id)) is not None:
                    yield outgoing(recorded, replace(event, experiment_id=there))
            case TraceSpansLogged():
                if (there := self._there(recorded, event.experiment_id)) is not None:
                    yield from in_pieces(recorded, replace(event, experiment_id=there))
            case TracePromptsLinked() | TracePromptsUnlinked():
                prompts = [self._prompt(one) for one in event.prompts]
                yield outgoing(recorded, replace(event, prompts=prompts, undo=_of_there(event.undo)))
            case (
                EvaluationDatasetCreated()
                | EvaluationDatasetRestored()
                | EvaluationDatasetExperimentsAdded()
                | EvaluationDatasetExperimentsRemoved()
            ):
                known = [there for one in event.experiment_ids if (there := self.experiments.there(one)) is not None]
                yield outgoing(recorded, replace(event, experiment_ids=known, undo=_of_there(event.undo)))
            case EvaluationDatasetDeleted() if event.undo is not None:
                yield outgoing(recorded, replace(event, undo=_of_there(event.undo)))
            case ScorerDeleted():
                # Its versions have other numbers there, where somebody else registered some.
                self._report.note("left", f"of the scorer '{event.name}' something was deleted here; there it stays")
            case (
                RunErased()
                | LoggedModelErased()
                | ScorerErased()
                | IssueErased()
                | LabelSchemaErased()
                | ReviewQueueErased()
                | EvaluationDatasetErased()
            ):
                self._report.note("left", f"{recorded.stream} was erased here; what was pushed of it stays")
            case _:
                yield as_stored(recorded)

    def _there(self, recorded: RecordedEvent, experiment_id: int) -> int | None:
        """The id there of the experiment that an event puts something into."""
        there = self.experiments.there(experiment_id)
        if there is None:
            self.left.add(recorded.stream)
        return there

    def _prompt(self, here: PromptVersion) -> PromptVersion:
        """A version of a prompt as it is called there; one that nobody registered here is left as it is."""
        return PromptVersion(*(self.models.number(here.name, here.version) or (here.name, here.version)))

    def without_conflicts(self, recorded: RecordedEvent) -> Outgoing | None:
        """What is left of data that were refused for a param that has another value there: all the others, and tags
        that say what was logged here. None where there is no such param."""
        event = codec.decode(recorded)
        if not isinstance(event, RunDataLogged) or not event.params:
            return None
        there = self._central.params(event.run_id)
        conflicts = [one for one in event.params if there.get(one.key, one.value) != one.value]
        if not conflicts:
            return None
        for one in conflicts:
            self._report.note(
                "conflict",
                f"param '{one.key}' of run {event.run_id} is {there[one.key]!r:.100} there, {one.value!r:.100} here",
            )
        tags = [Tag(f"{CONFLICT_TAG}{one.key}"[:_KEY], one.value[:MAX_TAG_CHARACTERS]) for one in conflicts]
        params = [one for one in event.params if one not in conflicts]
        return outgoing(recorded, replace(event, params=params, tags=[*event.tags, *tags]), "without conflicts")

    def location(self, here: str, event: ModelVersionCreated) -> str:
        """Where there the files of a version lie, which are artifacts of a run or a logged model here."""
        parts = path_of(here)
        if parts is None or self._report.dry_run:
            return here
        folder = folder_there(self._central, parts)
        if folder is None:
            self._report.note("left", f"the files of a version of '{event.name}' are not pushed: {here}")
            return here
        rest = parts[4:] if parts[1:2] == [_MODELS] else parts[3:]
        return "/".join([folder.rstrip("/"), *rest])


_PUSHED: Final = frozenset(
    {
        *("experiment", "run", "logged-model", "registered-model"),
        *("trace", "scorer", "evaluation-dataset", "issue", "label-schema", "review-queue"),
    }
)
_KEY: Final = 250


def _is_proxied(location: str) -> bool:
    return urlsplit(location).scheme == PROXIED


def path_of(location: str) -> list[str] | None:
    """The parts of a path in the destination; None of a location that is elsewhere."""
    if not _is_proxied(location):
        return None
    return [part for part in urlsplit(location).path.split("/") if part]


def folder_there(central: Central, parts: list[str]) -> str | None:
    """Where there the artifacts are of the run, the logged model or the trace that a path here is of."""
    if len(parts) > 2 and parts[1] == _MODELS:
        return central.model_artifacts(parts[2])
    if len(parts) > 2 and parts[1] == _TRACES:
        return central.trace_artifacts(parts[2])
    return central.run_artifacts(parts[1]) if len(parts) > 1 else None
