"""The sender: who is told of what, in which order, how often, and when no more."""

import asyncio
import dataclasses
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.errors import TemporarilyUnavailable
from tests.eventually import until
from tracklog.webhooks.call import Call, Outcome
from tracklog.webhooks.deliveries import Delivery, delivery_id_of
from tracklog.webhooks.delivery_store import DeliveryStore, SqliteDeliveryStore
from tracklog.webhooks.outbox_reader import OutboxReader, OutboxRow, Statement, Subscription
from tracklog.webhooks.secrets import SecretUnreadable
from tracklog.webhooks.sender import Sender
from tracklog.webhooks.sender_rules import SenderRules

pytestmark = pytest.mark.slow

EVENT = "run.finished"
RULES = SenderRules(poll_s=0.005, poll_without_webhooks_s=0.005, renew_s=0.02, lease_s=10.0)


class Outbox(OutboxReader):
    """Webhooks and rows as a test puts them there."""

    def __init__(self) -> None:
        self.subscriptions: dict[str, Subscription] = {}
        self.written: list[OutboxRow] = []
        self.checkpoint: int | None = None  # None: everything written is folded
        self.is_away = False
        self.looks = 0

    async def is_looked_at_again(self, times: int = 3) -> None:
        """Wait until a sender has looked so often: at all there is when it is thrice.

        The first may be under way, and what the second starts is done when the third begins.
        """
        last = self.looks + times
        await until(lambda: self.looks >= last)

    async def webhooks(self) -> tuple[dict[int, int], list[Subscription]]:
        self.looks += 1
        if self.is_away:
            raise TemporarilyUnavailable("The read model is away.")
        checkpoint = len(self.written) if self.checkpoint is None else self.checkpoint
        return {0: checkpoint}, list(self.subscriptions.values())

    async def rows(self, partition: int, offset: int, limit: int) -> list[OutboxRow]:
        return self.written[offset : offset + limit]

    async def _fetch(self, *statements: Statement) -> list[Sequence[Sequence[Any]]]:
        raise NotImplementedError

    def subscribe(self, webhook_id: str, since: int = 0, **given: Any) -> None:
        values = {"url": f"https://{webhook_id}", "events": frozenset({EVENT}), "status": "ACTIVE", "secret_id": ""}
        fields: dict[str, Any] = {**values, "since": (since,), "pauses": (), "last_updated_ms": 0, **given}
        self.subscriptions[webhook_id] = Subscription(webhook_id, **fields)

    def happens(self, stream: str, event: str = EVENT) -> int:
        """The offset of what happened."""
        offset = len(self.written)
        self.written.append(OutboxRow(0, offset, event, stream, offset, '{"run_id":"r"}'))
        return offset


Answer = Callable[[Call], Awaitable[Outcome]]


