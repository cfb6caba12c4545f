"""Events of one log as they are on another server.

Runs and logged models keep their ids. Experiments and registered models are the same by name. What is of users, rights
and webhooks stays where it is; of artifacts their uploads tell.
"""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from msgspec.structs import replace

from schemas import codec
from schemas.codec import UndecodableEvent
from schemas.envelope import RecordedEvent
from schemas.event_json import event_id_text
from schemas.events import (
    LoggedModelCreated,
    LoggedModelVersionRegistered,
    ModelVersionCreated,
    RunCreated,
    RunDataLogged,
    Tag,
)
from schemas.events.experiments import ExperimentEvent
from schemas.events.registered_models import RegisteredModelEvent
from schemas.messages.bounds import MAX_TAG_CHARACTERS
from tracklog.pushing.central import Central
from tracklog.pushing.experiments import ExperimentsThere
from tracklog.pushing.outgoing import Outgoing, as_stored, outgoing
from tracklog.pushing.registered_models import ModelsThere
from tracklog.pushing.report import Report

CONFLICT_TAG: Final = "tracklog.push.conflict."
"""Of a run, then the key of a param: the value that was logged offline, where it has another there."""

PROXIED: Final = "mlflow-artifacts"
_MODELS: Final = "models"


class Translation:
    """Events in the order of the log, from its beginning: what experiments and models are called, they say."""

    def __init__(self, central: Central, report: Report) -> None:
        self._central = central
        self._report = report
        self.experiments = ExperimentsThere(central, report)
        self.models = ModelsThere(self.location, report)

    def events(self, recorded: RecordedEvent) -> Iterator[Outgoing]:
        """What an event comes to there, if anything."""
        kind = recorded.stream.partition("/")[0]
        if kind not in _PUSHED:
            return
        try:
            event = codec.decode(recorded)
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
                if (there := self.experiments.there(event.experiment_id)) is not None:
                    location = "" if _is_proxied(event.artifact_uri) else event.artifact_uri
                    yield outgoing(recorded, replace(event, experiment_id=there, artifact_uri=location))
            case LoggedModelCreated():
                if (there := self.experiments.there(event.experiment_id)) is not None:
                    location = "" if _is_proxied(event.artifact_location) else event.artifact_location
                    yield outgoing(recorded, replace(event, experiment_id=there, artifact_location=location))
            case LoggedModelVersionRegistered():
                if (version := self.models.number(event.name, event.version)) is not None:
                    name, number = version
                    yield outgoing(recorded, replace(event, name=name, version=number))
            case _:
                yield as_stored(recorded)

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


_PUSHED: Final = frozenset({"experiment", "run", "logged-model", "registered-model"})
_KEY: Final = 250


def _is_proxied(location: str) -> bool:
    return urlsplit(location).scheme == PROXIED


def path_of(location: str) -> list[str] | None:
    """The parts of a path in the destination; None of a location that is elsewhere."""
    if not _is_proxied(location):
        return None
    return [part for part in urlsplit(location).path.split("/") if part]


def folder_there(central: Central, parts: list[str]) -> str | None:
    """Where there the artifacts are of the run or the logged model that a path here is of."""
    if len(parts) > 2 and parts[1] == _MODELS:
        return central.model_artifacts(parts[2])
    return central.run_artifacts(parts[1]) if len(parts) > 1 else None
