"""Events of the history as Parquet: the rows of `query_api.history.formats.csv_text`, with their types."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from query_api.frames.arrow import arrow
from query_api.frames.parquet import ParquetFile
from query_api.history.described import described
from query_api.history.formats import CSV_COLUMNS
from schemas.envelope import RecordedEvent


def events_schema() -> Any:
    """The columns of CSV_COLUMNS with their types."""
    pyarrow = arrow()
    types = {
        "time": pyarrow.timestamp("us", tz="UTC"),
        "partition": pyarrow.int32(),
        "offset": pyarrow.int64(),
    }
    return pyarrow.schema([(name, types.get(name, pyarrow.string())) for name in CSV_COLUMNS])


def event_batch(events: Sequence[RecordedEvent]) -> Any:
    """The record batch of one or more events."""
    columns: Any = zip(*map(_row, events), strict=True)
    return arrow().record_batch(list(map(list, columns)), schema=events_schema())


class EventsInParquet:
    """A file of events, handed out piece by piece. Raises NotImplementedYet without pyarrow."""

    def __init__(self) -> None:
        self._schema = events_schema()
        self._file = ParquetFile(self._schema)

    def add(self, events: Sequence[RecordedEvent]) -> bytes:
        """The bytes that are final."""
        return self.add_batch(event_batch(events)) if events else b""

    def add_batch(self, batch: Any) -> bytes:
        """Rows as another such file has them."""
        return self._file.add(batch.cast(self._schema))

    def end(self) -> bytes:
        return self._file.end()


def parquet_of(events: Sequence[RecordedEvent]) -> bytes:
    """A whole file."""
    file = EventsInParquet()
    return file.add(events) + file.end()


def _row(event: RecordedEvent) -> tuple[Any, ...]:
    """In the order of CSV_COLUMNS. What UTF-8 cannot say is a question mark, as it is in CSV."""
    actor = event.actor
    texts = (actor.user, described(event), event.type, event.stream, actor.address, actor.user_agent, event.request_id)
    return (
        event.time_us,
        *(text.encode("utf-8", "replace").decode() for text in texts),
        *(event.partition, event.offset, event.id.hex(), event.payload.decode("utf-8", "replace")),
    )


def one_file(pages: Iterable[bytes]) -> Iterator[bytes]:
    """The rows of several such files as one."""
    pyarrow = arrow()
    from pyarrow import parquet

    events = EventsInParquet()
    for page in pages:
        for batch in parquet.read_table(pyarrow.BufferReader(page)).to_batches():
            yield events.add_batch(batch)
    yield events.end()
