"""A push: the log is read in its order, and what it comes to is sent in batches, each durable when it is answered.

What is there is known there, by the ids of events. So a push may be killed anywhere, repeated, and be two at once.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from msgspec.structs import replace

from event_log.port import EventFilter, EventLogReader
from schemas import codec
from schemas.codec import UndecodableEvent
from schemas.envelope import PARTITION, RecordedEvent
from schemas.event_json import event_id_text
from schemas.events import ExperimentCreated, RunDataLogged, RunParamCorrected, TraceDeleted
from schemas.events.experiments import ExperimentEvent
from schemas.events.registered_models import REGISTERED_MODELS, RegisteredModelEvent
from tracklog.bringing.requests import Gathered, Refused
from tracklog.pushing.artifacts import FilePush, stream_of_folder
from tracklog.pushing.central import FORBIDDEN, Central, NotAllowed, Taken
from tracklog.pushing.cursor import Cursor, CursorFile
from tracklog.pushing.outgoing import Outgoing
from tracklog.pushing.report import Report
from tracklog.pushing.translation import Translation

_READ_AT_ONCE: Final = 1000
_NOTHING: Final = Taken(0, {}, {})

Show = Callable[[int, int], None]
"""Called with how many events are done, and of how many."""


class CursorWrong(Exception):
    """What an earlier push brought is not there any more: the server has an older state, or another log."""


_Batch = Gathered[tuple[RecordedEvent, Outgoing]]
"""What is to be sent together, with the events of here that it comes of."""


class Push:
    """One push of the log `log` to `central`. `artifacts` None: files stay here."""

    def __init__(
        self,
        log: EventLogReader,
        central: Central,
        report: Report,
        cursor: CursorFile,
        artifacts: FilePush | None,
        show: Show,
    ) -> None:
        self._log = log
        self._central = central
        self._report = report
        self._file = cursor
        self._artifacts = artifacts
        self._show = show
        self._not_allowed: set[str] = set()  # streams here of which nothing more is sent
        self._kept = 0  # offset of the first event that was not allowed

    async def run(self) -> None:
        """Send everything that is not there. Raises Refused, and what reading the log raises."""
        end = (await self._log.end())[PARTITION]
        try:
            await self._push(end)
        except CursorWrong:
            self._file.write(self._file.begin())
            self._report.note("begun anew", "the server does not have what an earlier push brought")
            await self._push(end)

    async def _push(self, end: int) -> None:
        cursor = self._file.read()
        self._translation = Translation(self._central, self._report)
        batch = _Batch()
        self._not_allowed = set()
        self._kept = end
        folders: dict[str, None] = {}
        last = cursor.last
        async for recorded in self._events(end):
            kind, _, key = recorded.stream.partition("/")
            if kind == "artifact" and recorded.offset >= cursor.artifacts:
                folders[key] = None
            is_done = recorded.offset < cursor.events
            if is_done and kind not in _REMEMBERED and recorded.offset != cursor.last:
                continue
            if recorded.stream in self._not_allowed or recorded.stream in self._translation.left:
                continue
            if kind == REGISTERED_MODELS.name or recorded.type == ExperimentCreated.event_type:
                await self._flush(batch)  # where the files of a version are, the server says of runs that it has
            try:
                made = list(self._translation.events(recorded))
            except NotAllowed as error:
                self._leave(recorded, str(error))
                continue
            for one in made:
                if kind == REGISTERED_MODELS.name:
                    await self._send_alone(recorded, one)
                elif recorded.offset == cursor.last and not self._report.dry_run:
                    self._check_there(one)
                elif not is_done:
                    if not batch.takes(one.weight):
                        await self._flush(batch)
                        reached = replace(cursor, events=recorded.offset, last=last)
                        self._keep(reached)
                    batch.add((recorded, one), one.weight)
                    last = recorded.offset
                    if isinstance(one.event, ExperimentCreated):
                        await self._flush(batch)  # who is no administrator creates it in a request of its own
        await self._flush(batch)
        self._keep(replace(cursor, events=end, last=last))
        self._show(end, end)
        if self._artifacts is not None:
            for folder in folders:
                if stream_of_folder(folder) not in self._not_allowed | self._translation.left:
                    self._artifacts.push(folder)
            self._keep(replace(cursor, events=end, last=last, artifacts=end))

    def _check_there(self, one: Outgoing) -> None:
        """Raises CursorWrong where the server has not the last event that an earlier push sent."""
        try:
            taken = self._central.send([one.document])
        except Refused as error:
            raise CursorWrong from error
        if taken.new:
            raise CursorWrong

    def _keep(self, cursor: Cursor) -> None:
        """What was not allowed is offered again by the next push: it may be allowed then."""
        if not self._report.dry_run:
            reached = {"events": min(cursor.events, self._kept), "artifacts": min(cursor.artifacts, self._kept)}
            self._file.write(replace(cursor, **reached))

    def _leave(self, recorded: RecordedEvent, why: str) -> None:
        """Send nothing more of a stream, and nothing that is in it."""
        self._kept = min(self._kept, recorded.offset)
        self._not_allowed.add(recorded.stream)
        self._report.note("not allowed", f"{recorded.type} of {recorded.stream}, and what comes after it: {why}")
        event = codec.decode(recorded)
        if isinstance(event, ExperimentEvent):
            self._translation.experiments.leave(event.experiment_id)

    async def _events(self, end: int) -> AsyncIterator[RecordedEvent]:
        offset = 0
        while offset < end:
            events = await self._log.read(PARTITION, offset, limit=min(_READ_AT_ONCE, end - offset))
            if not events:
                return
            for event in events:
                yield event
            offset = events[-1].offset + 1
            self._show(offset, end)

    async def _flush(self, batch: _Batch) -> None:
        if batch.events:
            await self._send(batch.take())

    async def _send(self, events: Sequence[tuple[RecordedEvent, Outgoing]]) -> Taken:
        """Send, and see to what is refused. Of a batch with an event that the server does not take, each alone."""
        self._report.sent += len(events)
        if self._report.dry_run:
            return _NOTHING
        try:
            taken = self._central.send([one.document for _, one in events])
        except Refused as error:
            if error.status not in (400, 403, 413):
                raise
            if len(events) > 1:
                self._report.sent -= len(events)
                for alone in events:
                    if alone[0].stream not in self._not_allowed:
                        await self._send([alone])
                return _NOTHING
            if error.status == FORBIDDEN:
                self._leave(events[0][0], str(error))
                return _NOTHING
            if events[0][0].type not in _GONE_ANYWAY:
                self._report.note("left", f"event {events[0][1].id}: {error}")
            return _NOTHING
        self._report.new += taken.new
        for recorded, one in events:
            if one.id in taken.refused:
                await self._refused(recorded, one, taken.refused[one.id])
        return taken

    async def _send_alone(self, recorded: RecordedEvent, one: Outgoing) -> None:
        """An event of a registered model, whose later events are said by what becomes of it."""
        assert isinstance(one.event, RegisteredModelEvent)
        event = codec.decode(recorded)
        assert isinstance(event, RegisteredModelEvent)
        self._translation.models.took(event.name, one, await self._send([(recorded, one)]))

    async def _refused(self, recorded: RecordedEvent, one: Outgoing, reason: str) -> None:
        """What the fold there refused, though it held here, is said; and what it held beside a param is kept."""
        if (
            recorded.type in _TOLD
            or recorded.stream.startswith("registered-model/")
            or one.id != event_id_text(recorded.id)
        ):
            return
        if await self._was_refused_here(recorded):
            return
        left = self._translation.without_conflicts(recorded)
        if left is None:
            self._report.note("refused", f"{recorded.type} of {recorded.stream}: {reason}")
        else:
            await self._send([(recorded, left)])

    async def _was_refused_here(self, recorded: RecordedEvent) -> bool:
        """Whether it conflicted with a param here already."""
        params: dict[str, str] = {}
        offset = 0
        while events := await self._log.read(
            PARTITION, offset, limit=_READ_AT_ONCE, matching=EventFilter(stream=recorded.stream)
        ):
            for one in events:
                held = _takes(params, one)
                if one.offset == recorded.offset:
                    return not held
            offset = events[-1].offset + 1
        return False


def _takes(params: dict[str, str], recorded: RecordedEvent) -> bool:
    """What an event makes of the params of its run; False where it is refused for one of them."""
    try:
        event = codec.decode(recorded)
    except UndecodableEvent:
        return True
    if isinstance(event, RunParamCorrected):
        if event.value is None:
            params.pop(event.key, None)
        else:
            params[event.key] = event.value
    if isinstance(event, RunDataLogged):
        if any(params.get(one.key, one.value) != one.value for one in event.params):
            return False
        for one in event.params:
            params[one.key] = one.value
    return True


_TOLD: Final = frozenset({ExperimentCreated.event_type})
"""Of an experiment that another push created, and that has another name there now."""

_GONE_ANYWAY: Final = frozenset({TraceDeleted.event_type})
"""Of a trace that was deleted here before it was pushed."""

_REMEMBERED: Final = frozenset({"experiment", "registered-model"})
"""Their earlier events say what they are called, and which they are there."""
