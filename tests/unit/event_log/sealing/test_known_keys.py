"""Keys are asked for in few questions, believed for a while, and kept up to a bound."""

import asyncio
from collections.abc import Collection, Mapping

import pytest

from event_log.port import LogUnavailable
from event_log.sealing.known_keys import KEPT_KEYS, LEASE_S, KnownStreamKeys
from event_log.sealing.memory_stream_keys import MemoryStreamKeys
from schemas.envelope import Position


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> MemoryStreamKeys:
    return MemoryStreamKeys()


@pytest.fixture
def known(store: MemoryStreamKeys, clock: Clock) -> KnownStreamKeys:
    return KnownStreamKeys(store, clock=clock)


async def test_a_batch_is_one_question_and_the_next_none(known: KnownStreamKeys, store: MemoryStreamKeys) -> None:
    streams = {f"run/{number}" for number in range(50)}
    made = await known.to_seal(streams)
    assert await known.to_open(streams) == made
    assert store.asked == [streams]
    await known.to_open({"run/1", "run/unknown"})
    assert store.asked[1:] == [{"run/unknown"}]


async def test_what_is_asked_for_meanwhile_is_asked_together(clock: Clock) -> None:
    class Answering(MemoryStreamKeys):
        async def made(self, streams: Collection[str]) -> Mapping[str, bytes | None]:
            answer = await super().made(streams)
            await asyncio.sleep(0)
            return answer

    store = Answering()
    known = KnownStreamKeys(store, clock=clock)
    await asyncio.gather(*(known.to_seal({f"run/{number}"}) for number in range(100)))
    assert [len(one) for one in store.asked] == [1, 99]


async def test_a_destroyed_key_is_forgotten_when_its_time_is_up(
    known: KnownStreamKeys, store: MemoryStreamKeys, clock: Clock
) -> None:
    assert (await known.to_seal({"run/a"}))["run/a"] is not None
    await store.destroy(["run/a"])
    clock.now_s += LEASE_S
    assert await known.to_open({"run/a"}) == {"run/a": None}
    assert await known.to_seal({"run/a"}) == {"run/a": None}


async def test_the_time_counts_from_the_question_and_not_from_its_answer(store: MemoryStreamKeys, clock: Clock) -> None:
    class Slow(MemoryStreamKeys):
        async def found(self, streams: Collection[str]) -> Mapping[str, bytes | None]:
            answer = await store.found(streams)
            clock.now_s += LEASE_S
            await store.destroy(streams)
            return answer

    await store.made(["run/a"])
    known = KnownStreamKeys(Slow(), clock=clock)
    await known.to_open({"run/a"})
    store.asked.clear()
    await known.to_open({"run/a"})
    assert store.asked == [{"run/a"}]


async def test_a_key_that_was_never_there_is_not_remembered(known: KnownStreamKeys) -> None:
    assert await known.to_open({"run/a"}) == {}
    assert (await known.to_seal({"run/a"}))["run/a"] is not None
    assert (await known.to_open({"run/a"}))["run/a"] is not None


async def test_no_more_than_a_bound_are_kept_and_those_in_use_longest(
    known: KnownStreamKeys, store: MemoryStreamKeys
) -> None:
    await known.to_seal({"run/used"})
    for start in range(0, 2 * KEPT_KEYS, KEPT_KEYS // 2):
        made = await known.to_seal({f"run/{number}" for number in range(start, start + KEPT_KEYS // 2)})
        assert len(made) == KEPT_KEYS // 2
        await known.to_open({"run/used"})
    assert len(known._known) == KEPT_KEYS
    store.asked.clear()
    await known.to_open({"run/used", "run/0"})
    assert store.asked == [{"run/0"}]


async def test_more_than_are_kept_are_answered_at_once(known: KnownStreamKeys) -> None:
    assert len(await known.to_seal({f"run/{number}" for number in range(KEPT_KEYS + 10)})) == KEPT_KEYS + 10


async def test_a_question_that_fails_is_asked_again_by_the_next(clock: Clock) -> None:
    class Away(MemoryStreamKeys):
        is_away = True

        async def made(self, streams: Collection[str]) -> Mapping[str, bytes | None]:
            if self.is_away:
                raise LogUnavailable("away")
            return await super().made(streams)

    store = Away()
    known = KnownStreamKeys(store, clock=clock)
    failed = await asyncio.gather(known.to_seal({"run/a"}), known.to_seal({"run/b"}), return_exceptions=True)
    assert [type(one) for one in failed] == [LogUnavailable] * 2
    store.is_away = False
    assert set(await known.to_seal({"run/a"})) == {"run/a"}


async def test_what_is_passed_over_is_asked_for_once_in_a_while(
    known: KnownStreamKeys, store: MemoryStreamKeys, clock: Clock
) -> None:
    assert await known.passed_over() == set()
    await store.pass_over([Position(0, 7)])
    assert await known.passed_over() == set()
    clock.now_s += LEASE_S
    assert await known.passed_over() == {Position(0, 7)}