class Receivers:
    """What was called, in order, and what is answered: 200 unless a test says otherwise for a host."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answers: dict[str, Answer] = {}
        self.under_way: dict[str, int] = defaultdict(int)
        self.most_under_way: dict[str, int] = defaultdict(int)

    async def call(self, call: Call) -> Outcome:
        host = call.url.removeprefix("https://")
        self.calls.append(call)
        self.under_way[host] += 1
        self.most_under_way[host] = max(self.most_under_way[host], self.under_way[host])
        try:
            answer = self.answers.get(host)
            return Outcome(call.number, 5, 200) if answer is None else await answer(call)
        finally:
            self.under_way[host] -= 1

    def positions(self, host: str) -> list[int]:
        """The offsets of the events that a host was told of."""
        return [int(header(call, "X-Tracklog-Event-Position")[2:]) for call in self.calls if call.url.endswith(host)]


def header(call: Call, name: str) -> str:
    return next((value for key, value in call.headers if key == name), "")


def answering(*statuses: int) -> Answer:
    """One status after another, the last for ever."""
    left = itertools.chain(statuses, itertools.repeat(statuses[-1]))

    async def answer(call: Call) -> Outcome:
        return Outcome(call.number, 5, next(left), "told")

    return answer


async def fine(call: Call) -> Outcome:
    return Outcome(call.number, 5, 200)


async def for_ever(call: Call) -> Outcome:
    await asyncio.Event().wait()
    raise AssertionError("never answered")


class World:
    """A store, an outbox and receivers, and a time that only a test moves."""

    def __init__(self, store: DeliveryStore) -> None:
        self.store = store
        self.outbox = Outbox()
        self.receivers = Receivers()
        self.now_us = 1_700_000_000_000_000
        self.secrets: dict[str, str] = {}

    async def open_secret(self, secret_id: str) -> str:
        if secret_id not in self.secrets:
            raise SecretUnreadable("No key opens its secret.")
        return self.secrets[secret_id]

    async def log_end(self) -> dict[int, int]:
        return {0: len(self.outbox.written)}

    def sender(self, rules: SenderRules = RULES) -> Sender:
        return Sender(
            self.store,
            self.outbox,
            self.log_end,
            self.receivers.call,
            self.open_secret,
            rules,
            now_us=lambda: self.now_us,
            chance=lambda: 0.0,
        )

    @asynccontextmanager
    async def sending(self, rules: SenderRules = RULES) -> AsyncIterator[Sender]:
        sender, stopping = self.sender(rules), asyncio.Event()
        running = asyncio.create_task(sender.run(stopping))
        try:
            yield sender
        finally:
            stopping.set()
            await running

    async def settled(self, webhook_id: str) -> None:
        """Wait until nothing is pending of what happened."""
        for _ in range(10_000):
            cursor = (await self.store.cursors()).get((webhook_id, 0))
            counts = await self.store.count(webhook_id)
            if cursor is not None and cursor.next_offset >= len(self.outbox.written) and not counts["pending"]:
                return
            await asyncio.sleep(0.002)
        raise TimeoutError

    async def delivery(self, webhook_id: str, offset: int) -> Delivery:
        found = await self.store.delivery(webhook_id, delivery_id_of(webhook_id, 0, offset, offset))
        assert found is not None
        return found

    async def is_state(self, webhook_id: str, offset: int, state: str) -> None:
        for _ in range(10_000):
            found = await self.store.delivery(webhook_id, delivery_id_of(webhook_id, 0, offset, offset))
            if found is not None and found.state == state:
                return
            await asyncio.sleep(0.002)
        raise TimeoutError

    async def is_set_aside(self, webhook_id: str) -> str:
        for _ in range(10_000):
            state = await self.store.state(webhook_id)
            if state.set_aside_us is not None:
                return state.reason
            await asyncio.sleep(0.002)
        raise TimeoutError


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    store = SqliteDeliveryStore(tmp_path / "log.webhooks")
    yield World(store)
    await store.close()


async def test_the_pause_is_another_while_there_is_no_webhook(world: World) -> None:
    never_s = 3600.0
    async with world.sending(dataclasses.replace(RULES, poll_s=never_s)):
        await world.outbox.is_looked_at_again()
    world.outbox.subscribe("w")
    async with world.sending(dataclasses.replace(RULES, poll_without_webhooks_s=never_s)):
        await world.outbox.is_looked_at_again()


async def test_a_webhook_is_told_of_what_it_subscribed_to_and_of_nothing_before_it_was_made(world: World) -> None:
    world.outbox.happens("run/a")
    world.outbox.subscribe("w", since=1)
    told = world.outbox.happens("run/a")
    world.outbox.happens("run/a", "run.failed")
    async with world.sending() as sender:
        await world.settled("w")
    assert world.receivers.positions("w") == [told]
    call = world.receivers.calls[0]
    assert msgspec.json.decode(call.body)["data"] == {"run_id": "r"}
    assert header(call, "X-MLflow-Delivery-Id") == delivery_id_of("w", 0, told, told)
    assert header(call, "X-Tracklog-Webhook-Id") == "w"
    assert sender.counts.delivered == 1


async def test_what_happens_while_it_sends_is_sent_too(world: World) -> None:
    world.outbox.subscribe("w")
    async with world.sending():
        for number in range(20):
            world.outbox.happens(f"run/{number % 3}")
            await asyncio.sleep(0)
        await world.settled("w")
    assert sorted(world.receivers.positions("w")) == list(range(20))


async def test_order_is_kept_within_a_stream_whatever_fails(world: World) -> None:
    world.outbox.subscribe("w")
    streams = [f"run/{number % 4}" for number in range(40)]
    for stream in streams:
        world.outbox.happens(stream)
    chance = itertools.cycle([500, 200, 200, 503, 200])

    async def answer(call: Call) -> Outcome:
        await asyncio.sleep(0)
        return Outcome(call.number, 5, next(chance))

    world.receivers.answers["w"] = answer
    async with world.sending():
        while True:
            world.now_us += 2_000_000
            try:
                async with asyncio.timeout(0.02):
                    await world.settled("w")
                    break
            except TimeoutError:
                continue
    first_told: dict[str, list[int]] = defaultdict(list)
    for position in world.receivers.positions("w"):
        if position not in first_told[streams[position]]:
            first_told[streams[position]].append(position)
    for stream, told in first_told.items():
        assert told == [number for number in range(40) if streams[number] == stream]


async def test_a_failure_is_tried_again_with_the_same_id_and_timestamp(world: World) -> None:
    world.outbox.subscribe("w")
    world.outbox.happens("run/a")
    world.receivers.answers["w"] = answering(500, 404, 302, 200)
    async with world.sending():
        for tries in (1, 2, 3):
            await until(lambda tries=tries: len(world.receivers.calls) == tries)  # type: ignore[misc]
            world.now_us += 10_000_000
        await world.settled("w")
    calls = world.receivers.calls
    assert len(calls) == 4
    assert len({(header(one, "X-MLflow-Delivery-Id"), header(one, "X-MLflow-Timestamp")) for one in calls}) == 1
    delivery = await world.delivery("w", 0)
    assert (delivery.state, delivery.attempts) == ("delivered", 4)
    assert [attempt.status for attempt in delivery.history] == [500, 404, 302, 200]
    assert delivery.history[0].answer == "told"


async def test_a_delivery_that_fails_for_a_day_is_parked_and_the_next_is_sent(world: World) -> None:
    world.outbox.subscribe("w")
    world.outbox.happens("run/a")
    world.receivers.answers["w"] = answering(500, 500, 200)
    async with world.sending() as sender:
        await until(lambda: len(world.receivers.calls) == 1)
        world.outbox.happens("run/a")
        world.now_us += 24 * 3600 * 1_000_000
        await world.is_state("w", 0, "parked")
        await world.settled("w")
        assert sender.counts.parked == 1
    assert (await world.delivery("w", 1)).state == "delivered"
    assert await world.store.count("w") == {"pending": 0, "parked": 1}


async def test_a_receiver_that_is_gone_for_good_is_set_aside_at_once(world: World) -> None:
    world.outbox.subscribe("w")
    for _ in range(3):
        world.outbox.happens("run/a")
    world.receivers.answers["w"] = answering(410)
    async with world.sending():
        assert await world.is_set_aside("w") == "The receiver answered 410 Gone."
    assert len(world.receivers.calls) == 1


async def test_too_many_that_were_parked_in_a_row_set_a_webhook_aside_and_it_goes_on_where_it_was(world: World) -> None:
    world.outbox.subscribe("w")
    for number in range(5):
        world.outbox.happens(f"run/{number}")
    world.receivers.answers["w"] = answering(500, 500, 500, 500, 500, 500, 500, 500, 500, 500, 200)
    rules = changed(RULES, parked_in_row=5)
    async with world.sending(rules):
        await until(lambda: len(world.receivers.calls) == 5)
        world.now_us += 24 * 3600 * 1_000_000
        assert await world.is_set_aside("w") == "5 deliveries in a row were given up."
        world.outbox.happens("run/later")
        calls = len(world.receivers.calls)
        await world.outbox.is_looked_at_again()
        assert len(world.receivers.calls) == calls
        await world.store.resume("w")
        await world.settled("w")
    assert (await world.delivery("w", 5)).state == "delivered"
    assert (await world.store.state("w")).set_aside_us is None


async def test_how_many_were_parked_in_a_row_is_counted_over_all_senders(world: World) -> None:
    world.outbox.subscribe("w")
    world.receivers.answers["w"] = answering(500)
    rules = changed(RULES, parked_in_row=4)
    for number in range(4):
        world.outbox.happens(f"run/{number}")
        async with world.sending(rules):
            await until(lambda: len(world.receivers.calls) % 2 == 1)
            world.now_us += 24 * 3600 * 1_000_000
            await world.is_state("w", number, "parked")
    assert await world.is_set_aside("w") == "4 deliveries in a row were given up."


@pytest.mark.parametrize("answers", [(500,), (500, 200, 500)], ids=["nothing", "something"])
async def test_a_webhook_is_set_aside_when_nothing_was_delivered_for_a_week(
    world: World, answers: tuple[int, ...]
) -> None:
    world.outbox.subscribe("w")
    world.receivers.answers["w"] = answering(*answers)
    begin_us = world.now_us
    for day in range(10):
        world.now_us = begin_us + day * 24 * 3600 * 1_000_000
        world.outbox.happens(f"run/{day}")
        async with world.sending():  # each a process of its own
            while day not in world.receivers.positions("w"):
                await asyncio.sleep(0.002)
        state = await world.store.state("w")
        if state.set_aside_us is not None:
            break
    assert day == 7 if answers == (500,) else day > 7
    assert await world.is_set_aside("w") == "Nothing was delivered for 7 days."
    await world.store.resume("w")
    assert (await world.store.state("w")).failing_since_us is None


def changed(rules: SenderRules, **values: Any) -> SenderRules:

    return dataclasses.replace(rules, **values)


async def test_a_webhook_that_was_set_aside_goes_on_when_it_is_changed(world: World) -> None:
    world.outbox.subscribe("w")
    world.outbox.happens("run/a")
    world.receivers.answers["w"] = answering(410, 200)
    async with world.sending():
        await world.is_set_aside("w")
        world.outbox.happens("run/a")
        world.outbox.subscribe("w", url="https://elsewhere", last_updated_ms=world.now_us // 1000 + 1)
        await world.is_state("w", 1, "delivered")
    assert world.receivers.positions("elsewhere") == [1]


async def test_a_receiver_that_hangs_stops_itself_alone(world: World) -> None:
    world.outbox.subscribe("slow")
    world.outbox.subscribe("quick")
    for number in range(100):
        world.outbox.happens(f"run/{number}")
    world.receivers.answers["slow"] = for_ever
    async with world.sending(changed(RULES, under_way=8, drain_s=0.01)):
        await world.settled("quick")
    assert len(world.receivers.positions("quick")) == 100
    assert world.receivers.most_under_way["slow"] == 8


def failing_below(offset: int, *, instead: Answer) -> Answer:
    """Another answer for the events before an offset."""

    async def answer(call: Call) -> Outcome:
        is_before = int(header(call, "X-Tracklog-Event-Position")[2:]) < offset
        return await (instead(call) if is_before else fine(call))

    return answer


@pytest.mark.parametrize("instead", [answering(500), for_ever], ids=["fails", "hangs"])
async def test_a_stream_that_fails_stops_no_other_however_much_of_it_waits(world: World, instead: Answer) -> None:
    world.outbox.subscribe("w")
    for number in range(2000):
        world.outbox.happens("run/bad" if number < 1200 else f"run/{number % 3}")
    world.receivers.answers["w"] = failing_below(1200, instead=instead)
    async with world.sending(changed(RULES, drain_s=0.01)):
        await until(lambda: len(set(world.receivers.positions("w"))) == 801)
    assert set(world.receivers.positions("w")) == {0, *range(1200, 2000)}
    world.receivers.calls.clear()
    del world.receivers.answers["w"]
    world.now_us += 10_000_000
    async with world.sending():
        await world.settled("w")
    assert [one for one in world.receivers.positions("w") if one < 1200] == list(range(1200))


async def test_of_streams_that_fail_now_and_then_everything_comes_in_order(world: World) -> None:
    """What waits behind a failure stays in the store, and is loaded when it is over."""
    world.outbox.subscribe("w")
    streams = [f"run/{number * number % 7}" for number in range(1500)]
    for stream in streams:
        world.outbox.happens(stream)
    numbers, told = itertools.count(), []

    async def answer(call: Call) -> Outcome:
        if next(numbers) % 11 == 0:
            return Outcome(call.number, 5, 500)
        told.append(int(header(call, "X-Tracklog-Event-Position")[2:]))
        return Outcome(call.number, 5, 200)

    world.receivers.answers["w"] = answer
    async with world.sending(changed(RULES, waiting=300)):
        while len(told) < 1500:
            await asyncio.sleep(0.002)
            world.now_us += 500_000
    for stream in set(streams):
        assert [one for one in told if streams[one] == stream] == [n for n in range(1500) if streams[n] == stream]


async def test_of_a_webhook_with_a_long_backlog_the_outbox_is_read_later(world: World) -> None:
    world.outbox.subscribe("w")
    world.receivers.answers["w"] = for_ever
    for number in range(100):
        world.outbox.happens(f"run/{number}")
    rules = changed(RULES, backlog=20, rows_at_once=10, drain_s=0.01)
    async with world.sending(rules):
        await until(lambda: len(world.receivers.calls) > 0)
        await world.outbox.is_looked_at_again(times=12)  # in each it might read ten more
        assert await world.store.count_pending("w", 1000) <= 40
        del world.receivers.answers["w"]
    async with world.sending(rules):
        await world.settled("w")
    assert set(world.receivers.positions("w")) == set(range(100))


async def test_a_disabled_webhook_is_told_nothing_and_afterwards_only_of_what_comes(world: World) -> None:
    world.outbox.subscribe("w", status="DISABLED", pauses=(((0,), None),))
    world.outbox.happens("run/a")
    async with world.sending():
        await world.outbox.is_looked_at_again()
        world.outbox.subscribe("w", pauses=(((0,), (1,)),))
        world.outbox.happens("run/a")
        await world.settled("w")
    assert world.receivers.positions("w") == [1]


async def test_what_was_not_read_before_a_webhook_was_disabled_is_told_afterwards(world: World) -> None:
    """Also when it was set aside meanwhile, and disabled and enabled several times before anybody reads."""
    world.outbox.subscribe("w")
    world.outbox.happens("run/a")
    world.receivers.answers["w"] = answering(410, 200)
    async with world.sending():
        await world.is_set_aside("w")
    for _ in range(9):
        world.outbox.happens("run/a")
    world.now_us += 1_000_000
    pauses = (((3,), (5,)), ((6,), (8,)))
    updated_ms = world.now_us // 1000
    world.outbox.subscribe("w", pauses=(*pauses, ((9,), None)), status="DISABLED", last_updated_ms=updated_ms)
    async with world.sending():
        await world.outbox.is_looked_at_again()
        world.outbox.subscribe("w", pauses=(*pauses, ((9,), (10,))), last_updated_ms=updated_ms)
        world.outbox.happens("run/a")
        await world.settled("w")
    assert world.receivers.positions("w") == [0, 1, 2, 5, 8, 10]


async def test_what_was_delivered_long_ago_is_forgotten_as_fast_as_it_comes(world: World) -> None:
    world.outbox.subscribe("w")
    for number in range(95):
        world.outbox.happens(f"run/{number}")
    async with world.sending():
        await world.settled("w")
    world.now_us += 8 * 24 * 3600 * 1_000_000
    async with world.sending(changed(RULES, pruned_at_once=10)):
        while await world.store.listed("w", None, None, 1):
            await asyncio.sleep(0.002)


async def test_of_a_deleted_webhook_nothing_is_kept(world: World) -> None:
    world.outbox.subscribe("w")
    world.receivers.answers["w"] = answering(500)
    world.outbox.happens("run/a")
    async with world.sending():
        await until(lambda: world.receivers.calls)
        world.outbox.subscriptions.clear()
        while await world.store.cursors():
            await asyncio.sleep(0.002)
    assert await world.store.count("w") == {"pending": 0, "parked": 0}


async def test_a_read_model_that_is_folded_anew_deletes_nothing_and_is_waited_for(world: World) -> None:
    world.outbox.subscribe("w")
    world.outbox.happens("run/a")
    async with world.sending():
        await world.settled("w")
    kept = dict(world.outbox.subscriptions)
    world.outbox.subscriptions.clear()
    world.outbox.checkpoint = 0
    sender = world.sender()
    with pytest.raises(TemporarilyUnavailable, match="folded anew"):
        await sender.run(asyncio.Event())
    assert sender.trouble == "The read model is being folded anew."
    assert await world.store.cursors() != {}
    world.outbox.checkpoint = None
    world.outbox.subscriptions = kept
    world.outbox.happens("run/a")
    async with world.sending():
        await world.settled("w")
    assert world.receivers.positions("w") == [0, 1]


async def test_an_older_log_is_noticed_and_what_it_lost_forgotten(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Other events come to the positions of those that are lost, and are told as others."""
    world.outbox.subscribe("w")
    for number in range(5):
        world.outbox.happens(f"run/{number}")
    async with world.sending():
        await world.settled("w")
    del world.outbox.written[3:]
    async with world.sending():
        await until(lambda: any(one.levelname == "ERROR" for one in caplog.records))
        world.outbox.written.append(OutboxRow(0, 3, EVENT, "run/new", 77, '{"run_id":"other"}'))
        await until(lambda: len(world.receivers.calls) == 6)
        await world.settled("w")
    (said,) = [one.getMessage() for one in caplog.records if one.levelname == "ERROR"]
    assert said.startswith("the log ends at 0:3, and webhooks were told of it up to 5: an older copy")
    new = world.receivers.calls[-1]
    assert msgspec.json.decode(new.body)["data"] == {"run_id": "other"}
    assert len({header(call, "X-MLflow-Delivery-Id") for call in world.receivers.calls}) == 6


