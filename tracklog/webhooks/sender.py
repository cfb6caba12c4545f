"""The sender: reads the outbox for webhooks, has their deliveries sent in order, and keeps account of them.

Several senders share the work by leases: one reads a partition of the outbox, one sends the streams of a lane. Order
is kept within a webhook and stream: the next delivery waits until the one before it is delivered or parked. A webhook
has a bounded number under way, and a bounded number that wait, so that one whose receiver hangs stops nobody else.

After a crash what was under way is sent again, with the same id: at least once.
"""

import asyncio
import contextlib
import heapq
import itertools
import logging
import random
import time
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from schemas.errors import Retryable, TemporarilyUnavailable
from tracklog.webhooks import metrics
from tracklog.webhooks.call import Call, Outcome
from tracklog.webhooks.deliveries import (
    DELIVERED,
    EVENT,
    KEPT_ATTEMPTS,
    LANES,
    PARKED,
    PENDING,
    TEST,
    Attempt,
    Cursor,
    Delivery,
    Tally,
    WebhookState,
    delivery_id_of,
    lane_name,
    lane_of,
    new_delivery,
    since_json,
)
from tracklog.webhooks.delivery_store import CursorMoved, DeliveryStore
from tracklog.webhooks.headers import headers_of
from tracklog.webhooks.outbox_reader import OutboxReader, OutboxRow, Subscription
from tracklog.webhooks.payload import payload
from tracklog.webhooks.queue import TO_BE_LOADED_AGAIN, Queue
from tracklog.webhooks.retrying import GONE, Again, Delivered, after
from tracklog.webhooks.secrets import SecretUnreadable

logger = logging.getLogger(__name__)

LANE_NAMES: Final = tuple(map(lane_name, range(LANES)))

