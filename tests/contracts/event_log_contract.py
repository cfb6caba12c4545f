"""What every adapter of the event log must do, whatever it is made of.

A test module subclasses `EventLogContract` and gives it a fixture `log`, a new, empty, open EventLog, and a fixture
`damage` for that log.
"""

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from event_log.log_until import positions_at
from event_log.port import EventFilter, EventLog, EventLogReader
from schemas import codec
from schemas.damaged_event import DAMAGED_TYPE
from schemas.envelope import Actor, EventClock, EventData, Position, Positions, RecordedEvent
from schemas.event_json import event_json
from schemas.events import AnyEvent, ExperimentCreated, Param, RunDataLogged, RunDeleted

Damage = Callable[[Position], Awaitable[None]]
"""Changes what is stored of the event at a place, as a bit that flips on a disk does."""

ANY_EVENT = EventFilter()
ACTOR = Actor("anonymous", "127.0.0.1", "pytest")
_clock = EventClock()


def event(payload: AnyEvent, actor: Actor = ACTOR) -> EventData:
    return _clock.stamp(payload, actor, "request-1")


def param(run: int, key: str, value: str = "v") -> EventData:
    return event(RunDataLogged(run_id=f"{run:032x}", params=[Param(key, value)]))


def key_of(event: RecordedEvent) -> str:
    """The key of the param that an event of `param` is about."""
    decoded = codec.decode(event)
    assert isinstance(decoded, RunDataLogged)
    return decoded.params[0].key


async def everything(log: EventLogReader, matching: EventFilter = ANY_EVENT) -> list[RecordedEvent]:
    """All events that match, partition after partition, read in small answers."""
    found: list[RecordedEvent] = []
    for partition in await log.partitions():
        offset = 0
        while events := await log.read(partition, offset, limit=7, matching=matching):
            found.extend(events)
            offset = events[-1].offset + 1
    return found


def total(end: Positions) -> int:
    return sum(end.values())