async def test_an_older_log_that_is_not_folded_yet_is_waited_for(world: World) -> None:
    world.outbox.subscribe("w")
    for number in range(5):
        world.outbox.happens(f"run/{number}")
    async with world.sending():
        await world.settled("w")
    del world.outbox.written[3:]
    world.outbox.checkpoint = 2
    with pytest.raises(TemporarilyUnavailable, match="folded anew"):
        await world.sender().run(asyncio.Event())
    assert (await world.store.cursors())["w", 0].seen == 5


async def test_what_is_asked_for_again_is_sent_again_with_the_same_id(world: World) -> None:
    world.outbox.subscribe("w")
    for number in range(4):
        world.outbox.happens(f"run/{number}")
    async with world.sending():
        await world.settled("w")
        assert await world.store.redeliver("w", delivery_id_of("w", 0, 1, 1), world.now_us)
        await until(lambda: len(world.receivers.calls) == 5)
        await world.settled("w")
        assert world.receivers.positions("w")[4:] == [1]
        await world.store.redeliver_since("w", {0: 2})
        await until(lambda: len(world.receivers.calls) == 7)
        await world.settled("w")
    assert sorted(world.receivers.positions("w")[5:]) == [2, 3]
    assert len({header(call, "X-MLflow-Delivery-Id") for call in world.receivers.calls}) == 4
    assert not await world.store.redeliver("w", "no such delivery", world.now_us)


