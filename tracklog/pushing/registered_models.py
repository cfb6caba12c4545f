"""Registered models of the log that is pushed, which are the same there by name.

A model that the push creates is as it is here. To one that was there already it adds versions, and what is said of
these; its aliases, stages, description and tags stay as they are. Versions get the next free numbers there. Models are
neither renamed nor deleted by a push.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from msgspec.structs import replace

from schemas.envelope import RecordedEvent
from schemas.event_json import event_id_text
from schemas.events import (
    ModelVersionCreated,
    ModelVersionDeleted,
    ModelVersionRestored,
    ModelVersionTagDeleted,
    ModelVersionTagSet,
    ModelVersionTransitioned,
    ModelVersionUpdated,
    RegisteredModelAliasSet,
    RegisteredModelCreated,
    RegisteredModelDeleted,
    RegisteredModelOwnerRemoved,
    RegisteredModelRenamed,
    RegisteredModelRestored,
)
from schemas.events.model_versions import AnyModelVersionEvent
from schemas.events.registered_models import AnyRegisteredModelEvent
from tracklog.pushing.central import Taken
from tracklog.pushing.outgoing import Outgoing, outgoing
from tracklog.pushing.report import Report

Location = Callable[[str, ModelVersionCreated], str]
"""Where there a version's files lie whose location here is given."""


@dataclass(slots=True)
class _Model:
    """`name` is what it is called there, `is_ours` whether the push created it."""

    registered_model_id: str
    name: str
    is_ours: bool = True
    newest: int = 0
    numbers: dict[int, int] = field(default_factory=dict)  # there, by those of here
    versions: dict[str, int] = field(default_factory=dict)  # numbers here, by the ids of the events


class ModelsThere:
    """Follows what models are called and how versions are numbered here, and learns the numbers of there."""

    def __init__(self, location: Location, report: Report) -> None:
        self._location = location
        self._report = report
        self._models: dict[str, _Model] = {}
        self._deleted: dict[str, _Model] = {}  # here, by their ids

    def number(self, name: str, version: int) -> tuple[str, int] | None:
        """Name and number there of a version of here."""
        model = self._models.get(name)
        there = None if model is None else model.numbers.get(version)
        return None if model is None or there is None else (model.name, there)

    def events(
        self, recorded: RecordedEvent, event: AnyRegisteredModelEvent | AnyModelVersionEvent
    ) -> Iterator[Outgoing]:
        """What an event of a model or a version comes to there. The answer to each is for `took`."""
        model = self._models.get(event.name)
        if isinstance(event, RegisteredModelCreated):
            if model is None:  # else it was refused here
                self._models[event.name] = _Model(event.registered_model_id, event.name)
                yield outgoing(recorded, event)
            return
        if isinstance(event, RegisteredModelRestored):
            there = self._deleted.pop(event.registered_model_id, None)
            if model is None and there is not None:
                self._models[event.name] = there
            return
        if model is None or isinstance(event, RegisteredModelOwnerRemoved):
            return
        match event:
            case RegisteredModelRenamed():
                if event.new_name not in self._models:
                    self._models[event.new_name] = self._models.pop(event.name)
                    self._left(event.name, f"is called '{event.new_name}' here now; there it is '{model.name}'")
            case RegisteredModelDeleted():
                self._deleted[model.registered_model_id] = self._models.pop(event.name)
                self._left(event.name, "was deleted here; there it stays")
            case ModelVersionRestored():
                if (number := model.numbers.pop(event.version, None)) is not None:
                    self._left(event.name, f"has version {event.version} again here; there version {number} stays gone")
            case ModelVersionCreated():
                model.newest += 1
                model.versions[event_id_text(recorded.id)] = model.newest
                location = self._location(event.storage_location, event)
                source = location if event.source == event.storage_location else event.source
                yield outgoing(recorded, replace(event, name=model.name, source=source, storage_location=location))
            case (
                ModelVersionUpdated()
                | ModelVersionTransitioned()
                | ModelVersionDeleted()
                | ModelVersionTagSet()
                | ModelVersionTagDeleted()
            ):
                number = model.numbers.get(event.version)
                if number is None:
                    return
                if isinstance(event, ModelVersionTransitioned) and not model.is_ours:
                    self._left(event.name, f"has version {event.version} in stage {event.stage} here")
                else:
                    yield outgoing(recorded, replace(event, name=model.name, version=number))
            case _ if not model.is_ours:
                self._left(event.name, f"had a change here ({event.event_type}) that is not made there")
            case RegisteredModelAliasSet():
                if (number := model.numbers.get(event.version)) is not None:
                    yield outgoing(recorded, replace(event, name=model.name, version=number))
            case _:
                yield outgoing(recorded, replace(event, name=model.name))

    def took(self, name: str, sent: Outgoing, taken: Taken) -> None:
        """What the server answered to an event of the model that is called `name` here."""
        model = self._models.get(name)
        if model is None:
            return
        if isinstance(sent.event, RegisteredModelCreated) and sent.id in taken.refused:
            model.is_ours = False
            self._report.note("joined", f"registered model '{name}' is there already: versions are added to it")
        here = model.versions.get(sent.id)
        number = taken.versions.get(sent.id)
        if here is not None and number is not None:
            model.numbers[here] = number
            if here != number:
                self._report.note("renumbered", f"version {here} of registered model '{name}' is {number} there")

    def _left(self, name: str, what: str) -> None:
        self._report.note("left", f"registered model '{name}' {what}")
