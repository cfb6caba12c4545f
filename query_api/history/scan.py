"""Whether an event is wanted, for who reads a log from its beginning, without an index."""

from query_api.history.wanted import Wanted
from read_model.history.terms import owned_stream, owner_made, stream_term, terms_of
from schemas.codec import UndecodableEvent, decode
from schemas.envelope import RecordedEvent
from schemas.events import AnyEvent


class Scan:
    """Asked of every event of a log, in the order of each partition: it remembers whose runs and logged models are."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._owners: dict[int, int] = {}

    def finds(self, event: RecordedEvent) -> bool:
        wanted = self._wanted
        try:
            decoded: AnyEvent | None = decode(event)
        except UndecodableEvent:
            decoded = None
        owned = owned_stream(event, decoded)
        owner = None
        if owned is not None:
            made = owner_made(decoded)
            if made is not None:
                self._owners[stream_term(owned)] = made
            owner = self._owners.get(stream_term(owned))
        if (wanted.since_us is not None and event.time_us < wanted.since_us) or (
            wanted.until_us is not None and event.time_us >= wanted.until_us
        ):
            return False
        terms = set(terms_of(event, decoded, owner))
        return all(
            any(source.term in terms and source.has(event.offset) for source in sources)
            for sources in wanted.conditions
        ) and wanted.matches(event)