@pytest.mark.parametrize("senders", [1, 2])
async def test_everything_is_sent_again_also_when_it_takes_many_looks(world: World, senders: int) -> None:
    """Those who send are beyond it by the time that the reader adds it again."""
    world.outbox.subscribe("w")
    for number in range(120):
        world.outbox.happens(f"run/{number}", EVENT if number % 3 == 0 else "run.failed")
    rules = changed(RULES, rows_at_once=20)
    async with AsyncExitStack() as stack:
        for _ in range(senders):
            await stack.enter_async_context(world.sending(rules))
        await world.settled("w")
        await world.store.redeliver_since("w", {0: 0})
        await until(lambda: len(world.receivers.calls) == 80)
        await world.settled("w")
    assert sorted(world.receivers.positions("w")[40:]) == list(range(0, 120, 3))


async def test_a_secret_signs_and_one_that_cannot_be_read_sets_its_webhook_alone_aside(world: World) -> None:
    world.secrets["s"] = "hidden"
    world.outbox.subscribe("signed", secret_id="s")
    world.outbox.subscribe("lost", secret_id="t")
    world.outbox.happens("run/a")
    async with world.sending():
        await world.settled("signed")
        assert await world.is_set_aside("lost") == "No key opens its secret."
    assert [call.url for call in world.receivers.calls] == ["https://signed"]
    assert header(world.receivers.calls[0], "X-MLflow-Signature").startswith("v1,")


