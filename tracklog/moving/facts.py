"""Events of an import, each made once: with an id from what it is about, and counted in the report."""

from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from typing import Final, NamedTuple
from uuid import UUID

from schemas import codec
from schemas.envelope import EventData, importer_from
from schemas.events import AnyEvent, stream_of
from tracklog.moving.event_ids import derived, event_id
from tracklog.moving.report import Report
from tracklog.moving.roots import Roots
from tracklog.moving.target import Target

MOST_EVENT_BYTES: Final = 30 * 1024 * 1024
"""Kafka's record batches have at most 32 MiB as Tracklog makes topics; logs in databases take 64."""

LAST_MS: Final = 253_402_300_799_000
"""The end of the year 9999, after which Python has no dates."""

Counted = Mapping[str, int]
"""How many things of each kind an event brings."""


NOTHING: Final[Counted] = {}


class Made(NamedTuple):
    """An event that is to be appended, the bytes of its payload, and how many things it brings."""

    event: EventData
    size: int
    counted: Counted = NOTHING


Takes = Callable[[AnyEvent], bool]
"""Whether the target takes an event from elsewhere."""


def everything(_event: AnyEvent) -> bool:
    """A log that only this process writes takes whatever it is given."""
    return True


class Facts:
    """What all parts of a translation share: the target, where artifacts lie, the report, and the making of events."""

    def __init__(self, target: Target, roots: Roots, report: Report, takes: Takes = everything) -> None:
        self.target = target
        self.roots = roots
        self.report = report
        self._takes = takes
        self._actor = importer_from(report.source)
        self._request_id = "import-" + blake2b(report.source.encode(), digest_size=8).hexdigest()

    def event(
        self, about: str, payload: AnyEvent, time_ms: int | None, counted: Counted = NOTHING, where: str = ""
    ) -> Iterator[Made]:
        """The event, unless it is in the log already. `counted` are then there all the same."""
        if not self._takes(payload):
            self._left(counted, where or about, f"a running server takes no {payload.event_type} from elsewhere")
            return
        time_us = min(max(time_ms or 0, 0), LAST_MS) * 1000
        encoded = codec.encode(payload)
        made_of = derived(about, encoded)
        known = self.target.imported.get(made_of.about)
        if len(encoded) > MOST_EVENT_BYTES:
            self._left(counted, where or about, f"{payload.event_type} of {len(encoded)} bytes is more than logs take")
            return
        if known is None:
            self.target.imported[made_of.about] = made_of.check
            self.report.events += 1
        elif known != made_of.check:
            what = f"{payload.event_type} is not what was imported before; that stays as it is"
            self._left(counted, where or about, what)
            return
        for kind, number in counted.items():
            tally = self.report.tally(kind)
            tally.imported += number
            tally.new += number if known is None else 0
        if known is None:
            identity = event_id(time_us, made_of)
            event = EventData(identity, stream_of(payload), time_us, self._actor, self._request_id, payload)
            yield Made(event, len(encoded), counted)

    def _left(self, counted: Counted, where: str, what: str) -> None:
        self.report.odd(next(iter(counted), "events"), where.replace("\0", " "), what)
        for kind, number in counted.items():
            self.report.tally(kind).left += number

    def folder(self, found: str, path: str, kind: str, where: str) -> str:
        """The location of the artifacts of a run or a model, as Roots.folder has it."""
        location, missing = self.roots.folder(found, path)
        if missing is not None:
            self.report.odd(kind, where, missing)
        return location

    def source(self, found: str, path: str, where: str) -> str:
        """The location of the files of a model version, as Roots.source has it."""
        location, missing = self.roots.source(found, path)
        if missing is not None:
            self.report.odd("artifacts of model versions", where, missing)
        return location

    def is_there(self, about: str) -> bool:
        """Whether the log has the event that is about this."""
        return derived(about, b"").about in self.target.imported

    def lost(self, kind: str, where: str, what: str, number: int) -> None:
        """So many things of a kind stay behind."""
        if number:
            self.report.odd(kind, where, what, number)


def uuid_of(about: str) -> str:
    """An id as UUIDs are written without hyphens, the same for the same thing."""
    return UUID(bytes=blake2b(about.encode("utf-8", "surrogatepass"), digest_size=16).digest()).hex
