"""The outbox: what there is to tell webhooks of, at the position of the event that said it.

It is filled in the commit that folds the event, so nothing is told that the fold refused, and nothing is forgotten. A
rebuild fills it with the same rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from projector.changes import Row
from schemas.envelope import RecordedEvent
from schemas.events import AnyEvent, ModelVersionCreated
from schemas.webhook_events import CreatedModelVersionData, Data


@dataclass(frozen=True, slots=True)
class Said:
    """What a webhook is told: the name of an announcement, and the data of its payload."""

    event: str
    data: Data


Announce = Callable[[Any, Any], Said | None]
"""From the state of the projection, after its fold, and the event; None where there is nothing to tell."""


def outbox_row(state: Any, recorded: RecordedEvent, event: AnyEvent) -> Row | None:
    """The row of `outbox` for an event that was just folded into `state`; None where nobody is told of it."""
    announce = _ANNOUNCES.get(type(event))
    said = None if announce is None else announce(state, event)
    if said is None:
        return None
    data = msgspec.json.encode(said.data).decode()
    return (recorded.partition, recorded.offset, said.event, recorded.stream, recorded.time_us, data)


def _model_version_created(registry: Any, event: ModelVersionCreated) -> Said:
    data = CreatedModelVersionData(
        name=event.name,
        version=str(registry.models[event.name].last_version),
        source=event.source,
        run_id=event.run_id or None,
        tags={tag.key: tag.value for tag in event.tags},
        description=event.description or None,
    )
    return Said("model_version.created", data)


_ANNOUNCES: Final[dict[type, Announce]] = {ModelVersionCreated: _model_version_created}