async def test_a_new_secret_signs_the_next_delivery(world: World) -> None:
    world.secrets |= {"s": "one", "t": "two"}
    world.outbox.subscribe("w", secret_id="s")
    async with world.sending():
        for secret_id in ("s", "t"):
            world.outbox.subscribe("w", secret_id=secret_id)
            await world.outbox.is_looked_at_again()
            world.outbox.happens("run/a")
            await world.settled("w")
    signatures = {header(call, "X-MLflow-Signature") for call in world.receivers.calls}
    assert len(signatures) == 2


@pytest.mark.parametrize("kind", ["event", "test"])
async def test_a_secret_that_is_changed_and_forgotten_while_it_is_opened_is_read_anew(world: World, kind: str) -> None:
    world.outbox.subscribe("w", secret_id="s")
    opened: list[str] = []

    async def changed_meanwhile(secret_id: str) -> str:
        opened.append(secret_id)
        if secret_id == "s":
            world.outbox.subscribe("w", secret_id="t")
            raise SecretUnreadable("It is gone.")
        return "new"

    world.open_secret = changed_meanwhile  # type: ignore[method-assign]
    if kind == "test":
        await world.store.add_test(msgspec.structs.replace(a_test(), created_us=world.now_us))
    else:
        world.outbox.happens("run/a")
    async with world.sending():
        await until(lambda: world.receivers.calls)
    assert opened == ["s", "t"]
    assert header(world.receivers.calls[0], "X-MLflow-Signature").startswith("v1,")
    assert (await world.store.state("w")).set_aside_us is None


