"""What follows from the events of an archive alone, made when it is written and again when it is verified."""

from typing import Any

from query_api.frames.arrow import arrow
from schemas.codec import UndecodableEvent, decode
from schemas.envelope import RecordedEvent
from schemas.events import AnyEvent, ArtifactDeleted, ArtifactUploaded, RunDataLogged


def points_schema() -> Any:
    """A row for each point, with the place of the event that brought it."""
    pyarrow = arrow()
    return pyarrow.schema(
        [
            ("run_id", pyarrow.string()),
            ("key", pyarrow.string()),
            ("step", pyarrow.int64()),
            ("timestamp", pyarrow.timestamp("ms", tz="UTC")),
            ("value", pyarrow.float64()),
            ("partition", pyarrow.int32()),
            ("offset", pyarrow.int64()),
        ]
    )


def points_of(recorded: RecordedEvent, event: AnyEvent | None) -> Any | None:
    """The record batch of the points that an event brought; None where it brought none."""
    if not isinstance(event, RunDataLogged) or not event.metrics:
        return None
    columns: list[list[Any]] = [[], [], [], [], []]
    for series in event.metrics:
        count = len(series.step)
        columns[0] += [event.run_id] * count
        columns[1] += [series.key] * count
        columns[2] += series.step
        columns[3] += series.timestamp_ms
        columns[4] += map(float, series.value)
    rows = len(columns[0])
    schema = points_schema()
    values = [*columns, [recorded.partition] * rows, [recorded.offset] * rows]
    arrays = [arrow().array(one, field.type) for one, field in zip(values, schema, strict=True)]
    return arrow().record_batch(arrays, schema=schema)


class ArtifactsThen:
    """The artifacts that were there after some events."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], dict[str, Any]] = {}

    def add(self, recorded: RecordedEvent, event: AnyEvent | None) -> None:
        if isinstance(event, ArtifactUploaded):
            self._found[event.root, event.path] = {
                "path": event.path,
                **({"root": event.root} if event.root else {}),
                "size": event.size,
                "sha256": event.sha256,
                "event": f"{recorded.partition}:{recorded.offset}",
            }
        elif isinstance(event, ArtifactDeleted):
            self._found = {
                (root, path): one
                for (root, path), one in self._found.items()
                if root != event.root or (path != event.path and not path.startswith(f"{event.path}/"))
            }

    def listed(self) -> list[dict[str, Any]]:
        return [self._found[key] for key in sorted(self._found)]


def event_or_none(recorded: RecordedEvent) -> AnyEvent | None:
    """None for an event that cannot be read, or was forgotten."""
    try:
        return decode(recorded)
    except UndecodableEvent:
        return None
