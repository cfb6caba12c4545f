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
from typing import Any

import msgspec
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from schemas.errors import Retryable, TemporarilyUnavailable
from tracklog.webhooks import metrics
from tracklog.webhooks.call import Call, Outcome
from tracklog.webhooks.deliveries import (
    DELIVERED,
    EVENT,
    KEPT_ATTEMPTS,
    PARKED,
    PENDING,
    TEST,
    Attempt,
    Cursor,
    Delivery,
    Tally,
    lane_name,
    lane_of,
    since_json,
)
from tracklog.webhooks.delivery_store import DeliveryStore
from tracklog.webhooks.headers import headers_of
from tracklog.webhooks.health import Health
from tracklog.webhooks.held_leases import HeldLeases
from tracklog.webhooks.intake import Intake
from tracklog.webhooks.outbox_reader import OutboxReader, Subscription
from tracklog.webhooks.outcomes import Outcomes
from tracklog.webhooks.queue import TO_BE_LOADED_AGAIN, Queue
from tracklog.webhooks.retrying import GONE, Again, Delivered, after
from tracklog.webhooks.secrets import SecretUnreadable
from tracklog.webhooks.sender_rules import SenderRules

logger = logging.getLogger(__name__)

LogEnd = Callable[[], Awaitable[Mapping[int, int]]]
"""Where each partition of the log ends now. Raises LogUnavailable."""
MakeCall = Callable[[Call], Awaitable[Outcome]]
OpenSecret = Callable[[str], Awaitable[str]]
"""From a secret's id to the secret. Raises SecretUnreadable, and TemporarilyUnavailable."""


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
        log_end: LogEnd,
        call: MakeCall,
        open_secret: OpenSecret,
        rules: SenderRules | None = None,
        *,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._log_end = log_end
        self._call = call
        self._open_secret = open_secret
        self._rules = rules or SenderRules()
        self._now_us = now_us
        self._chance = chance
        self.owner = uuid.uuid4().hex
        self.counts = SenderCounts()
        self.trouble: str | None = "The sender has not begun yet."
        self.leases = HeldLeases(store, self.owner, self._rules)
        self._health = Health(store, self._rules, now_us)
        self._intake = Intake(store, outbox, self._rules, now_us)
        self._outcomes = Outcomes(store, self.owner, self._add_up)
        self._queues: dict[str, Queue] = {}
        self._webhooks: dict[str, Subscription] = {}
        self._retries: list[tuple[int, int, str, str]] = []  # due, a number, webhook and stream
        self._numbers = itertools.count()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopping = False
        self._wake = asyncio.Event()
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
            await self._outcomes.store()
            await self.leases.release()
        except Retryable as error:
            self.trouble = error.message
            with contextlib.suppress(Retryable):
                await self.leases.release()
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
                value=self._health.number_set_aside,
            ),
        ]

    # --- one look at everything -----------------------------------------------------------------------------------

    async def _look(self) -> bool:
        """Do what there is to do; whether there may be more at once."""
        self._outcomes.begin_look()
        self._health.begin_look()
        cursors = await self._store.cursors()
        # Before the webhooks: one that is tested and not among these is gone, and was not only just made.
        tested = await self._store.webhooks_with_tests()
        checkpoints, subscriptions = await self._outbox.webhooks()
        webhooks = {one.webhook_id: one for one in subscriptions}
        partitions = sorted(checkpoints)
        if await self.leases.renew(partitions, self._now_us(), self._is_under_way):
            for queue in self._queues.values():
                queue.empty()  # it is loaded anew, for other lanes; what is under way goes on
        await self._health.read()
        if await self._goes_back(checkpoints, cursors):
            cursors = await self._store.cursors()
        await self._forget_deleted(webhooks, cursors)
        await self._begin_new(webhooks.values(), partitions, cursors)
        if webhooks != self._webhooks:
            await self._store.seen(checkpoints)
            self._webhooks = webhooks
        readers = [one for one in subscriptions if self._may_be_sent(one)]
        is_behind = await self._intake.take(self.leases.partitions, readers, cursors)
        if is_behind:
            cursors = await self._store.cursors()
        await self._sort_out(webhooks)
        of_webhook: dict[str, dict[int, Cursor]] = defaultdict(dict)
        for (webhook_id, partition), cursor in cursors.items():
            of_webhook[webhook_id][partition] = cursor
        for webhook_id, queue in list(self._queues.items()):
            await self._load(queue, of_webhook[webhook_id])
        await self._load_tests(tested)
        self._retry_what_is_due()
        for queue in list(self._queues.values()):
            await self._dispatch(queue)
        await self._prune_now_and_then()
        return is_behind

    async def _rest(self) -> None:
        """Until something may be due, at the latest for a poll."""
        self._wake.clear()
        pause_s = self._rules.poll_s if self._webhooks else self._rules.poll_without_webhooks_s
        if self._retries:
            pause_s = min(pause_s, max(0.0, (self._retries[0][0] - self._now_us()) / 1_000_000))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._wake.wait()

    def _is_under_way(self, lease: str) -> bool:
        """Whether something of a lane is, or came to something that is not stored yet."""
        return self._outcomes.are_of(lease) or any(
            lane_name(lane_of(one.stream)) == lease
            for queue in self._queues.values()
            for one in queue.under_way.values()
        )

    async def _goes_back(self, checkpoints: Mapping[int, int], cursors: Mapping[tuple[str, int], Cursor]) -> bool:
        """Whether an older copy of the log was put in its place, and what lay behind its end is forgotten now.

        Raises TemporarilyUnavailable while a read model is folded anew: webhooks in it may be what they were long ago,
        or not be there yet.
        """
        seen: dict[int, int] = defaultdict(int)
        for (_, partition), cursor in cursors.items():
            seen[partition] = max(seen[partition], cursor.seen)
        if all(checkpoints.get(partition, 0) >= offset for partition, offset in seen.items()):
            return False
        ends = await self._log_end()
        lost = {partition: ends.get(partition, 0) for partition in seen if ends.get(partition, 0) < seen[partition]}
        if not lost or any(checkpoints.get(partition, 0) < end for partition, end in ends.items()):
            raise TemporarilyUnavailable("The read model is being folded anew.")
        for partition, end in lost.items():
            logger.error(
                "the log ends at %d:%d, and webhooks were told of it up to %d: an older copy was put in its place. "
                "What is owed of what it has lost is forgotten, and sending goes on with what comes",
                partition,
                end,
                seen[partition],
            )
        await self._store.go_back(lost)
        return True

    # --- webhooks -------------------------------------------------------------------------------------------------

    async def _forget_deleted(
        self, webhooks: Mapping[str, Subscription], cursors: dict[tuple[str, int], Cursor]
    ) -> None:
        gone = ({webhook_id for webhook_id, _ in cursors} | set(self._health.known)) - webhooks.keys()
        if gone and self.leases.partitions:
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
            and self._health.of(one.webhook_id).since != since_json(since)
        ]
        for webhook_id, since in new:
            await self._store.begin(webhook_id, since)
        if new:
            cursors.update(await self._store.cursors())
            await self._health.read()

    async def _sort_out(self, webhooks: Mapping[str, Subscription]) -> None:
        """Keep a queue for each webhook that may be sent to, and for no other."""
        for webhook_id, webhook in webhooks.items():
            state = self._health.of(webhook_id)
            queue = self._queues.get(webhook_id)
            if queue is None:
                queue = self._queues[webhook_id] = Queue(webhook, state.rewound)
            queue.webhook = webhook
            if state.set_aside_us is not None and webhook.last_updated_ms * 1000 > state.set_aside_us:
                await self._health.resume(webhook_id)
                state = self._health.of(webhook_id)
            if not webhook.is_active or state.set_aside_us is not None:
                queue.empty()
            elif state.rewound != queue.rewound:
                queue.rewound = state.rewound
                queue.empty()
        for webhook_id in self._queues.keys() - webhooks.keys():
            del self._queues[webhook_id]

    def _may_be_sent(self, webhook: Subscription) -> bool:
        return webhook.is_active and not self._health.is_set_aside(webhook.webhook_id)

    # --- loading --------------------------------------------------------------------------------------------------

    async def _load(self, queue: Queue, cursors: Mapping[int, Cursor]) -> None:
        """Bring deliveries that wait into memory, as far as there is room. `cursors` are those of the webhook."""
        webhook, lanes = queue.webhook, self.leases.lanes
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

    async def _load_tests(self, tested: Iterable[str]) -> None:
        for webhook_id in tested:
            queue = self._queues.get(webhook_id)
            for test in await self._store.pending_tests(webhook_id):
                if lane_of(test.stream) not in self.leases.lanes or test.delivery_id in self._outcomes:
                    continue
                if queue is None or self._now_us() - test.created_us > self._rules.test_s * 1_000_000:
                    self._outcomes.add(msgspec.structs.replace(test, state=PARKED, finished_us=self._now_us()))
                elif test.delivery_id not in queue.under_way:
                    queue.under_way[test.delivery_id] = test
                    self._start(self._send(queue, test))

    def _take_in(self, queue: Queue, delivery: Delivery) -> None:
        if delivery.delivery_id in queue.under_way:
            return
        if delivery.delivery_id in self._outcomes:
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
                await self._set_aside(queue, str(error))
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
        if queue.secret_id != queue.webhook.secret_id or self.leases.has_lapsed:
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
        self._outcomes.add(tried)
        queue.under_way.pop(delivery.delivery_id, None)
        if delivery.kind == EVENT:
            self._go_on(queue, tried)
            self.counts.parked += state == PARKED
            if outcome.status == GONE:
                self._start(self._set_aside(queue, "The receiver answered 410 Gone."))
            has_room = queue.incomplete and queue.taken <= self._rules.waiting // 2
            if has_room or queue.wants((delivery.partition, delivery.stream)):
                self._wake.set()
        self._send_ready(queue)

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
        is_mine = self._may_be_sent(queue.webhook) and lane_of(tried.stream) in self.leases.lanes
        if tried.state == PENDING and is_mine:
            queue.put_first(tried)
        if line := queue.lines.get(tried.stream):
            self._schedule(queue, line[0])

    # --- what came of it ------------------------------------------------------------------------------------------

    async def _store_outcomes(self) -> None:
        try:
            await self._outcomes.store_for_ever()
        except Exception as error:  # whatever it is, `run` must not go on without anybody who stores
            self._failure = error
            self._wake.set()

    async def _add_up(self, webhook_id: str, tally: Tally) -> None:
        reason = await self._health.add_up(webhook_id, tally)
        if reason is not None and (queue := self._queues.get(webhook_id)) is not None:
            await self._set_aside(queue, reason)

    def _set_aside(self, queue: Queue, reason: str) -> Coroutine[Any, Any, None]:
        """Send a webhook nothing more, from this moment on; what is returned stores it."""
        self._health.set_aside(queue.webhook.webhook_id, reason)
        queue.empty()
        return self._health.store_aside(queue.webhook.webhook_id)

    async def _prune_now_and_then(self) -> None:
        now_s = time.monotonic()
        if now_s - self._pruned_s > 60 and 0 in self.leases.partitions:
            before_us = self._now_us() - int(self._rules.kept_s * 1_000_000)
            if await self._store.prune(before_us, self._rules.pruned_at_once) < self._rules.pruned_at_once:
                self._pruned_s = now_s


async def _set(stopping: asyncio.Event, wake: asyncio.Event) -> None:
    await stopping.wait()
    wake.set()


async def _cancelled(tasks: Iterable[asyncio.Future[None]]) -> None:
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