def a_test(webhook_id: str = "w") -> Delivery:
    return Delivery("test-1", webhook_id, "test", -1, -1, EVENT, "test/1", b"{}", "pending", 0, None, 0, None, 0, ())


async def test_a_test_is_sent_once_also_to_a_webhook_that_is_disabled(world: World) -> None:
    world.outbox.subscribe("w", status="DISABLED")
    world.receivers.answers["w"] = answering(500)
    await world.store.add_test(msgspec.structs.replace(a_test(), created_us=world.now_us))
    async with world.sending():
        while (found := await world.store.delivery("w", "test-1")) is None or found.state == "pending":
            await asyncio.sleep(0.002)
        await world.outbox.is_looked_at_again()
    assert (found.state, [attempt.status for attempt in found.history]) == ("parked", [500])
    assert len(world.receivers.calls) == 1
    assert header(world.receivers.calls[0], "X-Tracklog-Event-Position") == ""


async def test_a_test_of_a_webhook_that_is_made_during_a_look_is_sent_in_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = world.outbox.webhooks

    async def webhooks() -> tuple[dict[int, int], list[Subscription]]:
        found = await before()
        if world.outbox.looks == 1:
            world.outbox.subscribe("w")
            await world.store.add_test(msgspec.structs.replace(a_test(), created_us=world.now_us))
        return found

    monkeypatch.setattr(world.outbox, "webhooks", webhooks)
    async with world.sending():
        while (found := await world.store.delivery("w", "test-1")) is None or found.state == "pending":
            await asyncio.sleep(0.002)
    assert (found.state, [attempt.status for attempt in found.history]) == ("delivered", [200])


