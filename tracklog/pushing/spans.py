"""The spans of a trace on their way: what came in one request may be more than one request of a push takes."""

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from schemas.envelope import RecordedEvent
from schemas.events import TraceSpansLogged
from tracklog.pushing.outgoing import Outgoing, outgoing

MAX_VALUES: Final = 50_000
"""In JSON, of the 65,536 that a request may have."""

MAX_BYTES: Final = 4 * 1024 * 1024


def in_pieces(recorded: RecordedEvent, event: TraceSpansLogged, about: str = "") -> Iterator[Outgoing]:
    """The event, or several that have its spans in their order; a span alone is sent however large it is.

    The ids are made of that of the event, so the pieces are the same at every push.
    """
    whole = outgoing(recorded, event, about)
    count = len(event.spans)
    if count < 2 or (whole.weight.values <= MAX_VALUES and whole.weight.size <= MAX_BYTES):
        yield whole
        return
    for number, spans in enumerate((event.spans[: count // 2], event.spans[count // 2 :])):
        yield from in_pieces(recorded, replace(event, spans=spans), f"{about or 'spans'}\0{number}")