MakeCall = Callable[[Call], Awaitable[Outcome]]
OpenSecret = Callable[[str], Awaitable[str]]
"""From a secret's id to the secret. Raises SecretUnreadable, and TemporarilyUnavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderRules:
    """How a sender paces itself; tests are quicker."""

    poll_s: float = 0.2
    renew_s: float = 2.5
    lease_s: float = 10.0
    under_way: int = 64
    """Of each webhook."""
    waiting: int = 1000
    """Deliveries of each webhook in memory, but for those that failed."""
    backlog: int = 10_000
    """Of a webhook with so many pending deliveries the outbox is not read on."""
    rows_at_once: int = 1000
    parked_in_row: int = 100
    """A webhook is set aside after so many."""
    failing_s: float = 7 * 24 * 3600.0
    """And after so long in which nothing was delivered."""
    kept_s: float = 7 * 24 * 3600.0
    """What was delivered is forgotten after so long."""
    pruned_at_once: int = 5000
    """So many are forgotten at each look, until none is left that is old enough, and again after a minute."""
    test_s: float = 60.0
    """An older test is not sent any more: nobody waits for it."""
    drain_s: float = 5.0
    """How long what is under way may take when the sender is to stop."""


@dataclass(slots=True)
class SenderCounts:
    """Since the start of the process."""

    attempts: int = 0
    delivered: int = 0
    failed: int = 0
    parked: int = 0


class Sender:
    """Sends as `run` is under way. `now_us` is the time; `chance` gives numbers from 0 to 1."""

    def __init__(
        self,
        store: DeliveryStore,
        outbox: OutboxReader,
        call: MakeCall,
        open_secret: OpenSecret,
        rules: SenderRules | None = None,
        *,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._call = call
        self._open_secret = open_secret
        self._rules = rules or SenderRules()
        self._now_us = now_us
        self._chance = chance
        self.owner = uuid.uuid4().hex
        self.counts = SenderCounts()
        self.trouble: str | None = "The sender has not begun yet."
        self._held: set[str] = set()
        self._surplus: set[str] = set()
        self._queues: dict[str, Queue] = {}
        self._states: dict[str, WebhookState] = {}
        self._webhooks: dict[str, Subscription] = {}
        self._retries: list[tuple[int, int, str, str]] = []  # due, a number, webhook and stream
        self._numbers = itertools.count()
        self._tasks: set[asyncio.Task[None]] = set()
        self._done: list[Delivery] = []
        self._is_done = asyncio.Event()
        self._storing = asyncio.Lock()
        self._unstored: dict[str, str] = {}  # of what was tried, by id the lease of its lane
        self._stored: set[str] = set()  # ids of what was stored since the look began
        self._aside: dict[str, WebhookState] = {}  # webhooks that are set aside, until that is stored
        self._stored_aside: set[str] = set()
        self._is_stopping = False
        self._wake = asyncio.Event()
        self._read_at: dict[str, int] = defaultdict(int)  # deliveries that were added since they were counted
        self._renewed_s = float("-inf")
        self._pruned_s = float("-inf")
        self._failure: BaseException | None = None

    async def run(self, stopping: asyncio.Event) -> None:
        """Send until `stopping` is set; then wait for what is under way, and give the work to others.

        Raises Retryable when a store is away.
        """
        stopped = asyncio.create_task(_set(stopping, self._wake))
        storing = asyncio.create_task(self._store_outcomes())
        try:
            while not stopping.is_set():
                busy = await self._look()
                self.trouble = None
                if self._failure is not None:
                    raise self._failure
                if not busy:
                    await self._rest()
            self._is_stopping = True
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=self._rules.drain_s)
            await self._store_done()
            await self._store.release(self.owner)
        except Retryable as error:
            self.trouble = error.message
            with contextlib.suppress(Retryable):
                await self._store.release(self.owner)
            raise
        finally:
            await _cancelled([*self._tasks, storing, stopped])

    async def measured(self) -> list[Metric]:
        """What this sender did, and what it has under way."""
        counts = self.counts
        attempts = CounterMetricFamily(metrics.ATTEMPTS, "Calls of webhooks, by what they came to.", labels=["outcome"])
        attempts.add_metric(["delivered"], counts.delivered)
        attempts.add_metric(["failed"], counts.failed)
        return [
            attempts,
            CounterMetricFamily(metrics.PARKED, "Deliveries given up.", value=counts.parked),
            GaugeMetricFamily(
                metrics.UNDER_WAY,
                "Calls that were not answered yet.",
                value=sum(len(queue.under_way) for queue in self._queues.values()),
            ),
            GaugeMetricFamily(
                metrics.SET_ASIDE,
                "Webhooks that are sent nothing until somebody resumes them.",
                value=sum(state.set_aside_us is not None for state in self._states.values()),
            ),
        ]

    # --- one look at everything -----------------------------------------------------------------------------------

    async def _look(self) -> bool:
        """Do what there is to do; whether there may be more at once."""
        # What was stored since the last look is in what this one reads.
        for delivery_id in self._stored:
            self._unstored.pop(delivery_id, None)
        self._stored.clear()
        for webhook_id in self._stored_aside:
            self._aside.pop(webhook_id, None)
        self._stored_aside.clear()
        cursors = await self._store.cursors()
        checkpoints, subscriptions = await self._outbox.webhooks()
        webhooks = {one.webhook_id: one for one in subscriptions}
        partitions = sorted(checkpoints)
        await self._renew(partitions)
        self._states = await self._store.states() | self._aside
        for (_, partition), cursor in cursors.items():
            if checkpoints.get(partition, 0) < cursor.seen:
                # Webhooks in it may be what they were long ago, or not be there yet.
                raise TemporarilyUnavailable("The read model is being folded anew.")
        await self._forget_deleted(webhooks, cursors)
        await self._begin_new(webhooks.values(), partitions, cursors)
        if webhooks != self._webhooks:
            await self._store.seen(checkpoints)
            self._webhooks = webhooks
        is_behind = await self._read_outbox(webhooks, cursors)
        if is_behind:
            cursors = await self._store.cursors()
        await self._sort_out(webhooks)
        of_webhook: dict[str, dict[int, Cursor]] = defaultdict(dict)
        for (webhook_id, partition), cursor in cursors.items():
            of_webhook[webhook_id][partition] = cursor
        for webhook_id, queue in list(self._queues.items()):
            await self._load(queue, of_webhook[webhook_id])
        await self._load_tests(webhooks)
        self._retry_what_is_due()
        for queue in list(self._queues.values()):
            await self._dispatch(queue)
        await self._prune_now_and_then()
        return is_behind

    async def _rest(self) -> None:
        """Until something may be due, at the latest for a poll."""
        self._wake.clear()
        pause_s = self._rules.poll_s
        if self._retries:
            pause_s = min(pause_s, max(0.0, (self._retries[0][0] - self._now_us()) / 1_000_000))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._wake.wait()

    async def _renew(self, partitions: Sequence[int]) -> None:
        now_s = time.monotonic()
        surplus_free = {name for name in self._surplus if not self._is_under_way(name)}
        if surplus_free:
            await self._store.give_back(self.owner, surplus_free)
            self._held -= surplus_free
            self._surplus -= surplus_free
        if now_s - self._renewed_s < self._rules.renew_s:
            return
        groups = [LANE_NAMES, tuple(f"partition/{number}" for number in partitions)]
        leases = await self._store.balance(self.owner, groups, int(self._rules.lease_s * 1_000_000), self._now_us())
        if leases.held - leases.surplus != self._held - self._surplus:
            self._start_over()
        self._held, self._surplus = leases
        self._renewed_s = now_s

    def _is_under_way(self, lease: str) -> bool:
        """Whether something of a lane is, or came to something that is not stored yet."""
        return lease in self._unstored.values() or any(
            lane_name(lane_of(one.stream)) == lease
            for queue in self._queues.values()
            for one in queue.under_way.values()
        )

    @property
    def _has_lapsed(self) -> bool:
        """Whether others may have what this sender held, which the next look finds out."""
        return time.monotonic() - self._renewed_s >= self._rules.lease_s

    def _start_over(self) -> None:
        """Load everything anew, for other lanes. What is under way goes on."""
        for queue in self._queues.values():
            queue.empty()

    @property
    def _lanes(self) -> list[int]:
        """The lanes of which this sender may send."""
        return [int(name.removeprefix("lane/")) for name in self._held - self._surplus if name.startswith("lane/")]

    @property
    def _partitions(self) -> list[int]:
        """The partitions of which it may read the outbox."""
        names = self._held - self._surplus
        return sorted(int(name.removeprefix("partition/")) for name in names if name.startswith("partition/"))

    # --- webhooks -------------------------------------------------------------------------------------------------

    async def _forget_deleted(
        self, webhooks: Mapping[str, Subscription], cursors: dict[tuple[str, int], Cursor]
    ) -> None:
        gone = ({webhook_id for webhook_id, _ in cursors} | self._states.keys()) - webhooks.keys()
        if gone and self._partitions:
            await self._store.forget(gone)
        for key in [key for key in cursors if key[0] in gone]:
            del cursors[key]

    async def _begin_new(
        self, webhooks: Iterable[Subscription], partitions: Sequence[int], cursors: dict[tuple[str, int], Cursor]
    ) -> None:
        """Give webhooks the cursors that they do not have yet."""
        new = [
            (one.webhook_id, since)
            for one in webhooks
            if (since := [one.first_offset(partition) for partition in range(max(partitions, default=-1) + 1)])
            and self._states.get(one.webhook_id, _FINE).since != since_json(since)
        ]
        for webhook_id, since in new:
            await self._store.begin(webhook_id, since)
        if new:
            cursors.update(await self._store.cursors())
            self._states = await self._store.states() | self._aside

    async def _sort_out(self, webhooks: Mapping[str, Subscription]) -> None:
        """Keep a queue for each webhook that may be sent to, and for no other."""
        for webhook_id, webhook in webhooks.items():
            state = self._states.get(webhook_id, _FINE)
            queue = self._queues.get(webhook_id)
            if queue is None:
                queue = self._queues[webhook_id] = Queue(webhook, state.rewound)
            queue.webhook = webhook
            if state.set_aside_us is not None and webhook.last_updated_ms * 1000 > state.set_aside_us:
                await self._store.resume(webhook_id)  # somebody has mended it
                state = self._states[webhook_id] = await self._store.state(webhook_id)
            if not webhook.is_active or state.set_aside_us is not None:
                queue.empty()
            elif state.rewound != queue.rewound:
                queue.rewound = state.rewound
                queue.empty()
        for webhook_id in self._queues.keys() - webhooks.keys():
            del self._queues[webhook_id]

    def _may_be_sent(self, webhook: Subscription) -> bool:
        return webhook.is_active and self._states.get(webhook.webhook_id, _FINE).set_aside_us is None

    # --- reading the outbox ---------------------------------------------------------------------------------------

    async def _read_outbox(
        self, webhooks: Mapping[str, Subscription], cursors: Mapping[tuple[str, int], Cursor]
    ) -> bool:
        """Make deliveries of what is in the outbox behind the cursors; whether there may be more."""
        is_behind = False
        readers = [one for one in webhooks.values() if self._may_be_sent(one) and not await self._is_full(one)]
        for partition in self._partitions:
            places: dict[int, list[Subscription]] = defaultdict(list)
            for webhook in readers:
                cursor = cursors.get((webhook.webhook_id, partition))
                if cursor is not None:
                    places[cursor.next_offset].append(webhook)
            for offset, together in places.items():
                is_behind |= await self._read_partition(partition, offset, together)
        return is_behind

    async def _read_partition(self, partition: int, offset: int, webhooks: Sequence[Subscription]) -> bool:
        rows = await self._outbox.rows(partition, offset, self._rules.rows_at_once)
        if not rows:
            return False
        now_us = self._now_us()
        new: list[Delivery] = []
        for row in rows:
            told = [one for one in webhooks if row.event in one.events and one.is_told(partition, row.offset)]
            if told:
                body = payload(row.event, row.time_us, row.data)
                new += [_new_delivery(webhook, partition, row, body, now_us) for webhook in told]
        end = rows[-1].offset + 1
        try:
            await self._store.add({(one.webhook_id, partition): (offset, end) for one in webhooks}, new)
        except CursorMoved:
            logger.info("another sender reads partition %d", partition)
            return True
        for delivery in new:
            self._read_at[delivery.webhook_id] += 1
        return True

    async def _is_full(self, webhook: Subscription) -> bool:
        """Whether so many deliveries wait that the outbox is better read later."""
        if self._read_at[webhook.webhook_id] * 10 < self._rules.backlog:
            return False
        if await self._store.count_pending(webhook.webhook_id, self._rules.backlog) >= self._rules.backlog:
            return True
        self._read_at[webhook.webhook_id] = 0
        return False

    # --- loading --------------------------------------------------------------------------------------------------

    async def _load(self, queue: Queue, cursors: Mapping[int, Cursor]) -> None:
        """Bring deliveries that wait into memory, as far as there is room. `cursors` are those of the webhook."""
        webhook, lanes = queue.webhook, self._lanes
        if not lanes or not self._may_be_sent(webhook):
            return
        for place, behind, room in queue.wanted():
            await self._load_rest(queue, place, behind, room)
        for partition, cursor in sorted(cursors.items()):
            while cursor.last_offset > (behind := queue.loaded.get(partition, -1)) or partition in queue.incomplete:
                room = self._rules.waiting - queue.taken
                if room <= self._rules.waiting // 2:
                    return
                found = await self._store.pending(webhook.webhook_id, partition, behind, lanes, room)
                if not self._may_be_sent(webhook):
                    return  # it was set aside meanwhile
                for delivery in found:
                    self._take_in(queue, delivery)
                if len(found) == room:
                    queue.loaded[partition] = found[-1].offset
                    queue.incomplete.add(partition)
                else:
                    queue.loaded[partition] = max(behind, cursor.last_offset)
                    queue.incomplete.discard(partition)

    async def _load_rest(self, queue: Queue, place: tuple[int, str], behind: int, room: int) -> None:
        """Bring more of the rest of a stream into memory."""
        partition, stream = place
        until = queue.loaded[partition]
        found = await self._store.pending_of(queue.webhook.webhook_id, partition, stream, behind, until, room)
        if queue.rest.get(place) != behind:
            return  # what ended meanwhile has put more of it back, or emptied everything
        del queue.rest[place]
        for delivery in found:
            self._take_in(queue, delivery)
        if len(found) == room:
            queue.rest.setdefault(place, found[-1].offset)

    async def _load_tests(self, webhooks: Mapping[str, Subscription]) -> None:
        for webhook_id in await self._store.webhooks_with_tests():
            queue = self._queues.get(webhook_id)
            for test in await self._store.pending_tests(webhook_id):
                if lane_of(test.stream) not in self._lanes or test.delivery_id in self._unstored:
                    continue
                if queue is None or self._now_us() - test.created_us > self._rules.test_s * 1_000_000:
                    self._tried(msgspec.structs.replace(test, state=PARKED, finished_us=self._now_us()))
                elif test.delivery_id not in queue.under_way:
                    queue.under_way[test.delivery_id] = test
                    self._start(self._send(queue, test))

    def _take_in(self, queue: Queue, delivery: Delivery) -> None:
        if delivery.delivery_id in queue.under_way:
            return
        if delivery.delivery_id in self._unstored:
            queue.rewound = TO_BE_LOADED_AGAIN  # it was read before it was stored, or is pending once more
            return
        if queue.take_in(delivery):
            self._schedule(queue, delivery)

    def _schedule(self, queue: Queue, first: Delivery) -> None:
        """Have the first delivery of a stream sent, now or when it is due, unless one of the stream is under way."""
        if queue.has_under_way(first.stream):
            return
        if first.due_us <= self._now_us():
            queue.ready.append(first.stream)
        else:
            entry = (first.due_us, next(self._numbers), queue.webhook.webhook_id, first.stream)
            heapq.heappush(self._retries, entry)

    def _retry_what_is_due(self) -> None:
        now_us = self._now_us()
        while self._retries and self._retries[0][0] <= now_us:
            due_us, _, webhook_id, stream = heapq.heappop(self._retries)
            queue = self._queues.get(webhook_id)
            line = None if queue is None else queue.lines.get(stream)
            if queue is not None and line and line[0].due_us == due_us and stream not in queue.ready:
                self._schedule(queue, line[0])

    # --- sending --------------------------------------------------------------------------------------------------

    async def _dispatch(self, queue: Queue) -> None:
        """Send what may be sent of a webhook."""
        if queue.ready and queue.secret_id != queue.webhook.secret_id:
            try:
                await self._find_secret(queue)
            except SecretUnreadable as error:
                await self._store_aside(queue, self._set_aside(queue, str(error)))
                return
        self._send_ready(queue)

    async def _find_secret(self, queue: Queue) -> None:
        """Open the secret that the webhook has now. Raises SecretUnreadable."""
        wanted = queue.webhook.secret_id
        try:
            queue.secret = await self._open_secret(wanted) if wanted else None
        except SecretUnreadable:
            # It is forgotten as soon as it is not the one of the webhook any more, which may be after the last look.
            queue.webhook = await self._as_it_is_now(queue.webhook)
            if queue.webhook.secret_id == wanted:
                raise
            await self._find_secret(queue)
        else:
            queue.secret_id = wanted

    async def _as_it_is_now(self, webhook: Subscription) -> Subscription:
        """The webhook as the read model has it now; as it was when it is deleted."""
        _, webhooks = await self._outbox.webhooks()
        return next((one for one in webhooks if one.webhook_id == webhook.webhook_id), webhook)

    def _send_ready(self, queue: Queue) -> None:
        if queue.secret_id != queue.webhook.secret_id or self._has_lapsed:
            return  # the next look finds the secret, and renews
        while queue.ready and len(queue.under_way) < self._rules.under_way and not self._is_stopping:
            line = queue.lines.get(queue.ready.popleft())
            if line:
                delivery = line[0]
                queue.under_way[delivery.delivery_id] = delivery
                self._start(self._send(queue, delivery))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Have work done beside the looks; what it raises ends the sender."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = error
            self._wake.set()

    async def _send(self, queue: Queue, delivery: Delivery) -> None:
        """Make one attempt, and have written down what came of it."""
        at_us = self._now_us()
        first_us = at_us if delivery.first_us is None else delivery.first_us
        if delivery.kind == TEST and queue.secret_id != queue.webhook.secret_id:
            try:
                await self._find_secret(queue)
            except SecretUnreadable as error:
                outcome = Outcome(0, 0, error=str(error))
                self._finish(queue, delivery, at_us, first_us, outcome)
                return
        headers = headers_of(
            delivery_id=delivery.delivery_id,
            webhook_id=delivery.webhook_id,
            position=None if delivery.kind == TEST else f"{delivery.partition}:{delivery.offset}",
            started_us=delivery.created_us,  # which is stored before the first try, and so the same after a crash
            body=delivery.body,
            secret=queue.secret,
        )
        call = Call(next(self._numbers), queue.webhook.url, headers, delivery.body)
        self._finish(queue, delivery, at_us, first_us, await self._call(call))

    def _finish(self, queue: Queue, delivery: Delivery, at_us: int, first_us: int, outcome: Outcome) -> None:
        now_us = self._now_us()
        attempt = Attempt(at_us, outcome.duration_us, outcome.status, outcome.error, outcome.body)
        attempts = delivery.attempts + 1
        verdict = after(
            outcome,
            attempts=attempts,
            first_us=max(first_us, delivery.created_us),  # what is sent again has its day again
            now_us=now_us,
            chance=self._chance(),
        )
        state, due_us = PARKED, delivery.due_us
        if isinstance(verdict, Delivered):
            state = DELIVERED
        elif isinstance(verdict, Again) and delivery.kind == EVENT:
            state, due_us = PENDING, verdict.due_us
        self.counts.attempts += 1
        self.counts.delivered += state == DELIVERED
        self.counts.failed += state != DELIVERED
        tried = msgspec.structs.replace(
            delivery,
            state=state,
            first_us=first_us,
            due_us=due_us,
            finished_us=None if state == PENDING else now_us,
            attempts=attempts,
            history=(*delivery.history[-(KEPT_ATTEMPTS - 1) :], attempt),
        )
        self._tried(tried)
        queue.under_way.pop(delivery.delivery_id, None)
        if delivery.kind == EVENT:
            self._go_on(queue, tried)
            self.counts.parked += state == PARKED
            if outcome.status == GONE:
                self._start(self._store_aside(queue, self._set_aside(queue, "The receiver answered 410 Gone.")))
            has_room = queue.incomplete and queue.taken <= self._rules.waiting // 2
            if has_room or queue.wants((delivery.partition, delivery.stream)):
                self._wake.set()
        self._send_ready(queue)

    def _tried(self, tried: Delivery) -> None:
        """Have an outcome stored."""
        self._done.append(tried)
        self._unstored[tried.delivery_id] = lane_name(lane_of(tried.stream))
        self._is_done.set()

    def _go_on(self, queue: Queue, tried: Delivery) -> None:
        """After an attempt: the next of the stream, or the same one later."""
        line = queue.lines.get(tried.stream)
        if line is None or line[0].delivery_id != tried.delivery_id:  # everything was loaded anew meanwhile
            self._go_on_anew(queue, tried)
        elif tried.state == PENDING:
            queue.failed(tried)
            self._schedule(queue, tried)
        elif following := queue.ended(tried.stream):
            self._schedule(queue, following)

    def _go_on_anew(self, queue: Queue, tried: Delivery) -> None:
        """The same for a delivery that was not loaded again, because it was under way."""
        is_mine = self._may_be_sent(queue.webhook) and lane_of(tried.stream) in self._lanes
        if tried.state == PENDING and is_mine:
            queue.put_first(tried)
        if line := queue.lines.get(tried.stream):
            self._schedule(queue, line[0])

    def _set_aside(self, queue: Queue, reason: str) -> WebhookState:
        """Send a webhook nothing more, from this moment on."""
        webhook_id = queue.webhook.webhook_id
        logger.warning("webhook %s is set aside: %s", webhook_id, reason)
        state = self._states.get(webhook_id, _FINE)
        aside = msgspec.structs.replace(state, set_aside_us=self._now_us(), reason=reason)
        self._states[webhook_id] = self._aside[webhook_id] = aside
        queue.empty()
        return aside

    async def _store_aside(self, queue: Queue, aside: WebhookState) -> None:
        webhook_id = queue.webhook.webhook_id
        assert aside.set_aside_us is not None
        await self._store.set_aside(webhook_id, aside.reason, aside.set_aside_us)
        self._stored_aside.add(webhook_id)

    # --- writing down ---------------------------------------------------------------------------------------------

    async def _store_outcomes(self) -> None:
        """Write down what attempts came to, as many at once as there are."""
        try:
            while True:
                await self._is_done.wait()
                await self._store_done()
        except Exception as error:  # whatever it is, `run` must not go on without anybody who stores
            self._failure = error
            self._wake.set()

    async def _store_done(self) -> None:
        async with self._storing:  # the last time, before the leases are given back, waits for the one under way
            done, self._done = self._done, []
            self._is_done.clear()
            await self._store.attempted(done, self.owner)
            self._stored.update(one.delivery_id for one in done)
            tallies: dict[str, Tally] = defaultdict(Tally)
            for one in done:
                if one.kind == EVENT:
                    tallies[one.webhook_id] = tallies[one.webhook_id].with_one(one.state, one.history[-1].at_us)
            for webhook_id, tally in tallies.items():
                await self._add_up(webhook_id, tally)

    async def _add_up(self, webhook_id: str, tally: Tally) -> None:
        """Keep how many failed in a row and since when, and set a webhook aside where it is too much."""
        state = self._states.get(webhook_id, _FINE)
        has_failed = state.failing_since_us is not None or state.parked_in_row > 0
        begins_to_fail = tally.failed_us is not None and state.failing_since_us is None
        if not (tally.parked or begins_to_fail or (tally.is_delivered and has_failed) or self._fails_for_long(state)):
            return
        state = await self._store.add_up(webhook_id, tally)
        queue = self._queues.get(webhook_id)
        if queue is None or state.set_aside_us is not None or webhook_id in self._aside:
            return
        self._states[webhook_id] = state
        if state.parked_in_row >= self._rules.parked_in_row:
            reason = f"{state.parked_in_row} deliveries in a row were given up."
        elif self._fails_for_long(state):
            reason = f"Nothing was delivered for {self._rules.failing_s / 86400:.0f} days."
        else:
            return
        await self._store_aside(queue, self._set_aside(queue, reason))

    def _fails_for_long(self, state: WebhookState) -> bool:
        since_us = state.failing_since_us
        return since_us is not None and self._now_us() - since_us >= self._rules.failing_s * 1_000_000

    async def _prune_now_and_then(self) -> None:
        now_s = time.monotonic()
        if now_s - self._pruned_s > 60 and "partition/0" in self._held:
            before_us = self._now_us() - int(self._rules.kept_s * 1_000_000)
            if await self._store.prune(before_us, self._rules.pruned_at_once) < self._rules.pruned_at_once:
                self._pruned_s = now_s


_FINE: Final = WebhookState()


def _new_delivery(webhook: Subscription, partition: int, row: OutboxRow, body: bytes, now_us: int) -> Delivery:
    return new_delivery(
        delivery_id=delivery_id_of(webhook.webhook_id, partition, row.offset),
        webhook_id=webhook.webhook_id,
        kind=EVENT,
        partition=partition,
        offset=row.offset,
        event=row.event,
        stream=row.stream,
        body=body,
        created_us=now_us,
    )


async def _set(stopping: asyncio.Event, wake: asyncio.Event) -> None:
    await stopping.wait()
    wake.set()


async def _cancelled(tasks: Iterable[asyncio.Future[None]]) -> None:
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