async def test_a_test_that_nobody_waits_for_any_more_is_not_sent(world: World) -> None:
    world.outbox.subscribe("w")
    await world.store.add_test(msgspec.structs.replace(a_test(), created_us=world.now_us - 61_000_000))
    async with world.sending():
        while (found := await world.store.delivery("w", "test-1")) is None or found.state == "pending":
            await asyncio.sleep(0.002)
    assert world.receivers.calls == []


async def test_after_a_crash_what_was_under_way_is_sent_again_and_nothing_else(world: World) -> None:
    world.outbox.subscribe("w")
    for number in range(10):
        world.outbox.happens(f"run/{number}")

    async def some_hang(call: Call) -> Outcome:
        return await (for_ever(call) if int(header(call, "X-Tracklog-Event-Position")[2:]) % 2 else fine(call))

    world.receivers.answers["w"] = some_hang
    crashing = asyncio.create_task(world.sender().run(asyncio.Event()))
    await until(lambda: len(world.receivers.calls) == 10)
    for offset in range(0, 10, 2):
        await world.is_state("w", offset, "delivered")
    crashing.cancel()
    await asyncio.gather(crashing, return_exceptions=True)
    del world.receivers.answers["w"]
    world.now_us += 11_000_000  # the leases of the one that crashed end
    async with world.sending():
        await world.settled("w")
    assert sorted(world.receivers.positions("w")[10:]) == [1, 3, 5, 7, 9]


async def test_two_senders_share_the_work_without_doubling_it(world: World) -> None:
    world.outbox.subscribe("w")
    async with world.sending() as one, world.sending() as other:
        await until(
            lambda: one.leases.lanes and other.leases.lanes and len(one.leases.lanes) + len(other.leases.lanes) == 16
        )
        for number in range(400):
            world.outbox.happens(f"run/{number % 50}")
        await world.settled("w")
    assert sorted(world.receivers.positions("w")) == list(range(400))
    assert one.counts.delivered > 0
    assert other.counts.delivered > 0