class EventLogContract:
    """The rules."""

    async def test_a_new_log_is_empty(self, log: EventLog) -> None:
        assert total(await log.end()) == 0
        assert await everything(log) == []

    async def test_it_has_an_id_that_stays(self, log: EventLog) -> None:
        before = await log.identity()
        await log.append([param(1, "p")])
        assert await log.identity() == before == str(uuid.UUID(before))
        await log.check()

    async def test_every_partition_has_an_end(self, log: EventLog) -> None:
        assert sorted(await log.end()) == sorted(await log.partitions())

    async def test_what_was_appended_is_read_back_whole(self, log: EventLog) -> None:
        sent = event(RunDataLogged(run_id="a" * 32, params=[Param("lr", "0.1")]), Actor("ada", "10.0.0.7", "client/1"))
        [position] = await log.append([sent])
        [read] = await everything(log)
        assert (read.partition, read.offset) == (position.partition, position.offset)
        assert (read.id, read.stream, read.time_us) == (sent.id, sent.stream, sent.time_us)
        assert (read.actor, read.request_id) == (sent.actor, sent.request_id)
        assert (read.type, read.version) == ("run.data-logged", 1)
        assert codec.decode(read) == sent.payload

    async def test_a_large_payload_is_read_back_whole(self, log: EventLog) -> None:
        payload = RunDataLogged(run_id="a" * 32, params=[Param(f"key-{one}", "é" * 200) for one in range(500)])
        await log.append([event(payload)])
        [read] = await everything(log)
        assert codec.decode(read) == payload

    async def test_events_of_one_append_are_side_by_side_and_in_order(self, log: EventLog) -> None:
        positions = await log.append([param(1, f"p{one}") for one in range(5)])
        assert len({position.partition for position in positions}) == 1
        first = positions[0].offset
        assert [position.offset for position in positions] == list(range(first, first + 5))
        read = await log.read(positions[0].partition, first, limit=100)
        assert [key_of(one) for one in read] == [f"p{one}" for one in range(5)]

    async def test_events_of_several_ordering_units_of_one_partition_may_be_one_append(self, log: EventLog) -> None:
        streams = [param(run, "p") for run in range(1, 100) if log.partition_of(param(run, "p").ordering_unit) == 0]
        positions = await log.append(streams[:3])
        assert [position.partition for position in positions] == [0, 0, 0]
        read = await log.read(0, positions[0].offset, limit=100)
        assert [one.stream for one in read] == [one.stream for one in streams[:3]]

    async def test_appends_of_one_stream_keep_the_order_they_were_acknowledged_in(self, log: EventLog) -> None:
        for one in range(20):
            await log.append([param(1, f"p{one}")])
        keys = [key_of(one) for one in await everything(log)]
        assert keys == [f"p{one}" for one in range(20)]

    async def test_streams_of_one_ordering_unit_share_a_partition(self, log: EventLog) -> None:
        positions = [
            (await log.append([event(ExperimentCreated(experiment_id=one, name=f"e{one}", artifact_location="x"))]))[0]
            for one in range(10)
        ]
        assert len({position.partition for position in positions}) == 1

    async def test_the_partition_of_an_ordering_unit_is_known_beforehand(self, log: EventLog) -> None:
        for one in range(10):
            sent = param(one, "p")
            expected = log.partition_of(sent.ordering_unit)
            assert [position.partition for position in await log.append([sent])] == [expected]

    async def test_concurrent_appends_are_all_there_once(self, log: EventLog) -> None:
        await asyncio.gather(*(log.append([param(one % 7, f"p{one}")]) for one in range(200)))
        read = await everything(log)
        assert sorted(key_of(one) for one in read) == sorted(f"p{one}" for one in range(200))
        assert len({(one.partition, one.offset) for one in read}) == 200

    async def test_the_end_covers_every_acknowledged_append(self, log: EventLog) -> None:
        for one in range(10):
            [position] = await log.append([param(one, "p")])
            assert (await log.end())[position.partition] == position.offset + 1

    async def test_events_are_read_at_the_offsets_asked_for(self, log: EventLog) -> None:
        places = await log.append([param(1, f"p{number}") for number in range(60)])
        partition, first = places[0].partition, places[0].offset
        wanted = [0, 1, 5, 40, 59]
        found = await log.read_at(partition, [*(first + one for one in wanted), first + 60, first + 1000])
        assert [key_of(one) for one in found] == [f"p{one}" for one in wanted]

    async def test_reading_starts_at_the_offset_asked_for_and_stops_at_the_limit(self, log: EventLog) -> None:
        positions = await log.append([param(1, f"p{one}") for one in range(9)])
        read = await log.read(positions[0].partition, positions[3].offset, limit=4)
        assert [one.offset for one in read] == [position.offset for position in positions[3:7]]

    async def test_an_event_whose_stored_bytes_were_changed_is_told_by_its_place_and_the_others_are_read(
        self, log: EventLog, damage: Damage
    ) -> None:
        sent = [param(1, f"p{one}") for one in range(5)]
        positions = [(await log.append([one]))[0] for one in sent]
        await damage(positions[2])
        read = await everything(log)
        assert [(one.partition, one.offset) for one in read] == [(one.partition, one.offset) for one in positions]
        assert [one.id for one in read if one.type != DAMAGED_TYPE] == [one.id for one in sent if one is not sent[2]]
        assert read[2].type == DAMAGED_TYPE
        with pytest.raises(codec.UndecodableEvent, match="not those that were written"):
            codec.decode(read[2])
        shown = json.loads(event_json(read[2]))
        assert "not those that were written" in shown["data"]["damage"]
        assert (shown["partition"], shown["offset"]) == (positions[2].partition, positions[2].offset)
        found = await everything(log, EventFilter(event_type="run.data-logged"))
        assert [one.id for one in found if one.type != DAMAGED_TYPE] == [one.id for one in sent if one is not sent[2]]
        [after] = await log.append([param(1, "after")])
        assert [one.offset for one in await log.read(after.partition, after.offset, limit=9)] == [after.offset]

    async def test_an_append_of_which_one_event_cannot_be_stored_leaves_none(self, log: EventLog) -> None:
        broken = event(RunDataLogged(run_id=f"{1:032x}", params=[Param("p", "\ud800")]))
        with pytest.raises(Exception):  # noqa: B017  # ingest refuses such text before
            await log.append([param(1, "a"), broken])
        assert await everything(log) == []
        await log.append([param(1, "b")])
        assert len(await everything(log)) == 1

    async def test_reading_at_the_end_finds_nothing(self, log: EventLog) -> None:
        [position] = await log.append([param(1, "p")])
        assert await log.read(position.partition, position.offset + 1, limit=10) == []

    async def test_reading_a_partition_that_is_not_there_is_an_error(self, log: EventLog) -> None:
        with pytest.raises(ValueError, match="partition"):
            await log.read(len(await log.partitions()), 0, limit=1)

    async def test_finding_out_whether_it_takes_events_appends_none(self, log: EventLog) -> None:
        before = await log.end()
        for _ in range(2):
            await log.check_appendable()
        assert await log.end() == before
        await log.append([param(1, "k")])
        await log.check_appendable()
        assert total(await log.end()) == total(before) + 1

    async def test_filters_select_by_stream_type_actor_and_time(self, log: EventLog) -> None:
        first, second = param(1, "a"), event(RunDeleted(run_id=f"{2:032x}"), Actor("ada", "", ""))
        await log.append([first])
        await log.append([second])
        assert [one.id for one in await everything(log, EventFilter(stream=first.stream))] == [first.id]
        assert [one.id for one in await everything(log, EventFilter(event_type="run.deleted"))] == [second.id]
        assert [one.id for one in await everything(log, EventFilter(actor="ada"))] == [second.id]
        assert [one.id for one in await everything(log, EventFilter(since_us=second.time_us))] == [second.id]
        assert [one.id for one in await everything(log, EventFilter(until_us=second.time_us))] == [first.id]
        assert await everything(log, EventFilter(stream=first.stream, actor="ada")) == []

    async def test_a_filter_may_end_before_an_offset(self, log: EventLog) -> None:
        sent = [param(1, key) for key in "abcd"]
        positions = await log.append(sent)
        partition, first = positions[0].partition, positions[0].offset
        for before, found in ((first, []), (first + 1, sent[:1]), (first + 3, sent[:3]), (first + 9, sent)):
            for matching in (
                EventFilter(before_offset=before),
                EventFilter(before_offset=before, stream=sent[0].stream),
            ):
                read = await log.read(partition, first, limit=9, matching=matching)
                assert [one.id for one in read] == [one.id for one in found]

    async def test_a_moment_ends_before_the_first_later_event_of_each_partition(self, log: EventLog) -> None:
        """Times may go back, and a log that has an index of them has to find the same as one that looks at each."""
        begin_us = _clock.stamp(RunDeleted(run_id="r"), ACTOR, "r").time_us - 1_000_000
        for number, later_ms in enumerate((0, 40, 20, 60, 30, 60, 50)):
            for run in (1, 2, 3):
                one = param(run, str(number))
                await log.append([msgspec.structs.replace(one, time_us=begin_us + later_ms * 1000 + run)])
        events, end = await everything(log), await log.end()
        for time_us in sorted({event.time_us + by_us for event in events for by_us in (-1, 0, 1)}):
            expected = dict(end)
            for one_event in reversed(events):
                if one_event.time_us > time_us:
                    expected[one_event.partition] = one_event.offset
            assert await positions_at(log, time_us) == expected

    async def test_a_waiting_reader_is_woken_by_an_append(self, log: EventLog) -> None:
        waiting = asyncio.create_task(log.wait_for_more(await log.end(), 3600))
        await asyncio.sleep(0)  # it has begun
        assert not waiting.done()
        await log.append([param(1, "p")])
        async with asyncio.timeout(60):
            await waiting

    async def test_waiting_ends_at_once_when_there_is_more_already(self, log: EventLog) -> None:
        before = await log.end()
        await log.append([param(1, "p")])
        async with asyncio.timeout(60):
            await log.wait_for_more(before, 3600)

    async def test_waiting_ends_after_its_bound(self, log: EventLog) -> None:
        end = await log.end()
        started = time.monotonic()
        async with asyncio.timeout(60):
            await log.wait_for_more(end, 0.2)
        assert time.monotonic() - started > 0.1
        assert await log.end() == end
