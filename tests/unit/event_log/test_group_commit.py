"""Which appends go into one commit, what may wait for it, and how all of them are answered."""

import asyncio
from collections.abc import Sequence

import pytest

from event_log.group_commit import GroupCommit, WaitingAppend, WaitingBytes
from event_log.port import EventTooLarge, LogOverloaded, LogUnavailable

Batch = list[WaitingAppend[str]]


class Log:
    """A log that commits when it is told to."""

    def __init__(
        self, waiting_bytes: WaitingBytes | None = None, *, max_events: int = 100, max_bytes: int = 10_000
    ) -> None:
        self.waiting_bytes = waiting_bytes or WaitingBytes("the log", max_append_bytes=1000, max_waiting_bytes=100)
        self.appends: GroupCommit[str] = GroupCommit(self.waiting_bytes, max_events=max_events, max_bytes=max_bytes)
        self.commits: list[list[str]] = []

    def append(self, *events: str, size: int = 1, arrived_s: float = 0.0) -> "asyncio.Future[int]":
        return self.appends.append(events, size, arrived_s)

    def commit(self) -> Batch:
        """Commit the next batch."""
        batch = self.appends.take()
        first = sum(map(len, self.commits))
        self.commits.append(events_of(batch))
        assert self.appends.confirm(batch, first) == first + len(self.commits[-1])
        return batch


def events_of(batch: Sequence[WaitingAppend[str]]) -> list[str]:
    return [event for append in batch for event in append.events]


async def test_what_waits_is_committed_together_in_order_and_each_append_learns_its_first_offset() -> None:
    log = Log()
    first = [log.append("a"), log.append("b", "c"), log.append("d")]
    log.commit()
    second = log.append("e")
    log.commit()
    assert log.commits == [["a", "b", "c", "d"], ["e"]]
    assert await asyncio.gather(*first, second) == [0, 1, 3, 4]
    assert not log.appends


async def test_what_arrives_while_a_commit_is_under_way_is_in_the_next() -> None:
    log = Log()
    log.append("a")
    batch = log.appends.take()
    assert not log.appends
    log.append("b")
    assert (events_of(batch), events_of(log.appends.take()), log.appends.take()) == (["a"], ["b"], [])


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({"max_events": 4}, [["a1", "a2", "b1", "b2"], ["c1", "c2"]]),
        ({"max_events": 3}, [["a1", "a2"], ["b1", "b2"], ["c1", "c2"]]),
        ({"max_events": 1}, [["a1", "a2"], ["b1", "b2"], ["c1", "c2"]]),
        ({"max_bytes": 20}, [["a1", "a2", "b1", "b2"], ["c1", "c2"]]),
        ({"max_bytes": 19}, [["a1", "a2"], ["b1", "b2"], ["c1", "c2"]]),
        ({"max_bytes": 1}, [["a1", "a2"], ["b1", "b2"], ["c1", "c2"]]),
    ],
    ids=str,
)
async def test_a_commit_is_bounded_and_no_append_is_split(bounds: dict[str, int], expected: list[list[str]]) -> None:
    log = Log(None, **bounds)
    for name in "abc":
        log.append(f"{name}1", f"{name}2", size=10)
    while log.appends:
        log.commit()
    assert log.commits == expected


async def test_an_append_that_is_too_large_is_refused_and_nothing_waits() -> None:
    log = Log()
    with pytest.raises(EventTooLarge, match="makes 1001 bytes of events; at most 1000 fit"):
        log.append("a", size=1001)
    assert not log.appends
    assert log.waiting_bytes.total == 0


async def test_beyond_what_may_wait_appends_are_refused_until_others_are_answered() -> None:
    log = Log()
    log.append("a", size=60)
    with pytest.raises(LogOverloaded, match="60 bytes already wait for the log"):
        log.append("b", size=41)
    log.append("c", size=40)
    batch = log.appends.take()
    with pytest.raises(LogOverloaded):  # what is being committed has no answer yet
        log.append("d", size=1)
    log.appends.confirm(batch, 0)
    log.append("d", size=100)


async def test_an_append_larger_than_what_may_wait_is_taken_alone() -> None:
    log = Log()
    log.append("a", size=1000)
    with pytest.raises(LogOverloaded):
        log.append("b", size=1)
    log.commit()
    log.append("b", size=1)


async def test_a_trial_without_events_is_always_taken_and_is_a_commit() -> None:
    log = Log()
    log.append("a", size=1000)
    trial = log.append(size=0)
    log.commit()
    assert await trial == 1
    trial = log.append(size=0)
    assert len(log.commit()) == 1
    assert await trial == 1


async def test_partitions_share_what_may_wait() -> None:
    one = Log()
    other = Log(one.waiting_bytes)
    one.append("a", size=60)
    with pytest.raises(LogOverloaded):
        other.append("b", size=60)
    one.commit()
    other.append("b", size=60)


async def test_a_refused_batch_is_answered_with_the_error_and_makes_room() -> None:
    log = Log()
    appends = [log.append("a", size=50), log.append("b", size=50)]
    log.appends.refuse(log.appends.take(), LogUnavailable("the disk is full"))
    for append in appends:
        with pytest.raises(LogUnavailable, match="the disk is full"):
            await append
    assert log.waiting_bytes.total == 0


@pytest.mark.parametrize("error", [None, LogUnavailable("the disk is full")], ids=["confirmed", "refused"])
async def test_an_append_that_was_cancelled_while_it_was_committed_hinders_no_answer(error: Exception | None) -> None:
    log = Log()
    cancelled, kept = log.append("a", size=50), log.append("b", size=50)
    batch = log.appends.take()
    cancelled.cancel()
    if error is None:
        log.appends.confirm(batch, 7)
        assert await kept == 8
    else:
        log.appends.refuse(batch, error)
        assert kept.exception() is error
    assert log.waiting_bytes.total == 0


async def test_what_was_cancelled_before_its_commit_can_be_left_out() -> None:
    log = Log()
    log.append("a", size=50).cancel()
    kept = log.append("b", size=50)
    batch = log.appends.drop_cancelled(log.appends.take())
    assert events_of(batch) == ["b"]
    assert log.waiting_bytes.total == 50
    log.appends.confirm(batch, 0)
    assert await kept == 0


async def test_a_batch_that_was_put_back_is_first_again_and_still_counts_as_waiting() -> None:
    log = Log()
    log.append("a", size=30)
    log.append("b", size=30)
    batch = log.appends.take()
    log.append("c", size=30)
    log.appends.put_back(batch)
    assert log.waiting_bytes.total == 90
    assert events_of(log.appends.take()) == ["a", "b", "c"]


async def test_a_batch_that_was_put_back_singly_is_taken_one_by_one_and_later_appends_together() -> None:
    log = Log()
    for name in "ab":
        log.append(name)
    batch = log.appends.take()
    for name in "cd":
        log.append(name)
    log.appends.put_back(batch, singly=True)
    while log.appends:
        log.commit()
    assert log.commits == [["a"], ["b"], ["c", "d"]]


async def test_appends_that_waited_too_long_can_be_taken_to_be_refused() -> None:
    log = Log()
    for name, arrived_s in (("a", 1.0), ("b", 2.0), ("c", 3.0)):
        log.append(name, arrived_s=arrived_s)
    assert events_of(log.appends.take_arrived_before(1.0)) == []
    assert events_of(log.appends.take_arrived_before(2.5)) == ["a", "b"]
    assert [append.events for append in log.appends] == [("c",)]