async def test_a_sender_takes_over_from_one_that_stopped_at_once(world: World) -> None:
    world.outbox.subscribe("w")
    async with world.sending() as one:
        async with world.sending() as other:
            await until(lambda: one.leases.lanes and other.leases.lanes)
        world.outbox.happens("run/a")
        await world.settled("w")
        await until(lambda: len(one.leases.lanes) == 16)


async def test_a_sender_whose_time_is_over_sends_nothing_beside_the_one_that_took_over(world: World) -> None:
    """It did not renew in time, as one that was stopped for a while."""
    world.outbox.subscribe("w")

    async def slow(call: Call) -> Outcome:
        await asyncio.sleep(0.005)
        return Outcome(call.number, 5, 200)

    world.receivers.answers["w"] = slow
    for number in range(300):
        world.outbox.happens(f"run/{number % 8}")
    rules = changed(RULES, renew_s=1e9)
    async with world.sending(rules) as early:
        await until(lambda: early.counts.delivered)
        early.leases._rules = changed(rules, lease_s=0.0)
        world.now_us += 11_000_000
        async with world.sending():
            await world.settled("w")
    told = world.receivers.positions("w")
    assert set(told) == set(range(300))
    assert len(told) <= 300 + 8  # those under way, at most one of each stream
    for stream in range(8):
        positions = [offset for offset in told if offset % 8 == stream]
        assert positions == sorted(positions)


async def test_what_goes_to_another_sender_is_stored_before(world: World) -> None:
    """A lane is not given to the other while what came of its deliveries waits to be stored."""
    world.outbox.subscribe("w")
    attempted, may_be_stored = world.store.attempted, asyncio.Event()

    async def when_it_may(tried: Sequence[Delivery], owner: str) -> None:
        await may_be_stored.wait()
        await attempted(tried, owner)

    world.store.attempted = when_it_may  # type: ignore[method-assign]
    for number in range(300):
        world.outbox.happens(f"run/{number}")
    async with world.sending() as one:
        await until(lambda: one.counts.delivered == 300)
        async with world.sending() as other:
            await until(lambda: one.leases.surplus)
            looks = other.leases.renewed_s
            await until(lambda: other.leases.renewed_s > looks and one.leases.renewed_s > looks)
            may_be_stored.set()
            await until(lambda: other.leases.lanes)
            await world.settled("w")
    assert sorted(world.receivers.positions("w")) == list(range(300))


async def test_a_store_that_is_away_is_told_of(world: World) -> None:
    world.outbox.is_away = True
    sender = world.sender()
    with pytest.raises(TemporarilyUnavailable):
        await sender.run(asyncio.Event())
    assert sender.trouble == "The read model is away."


async def test_a_fault_in_storing_outcomes_ends_the_sender(world: World) -> None:
    """Instead of sending on and forgetting everything."""
    world.outbox.subscribe("w")
    world.outbox.happens("run/a")

    async def faulty(tried: Sequence[Delivery], owner: str) -> None:
        raise ValueError("A fault.")

    world.store.attempted = faulty  # type: ignore[method-assign]
    with pytest.raises(ValueError, match=r"A fault\."):
        await world.sender().run(asyncio.Event())


async def test_it_is_measured_what_it_does(world: World) -> None:
    world.outbox.subscribe("w")
    world.outbox.happens("run/a")
    async with world.sending() as sender:
        await world.settled("w")
        samples = {
            (sample.name, *sample.labels.values()): sample.value
            for metric in await sender.measured()
            for sample in metric.samples
        }
    assert samples["tracklog_webhook_attempts_total", "delivered"] == 1
    assert samples["tracklog_webhooks_set_aside",] == 0


async def test_a_try_after_a_crash_has_the_timestamp_of_the_first(world: World) -> None:
    world.outbox.subscribe("w")
    world.outbox.happens("run/a")
    world.receivers.answers["w"] = for_ever
    crashing = asyncio.create_task(world.sender().run(asyncio.Event()))
    await until(lambda: world.receivers.calls)
    crashing.cancel()
    await asyncio.gather(crashing, return_exceptions=True)
    del world.receivers.answers["w"]
    world.now_us += 11_000_000  # the leases of the one that crashed end
    async with world.sending():
        await world.settled("w")
    first, second = world.receivers.calls
    assert first.headers == second.headers
