"""A batch is a fair share of what waits in each partition, bounded in events and bytes."""

from collections import deque

import pytest
from msgspec.structs import replace

from projector.batch import take
from schemas.envelope import RecordedEvent
from tests.unit.projector.histories import log_of, metric


async def queue_of(partition: int, count: int, size: int = 1) -> deque[RecordedEvent]:
    [event] = (await log_of(metric()))._events[0]
    return deque(replace(event, partition=partition, offset=offset, payload=bytes(size)) for offset in range(count))


def counts(events: list[RecordedEvent]) -> dict[int, int]:
    found: dict[int, int] = {}
    for event in events:
        found[event.partition] = found.get(event.partition, 0) + 1
    return found


async def test_a_partition_with_much_waiting_leaves_the_others_their_share() -> None:
    hot, quiet = await queue_of(0, 1000), await queue_of(1, 10)
    assert counts(take([hot, quiet], max_events=100)) == {0: 90, 1: 10}


async def test_large_events_of_one_partition_leave_the_others_their_share_of_the_bytes() -> None:
    hot, quiet = await queue_of(0, 1000, size=100), await queue_of(1, 1000, size=1)
    found = counts(take([hot, quiet], max_events=1000, max_bytes=1000))
    assert found[1] == 500
    assert found[0] == 5


async def test_what_one_partition_does_not_need_the_others_get() -> None:
    queues = [await queue_of(one, count) for one, count in enumerate([1, 2, 500])]
    assert counts(take(queues, max_events=300)) == {0: 1, 1: 2, 2: 297}


async def test_an_event_larger_than_a_batch_is_taken_all_the_same() -> None:
    assert len(take([await queue_of(0, 3, size=5000)], max_bytes=1000)) == 1


@pytest.mark.parametrize("max_events", [1, 7, 100])
async def test_events_of_a_partition_keep_their_order_and_none_is_lost(max_events: int) -> None:
    queues = [await queue_of(one, 30) for one in range(3)]
    taken: list[RecordedEvent] = []
    while batch := take(queues, max_events=max_events):
        taken += batch
    for partition in range(3):
        assert [event.offset for event in taken if event.partition == partition] == list(range(30))


async def test_nothing_waiting_is_an_empty_batch() -> None:
    assert take([deque(), deque()]) == []
