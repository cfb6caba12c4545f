"""What changed between two positions of the log: the runs and logged models that events are about."""

from collections.abc import Set
from dataclasses import dataclass, field
from typing import Final

from event_log.port import EventLogReader
from schemas.codec import UndecodableEvent, decode
from schemas.envelope import Positions, RecordedEvent
from schemas.events.experiments import EXPERIMENTS
from schemas.events.logged_models import LOGGED_MODELS
from schemas.events.runs import RUNS, RunErased
from schemas.forgotten import is_forgotten

READ_EVENTS: Final = 1000


@dataclass(slots=True)
class Touched:
    """Ids of runs and of logged models, and of the experiments all of whose runs may be other than they were."""

    runs: set[str] = field(default_factory=set)
    logged_models: set[str] = field(default_factory=set)
    experiments: set[int] = field(default_factory=set)
    erased: dict[str, int] = field(default_factory=dict)
    """The runs that events say are erased, and the experiment of each."""


_STAGES: Final[Set[str]] = frozenset({"experiment.created", "experiment.deleted", "experiment.restored"})
"""With its experiment a run is deleted and restored; runs may be folded before their experiment is created."""


async def touched_between(log: EventLogReader, begin: Positions, end: Positions) -> Touched:
    """What the events from `begin` to before `end` are about. Raises LogUnavailable."""
    touched = Touched()
    run, model, experiment = RUNS.stream(""), LOGGED_MODELS.stream(""), EXPERIMENTS.stream("")
    for partition, last in end.items():
        offset = begin.get(partition, 0)
        while offset < last:
            events = await log.read(partition, offset, limit=min(READ_EVENTS, last - offset))
            if not events:
                break
            for event in events:
                stream = event.stream
                if stream.startswith(run):
                    touched.runs.add(stream.removeprefix(run))
                    if event.type == RunErased.event_type and not is_forgotten(event.payload):
                        _note_erased(touched, event)
                elif stream.startswith(model):
                    touched.logged_models.add(stream.removeprefix(model))
                elif event.type in _STAGES:
                    touched.experiments.add(int(stream.removeprefix(experiment)))
            offset = events[-1].offset + 1
    return touched


def _note_erased(touched: Touched, recorded: RecordedEvent) -> None:
    try:
        event = decode(recorded)
    except UndecodableEvent:
        return  # it is set aside, and erased nothing
    if isinstance(event, RunErased):
        touched.erased[event.run_id] = event.experiment_id
