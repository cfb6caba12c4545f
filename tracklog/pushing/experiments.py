"""Experiments of the log that is pushed: which they are on the other server.

They are the same by name. An experiment whose name is not there yet is created, with an id that is made of the name;
one whose name is there is marked with a tag, so that it stays the same one when it is renamed there. Lifecycle and name
stay each server's own: what one laptop deletes, others may log to.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from schemas.envelope import RecordedEvent
from schemas.events import (
    ExperimentCreated,
    ExperimentDeleted,
    ExperimentRenamed,
    ExperimentRestored,
    ExperimentTagDeleted,
    ExperimentTagSet,
)
from schemas.events.experiments import ExperimentEvent
from tracklog.pushing import derived
from tracklog.pushing.central import Central
from tracklog.pushing.outgoing import Outgoing, outgoing
from tracklog.pushing.report import Report

DEFAULT_ID: Final = 0
"""Every server has it."""

MARK: Final = "tracklog.pushed."
"""The tag of an experiment that was there already: then the id that it would else have been created with."""


@dataclass(slots=True)
class _Here:
    name: str
    there: int | None = None  # its id there, once it is known


class ExperimentsThere:
    """Follows what experiments are called here, and finds them there."""

    def __init__(self, central: Central, report: Report) -> None:
        self._central = central
        self._report = report
        self._here: dict[int, _Here] = {}
        self._names: dict[str, int] = {}

    def there(self, experiment_id: int) -> int | None:
        """The id there of an experiment that was pushed; None of one that is not here."""
        here = self._here.get(experiment_id)
        return None if here is None else here.there

    def events(self, recorded: RecordedEvent, event: ExperimentEvent) -> Iterator[Outgoing]:
        """What an event of an experiment comes to there."""
        if isinstance(event, ExperimentCreated):
            if event.experiment_id not in self._here and event.name not in self._names:  # else it was refused here
                yield from self._created(recorded, event)
            return
        here = self._here.get(event.experiment_id)
        if here is None or here.there is None:
            return
        match event:
            case ExperimentTagSet() | ExperimentTagDeleted():
                yield outgoing(recorded, replace(event, experiment_id=here.there))
            case ExperimentRenamed():
                self._renamed(here, event)
            case ExperimentDeleted() | ExperimentRestored():
                done = "deleted" if isinstance(event, ExperimentDeleted) else "restored"
                self._report.note("left", f"experiment '{here.name}' was {done} here; there it stays as it is")
            case _:
                pass  # of users and requests of here

    def _created(self, recorded: RecordedEvent, event: ExperimentCreated) -> Iterator[Outgoing]:
        here = self._here[event.experiment_id] = _Here(event.name)
        self._names[event.name] = event.experiment_id
        wanted = derived.experiment_id(event.name)
        if event.experiment_id == DEFAULT_ID:
            here.there = DEFAULT_ID
        elif self._central.experiment(wanted):
            # Said once more: it is as old as the oldest that is pushed.
            here.there = wanted
            yield self._creation(recorded, event, wanted)
        elif (marked := self._central.experiment_with_tag(f"{MARK}{wanted}")) is not None:
            here.there = marked
        elif (named := self._central.experiment_named(event.name)) is not None:
            here.there = named
            self._report.note("joined", f"experiment '{event.name}' is experiment {named} there")
            mark = ExperimentTagSet(experiment_id=named, key=f"{MARK}{wanted}", value=event.name)
            yield outgoing(recorded, mark, f"mark\0{named}")
        else:
            here.there = wanted
            yield self._creation(recorded, event, wanted)
        for tag in event.tags:
            tag_set = ExperimentTagSet(experiment_id=here.there, key=tag.key, value=tag.value)
            yield outgoing(recorded, tag_set, f"tag\0{tag.key}")

    def leave(self, experiment_id: int) -> None:
        """The server does not take it, so nothing that is in it is sent."""
        here = self._here.get(experiment_id)
        if here is not None:
            here.there = None

    @staticmethod
    def _creation(recorded: RecordedEvent, event: ExperimentCreated, wanted: int) -> Outgoing:
        """The location of artifacts that a server passes is left to the other server."""
        location = "" if event.artifact_location.startswith("mlflow-artifacts:") else event.artifact_location
        return outgoing(recorded, replace(event, experiment_id=wanted, tags=[], artifact_location=location))

    def _renamed(self, here: _Here, event: ExperimentRenamed) -> None:
        if event.name in self._names:
            return  # it was refused here
        self._report.note(
            "left", f"experiment '{here.name}' is called '{event.name}' here now; there it keeps its name"
        )
        del self._names[here.name]
        self._names[event.name] = event.experiment_id
        here.name = event.name
