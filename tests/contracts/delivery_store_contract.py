"""What every delivery store must do, whatever the database.

A test module subclasses `DeliveryStoreContract` and gives it the fixture `store`: an empty one.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import pytest
from msgspec.structs import replace

from tracklog.webhooks.deliveries import (
    DELIVERED,
    EVENT,
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
)
from tracklog.webhooks.delivery_store import CursorMoved, DeliveryStore

HOOK: Final = "w1"
OTHER: Final = "w2"
EVERY_LANE: Final = range(LANES)
SECOND_US: Final = 1_000_000
OWNER: Final = "who sends"
LANE_NAMES: Final = [lane_name(lane) for lane in EVERY_LANE]
LEASES: Final = [f"lane/{number}" for number in range(4)]
NOW_US: Final = 1_000 * SECOND_US
TTL_US: Final = 10 * SECOND_US


def delivery(offset: int, webhook_id: str = HOOK, stream: str = "run/a", partition: int = 0) -> Delivery:
    """One that waits, made at a time that grows with its offset."""
    return Delivery(
        delivery_id=delivery_id_of(webhook_id, partition, offset, 0),
        webhook_id=webhook_id,
        kind=EVENT,
        partition=partition,
        offset=offset,
        event="run.finished",
        stream=stream,
        body=b"{\x00\xff}",
        state=PENDING,
        created_us=100 + offset,
        first_us=None,
        due_us=0,
        finished_us=None,
        attempts=0,
        history=(),
    )


def test_of(webhook_id: str, delivery_id: str) -> Delivery:
    return Delivery(delivery_id, webhook_id, TEST, -1, 0, "run.finished", "", b"{}", PENDING, 1, None, 0, None, 0, ())


test_of.__test__ = False  # type: ignore[attr-defined]


def ended(one: Delivery, state: str, at_us: int = 500, *history: Attempt) -> Delivery:
    return replace(one, state=state, first_us=400, finished_us=at_us, attempts=len(history), history=history)


async def add(store: DeliveryStore, *new: Delivery) -> None:
    """Add deliveries whatever the cursors are."""
    await store.add({}, new)


async def attempted(store: DeliveryStore, tried: Sequence[Delivery]) -> None:
    """Store what came of deliveries, by one who holds every lane."""
    await store.balance(OWNER, [LANE_NAMES], TTL_US, NOW_US)
    await store.attempted(tried, OWNER)
    await store.release(OWNER)


async def waiting(store: DeliveryStore, webhook_id: str = HOOK, partition: int = 0) -> list[int]:
    return [one.offset for one in await store.pending(webhook_id, partition, -1, EVERY_LANE, 100)]


async def share(store: DeliveryStore, owner: str) -> set[str]:
    """What a sender holds when it has given back what is above its share."""
    held, surplus = await store.balance(owner, [LEASES], TTL_US, NOW_US)
    await store.give_back(owner, surplus)
    return held - surplus


class DeliveryStoreContract:
    """The rules."""

    # --- cursors --------------------------------------------------------------------------------------------------

    async def test_a_webhook_begins_where_it_is_told_to(self, store: DeliveryStore) -> None:
        await store.begin(HOOK, [3, 7])
        assert await store.cursors() == {(HOOK, 0): Cursor(3, -1, 0), (HOOK, 1): Cursor(7, -1, 0)}
        assert await store.states() == {HOOK: WebhookState(since="[3,7]")}

    async def test_what_has_begun_is_not_moved(self, store: DeliveryStore) -> None:
        await store.begin(HOOK, [3])
        await store.begin(HOOK, [5, 2])
        assert await store.cursors() == {(HOOK, 0): Cursor(3, -1, 0), (HOOK, 1): Cursor(2, -1, 0)}

    async def test_deliveries_and_cursors_move_together(self, store: DeliveryStore) -> None:
        await store.begin(HOOK, [3])
        await store.add({(HOOK, 0): (3, 9)}, [delivery(4), delivery(6)])
        assert await store.cursors() == {(HOOK, 0): Cursor(9, 6, 9)}
        assert await waiting(store) == [4, 6]
        await store.add({(HOOK, 0): (9, 12)}, [])
        assert await store.cursors() == {(HOOK, 0): Cursor(12, 6, 12)}

    async def test_of_two_that_read_the_same_rows_one_adds_them(self, store: DeliveryStore) -> None:
        await store.begin(HOOK, [0])
        await store.begin(OTHER, [0])
        await store.add({(HOOK, 0): (0, 5)}, [delivery(1)])
        with pytest.raises(CursorMoved):
            await store.add({(OTHER, 0): (0, 5), (HOOK, 0): (0, 5)}, [delivery(1, OTHER), delivery(2)])
        assert await store.cursors() == {(HOOK, 0): Cursor(5, 1, 5), (OTHER, 0): Cursor(0, -1, 0)}
        assert (await waiting(store), await waiting(store, OTHER)) == ([1], [])

    async def test_how_new_a_read_model_was_seen_is_kept_and_never_less(self, store: DeliveryStore) -> None:
        await store.begin(HOOK, [0, 0])
        await store.seen({0: 4})
        await store.seen({0: 3, 1: 2})
        assert {key: cursor.seen for key, cursor in (await store.cursors()).items()} == {(HOOK, 0): 4, (HOOK, 1): 2}

    async def test_nothing_is_left_of_a_webhook_that_is_forgotten(self, store: DeliveryStore) -> None:
        for webhook_id in (HOOK, OTHER):
            await store.begin(webhook_id, [0])
            await add(store, delivery(1, webhook_id))
            await store.set_aside(webhook_id, "why", 1)
        await store.forget([HOOK])
        assert list(await store.cursors()) == [(OTHER, 0)]
        assert list(await store.states()) == [OTHER]
        assert (await waiting(store), await waiting(store, OTHER)) == ([], [1])

    # --- what waits -----------------------------------------------------------------------------------------------

    async def test_a_delivery_is_kept_whole(self, store: DeliveryStore) -> None:
        one = delivery(4)
        await add(store, one)
        assert await store.delivery(HOOK, one.delivery_id) == one
        assert await store.delivery(OTHER, one.delivery_id) is None
        assert await store.delivery(HOOK, "none") is None

    async def test_what_waits_comes_in_the_order_of_the_log(self, store: DeliveryStore) -> None:
        await add(store, delivery(9), delivery(2), delivery(5), delivery(3, partition=1), delivery(1, OTHER))
        assert [one.offset for one in await store.pending(HOOK, 0, 2, EVERY_LANE, 100)] == [5, 9]
        assert [one.offset for one in await store.pending(HOOK, 0, -1, EVERY_LANE, 2)] == [2, 5]
        assert await waiting(store, partition=1) == [3]

    async def test_what_waits_is_found_by_its_lane(self, store: DeliveryStore) -> None:
        streams = [f"run/{number}" for number in range(8)]
        await add(store, *(delivery(offset, stream=stream) for offset, stream in enumerate(streams)))
        found = {lane: [one.stream for one in await store.pending(HOOK, 0, -1, {lane}, 100)] for lane in EVERY_LANE}
        assert found == {lane: [one for one in streams if lane_of(one) == lane] for lane in EVERY_LANE}

    async def test_what_waits_is_found_by_its_stream(self, store: DeliveryStore) -> None:
        here = [delivery(offset, stream=f"run/{'ab'[offset % 2]}") for offset in range(10)]
        await add(store, *here, delivery(12, stream="run/a", partition=1), delivery(4, OTHER, stream="run/a"))
        await attempted(store, [ended(here[4], PARKED)])
        assert [one.offset for one in await store.pending_of(HOOK, 0, "run/a", 0, 8, 100)] == [2, 6, 8]
        assert [one.offset for one in await store.pending_of(HOOK, 0, "run/a", -1, 7, 100)] == [0, 2, 6]
        assert [one.offset for one in await store.pending_of(HOOK, 0, "run/b", -1, 9, 2)] == [1, 3]

    async def test_what_was_tried_is_kept_with_its_history(self, store: DeliveryStore) -> None:
        first, second = delivery(1), delivery(2)
        await add(store, first, second)
        refused = Attempt(400, 7, error="refused")
        again = replace(first, first_us=400, due_us=900, attempts=1, history=(refused,))
        done = ended(second, DELIVERED, 500, Attempt(400, 9, status=200, answer="ok"))
        await attempted(store, [again, done])
        assert await store.delivery(HOOK, first.delivery_id) == again
        assert await store.delivery(HOOK, second.delivery_id) == done
        assert await waiting(store) == [1]
        await attempted(store, [])

    async def test_what_is_over_is_not_changed_by_one_who_comes_late(self, store: DeliveryStore) -> None:
        one = delivery(1)
        await add(store, one)
        await attempted(store, [ended(one, DELIVERED)])
        await attempted(store, [ended(one, PARKED, 900)])
        found = await store.delivery(HOOK, one.delivery_id)
        assert found is not None
        assert (found.state, found.finished_us) == (DELIVERED, 500)

    async def test_who_does_not_hold_the_lane_any_more_stores_nothing(self, store: DeliveryStore) -> None:
        one = delivery(1)
        await add(store, one)
        await store.balance("early", [LANE_NAMES], TTL_US, NOW_US)
        await store.release("early")
        await store.balance("late", [LANE_NAMES], TTL_US, NOW_US)
        await store.attempted([ended(one, PARKED)], "early")
        assert await store.delivery(HOOK, one.delivery_id) == one
        await store.attempted([ended(one, DELIVERED)], "late")
        assert await waiting(store) == []

    async def test_counts_are_of_one_webhook(self, store: DeliveryStore) -> None:
        await add(store, *map(delivery, range(4)), delivery(0, OTHER))
        await attempted(store, [ended(delivery(0), PARKED), ended(delivery(1), DELIVERED)])
        assert await store.count(HOOK) == {PENDING: 2, PARKED: 1}
        assert await store.count("none") == {PENDING: 0, PARKED: 0}
        assert [await store.count_pending(HOOK, at_most) for at_most in (1, 2, 9)] == [1, 2, 2]

    # --- tests ----------------------------------------------------------------------------------------------------

    async def test_a_test_is_apart_from_what_is_told(self, store: DeliveryStore) -> None:
        one = test_of(HOOK, "t")
        await store.add_test(one)
        await add(store, delivery(1))
        assert await store.webhooks_with_tests() == [HOOK]
        assert await store.pending_tests(HOOK) == [one]
        assert await store.pending_tests(OTHER) == []
        assert await waiting(store) == [1]
        assert [listed.kind for listed in await store.listed(HOOK, None, None, 10)] == [EVENT]
        await attempted(store, [ended(one, DELIVERED)])
        assert await store.webhooks_with_tests() == []
        found = await store.delivery(HOOK, "t")
        assert found is not None
        assert found.state == DELIVERED

    # --- lists ----------------------------------------------------------------------------------------------------

    async def test_a_list_is_newest_first_and_goes_on_where_it_ended(self, store: DeliveryStore) -> None:
        made = [delivery(offset) for offset in range(5)]
        await add(store, *made, delivery(9, OTHER))
        first = await store.listed(HOOK, None, None, 3)
        last = (first[-1].created_us, first[-1].delivery_id)
        assert first + await store.listed(HOOK, None, last, 3) == made[::-1]

    async def test_of_what_was_made_at_one_moment_none_is_left_out(self, store: DeliveryStore) -> None:
        made = {one.delivery_id: one for one in (replace(delivery(offset), created_us=7) for offset in range(5))}
        await add(store, *made.values())
        found: list[Delivery] = []
        while page := await store.listed(
            HOOK, None, (found[-1].created_us, found[-1].delivery_id) if found else None, 2
        ):
            found += page
        assert {one.delivery_id for one in found} == set(made)
        assert len(found) == len(made)

    async def test_a_list_may_be_of_one_state(self, store: DeliveryStore) -> None:
        await add(store, *map(delivery, range(3)))
        await attempted(store, [ended(delivery(1), PARKED)])
        assert [one.offset for one in await store.listed(HOOK, PARKED, None, 10)] == [1]
        assert [one.offset for one in await store.listed(HOOK, PENDING, None, 10)] == [2, 0]

    async def test_what_was_delivered_long_ago_is_deleted_and_the_rest_is_not(self, store: DeliveryStore) -> None:
        await add(store, *map(delivery, range(5)))
        await store.add_test(test_of(HOOK, "t"))
        delivered = [ended(delivery(offset), DELIVERED, 500) for offset in (0, 1)]
        rest = [ended(delivery(2), PARKED, 500), ended(delivery(3), DELIVERED, 900)]
        await attempted(store, [*delivered, *rest, ended(test_of(HOOK, "t"), PARKED, 500)])
        assert await store.prune(501, limit=2) == 2
        assert await store.prune(501, limit=9) == 1
        assert await store.prune(501, limit=9) == 0
        assert [one.offset for one in await store.listed(HOOK, None, None, 10)] == [4, 3, 2]

    # --- once more ------------------------------------------------------------------------------------------------

    async def test_one_delivery_is_sent_again_with_its_id(self, store: DeliveryStore) -> None:
        one = delivery(1)
        await add(store, one)
        await attempted(store, [ended(one, PARKED)])
        before = (await store.state(HOOK)).rewound
        assert await store.redeliver(HOOK, one.delivery_id, 777)
        assert await waiting(store) == [1]
        assert (await store.state(HOOK)).rewound == before + 1
        found = await store.delivery(HOOK, one.delivery_id)
        assert found is not None
        assert (found.created_us, found.due_us, found.finished_us) == (777, 0, None)

    async def test_what_is_not_a_delivery_of_the_webhook_is_not_sent_again(self, store: DeliveryStore) -> None:
        await add(store, delivery(1))
        await store.add_test(test_of(HOOK, "t"))
        assert not await store.redeliver(OTHER, delivery(1).delivery_id, 1)
        assert not await store.redeliver(HOOK, "none", 1)
        assert not await store.redeliver(HOOK, "t", 1)

    async def test_all_since_a_position_is_read_again_and_nothing_is_skipped(self, store: DeliveryStore) -> None:
        await store.begin(HOOK, [0, 0])
        await store.add({(HOOK, 0): (0, 9), (HOOK, 1): (0, 9)}, [delivery(4), delivery(6)])
        await attempted(store, [ended(delivery(4), DELIVERED), ended(delivery(6), DELIVERED)])
        await store.redeliver_since(HOOK, {0: 5, 1: 20})
        assert await store.cursors() == {(HOOK, 0): Cursor(5, 6, 9), (HOOK, 1): Cursor(9, -1, 9)}
        assert (await store.state(HOOK)).rewound == 1
        await store.add({(HOOK, 0): (5, 9)}, [delivery(6)])
        assert await waiting(store) == [6]

    # --- set aside ------------------------------------------------------------------------------------------------

    async def test_what_is_added_behind_the_newest_is_looked_for_from_the_beginning(self, store: DeliveryStore) -> None:
        await store.begin(HOOK, [0])
        await store.add({(HOOK, 0): (0, 10)}, [delivery(3), delivery(7)])
        assert (await store.state(HOOK)).rewound == 0
        await store.redeliver_since(HOOK, {0: 0})
        for number, (here, there, new) in enumerate([(0, 5, [delivery(3)]), (5, 10, [delivery(7)])]):
            await store.add({(HOOK, 0): (here, there)}, new)
            assert (await store.state(HOOK)).rewound == 2 + number
        await store.add({(HOOK, 0): (10, 20)}, [delivery(12)])
        assert (await store.state(HOOK)).rewound == 3

    async def test_what_a_log_has_lost_is_forgotten(self, store: DeliveryStore) -> None:
        for webhook_id in (HOOK, OTHER):
            await store.begin(webhook_id, [0, 0])
        moves = {(HOOK, 0): (0, 10), (OTHER, 0): (0, 4), (HOOK, 1): (0, 8)}
        new = [delivery(3), delivery(5), delivery(9), delivery(3, OTHER), delivery(7, partition=1)]
        await store.add(moves, new)
        await store.add_test(test_of(HOOK, "t"))
        await attempted(store, [ended(delivery(9), DELIVERED)])
        await store.go_back({0: 5})
        assert await store.cursors() == {
            (HOOK, 0): Cursor(5, 4, 5),
            (HOOK, 1): Cursor(8, 7, 8),
            (OTHER, 0): Cursor(4, 3, 4),
            (OTHER, 1): Cursor(0, -1, 0),
        }
        kept = [(one.partition, one.offset) for one in await store.listed(HOOK, None, None, 10)]
        assert sorted(kept) == [(0, 3), (1, 7)]
        assert len(await store.pending_tests(HOOK)) == 1
        assert (await store.state(HOOK)).rewound == 1

    async def test_a_webhook_is_set_aside_with_the_reason_and_resumed(self, store: DeliveryStore) -> None:
        assert await store.state(HOOK) == WebhookState()
        await add(store, delivery(1))
        await store.begin(HOOK, [0])
        await store.add_up(HOOK, Tally(parked=3, failed_us=1))
        await store.set_aside(HOOK, "too many", 12)
        assert await store.states() == {HOOK: WebhookState(12, "too many", 3, "[0]", failing_since_us=1)}
        await store.resume(HOOK)
        assert await store.state(HOOK) == WebhookState(since="[0]", rewound=1)
        assert await waiting(store) == [1]

    async def test_what_attempts_came_to_adds_up_until_one_is_delivered(self, store: DeliveryStore) -> None:
        assert await store.add_up(HOOK, Tally(parked=1, failed_us=1)) == WebhookState()  # it is forgotten already
        await store.begin(HOOK, [0])

        async def after(*states: str, at_us: int) -> tuple[int, int | None]:
            tally = Tally()
            for state in states:
                tally = tally.with_one(state, at_us)
            found = await store.add_up(HOOK, tally)
            assert found == await store.state(HOOK)
            return found.parked_in_row, found.failing_since_us

        assert await after(PENDING, at_us=5) == (0, 5)
        assert await after(PARKED, PENDING, PARKED, at_us=6) == (2, 5)
        assert await after(PARKED, at_us=7) == (3, 5)
        assert await after(PARKED, DELIVERED, PARKED, at_us=8) == (1, 8)
        assert await after(PENDING, DELIVERED, at_us=9) == (0, None)

    async def test_what_waits_is_due_when_its_webhook_is_resumed(self, store: DeliveryStore) -> None:
        one = delivery(1)
        await add(store, one)
        await attempted(store, [replace(one, first_us=1, due_us=10**12, attempts=1)])
        await store.resume(HOOK)
        assert [found.due_us for found in await store.pending(HOOK, 0, -1, EVERY_LANE, 9)] == [0]

    # --- leases ---------------------------------------------------------------------------------------------------

    async def test_who_is_alone_holds_everything(self, store: DeliveryStore) -> None:
        groups = [LEASES, ["partition/0"]]
        assert await store.balance("a", groups, TTL_US, NOW_US) == ({*LEASES, "partition/0"}, set())

    async def test_what_is_above_the_share_is_held_until_it_is_given_back(self, store: DeliveryStore) -> None:
        await store.balance("a", [LEASES], TTL_US, NOW_US)
        assert await store.balance("b", [LEASES], TTL_US, NOW_US) == (set(), set())
        held, surplus = await store.balance("a", [LEASES], TTL_US, NOW_US)
        assert (held, len(surplus)) == (set(LEASES), 2)
        await store.give_back("b", surplus)  # they are not its own
        assert await store.balance("b", [LEASES], TTL_US, NOW_US) == (set(), set())
        await store.give_back("a", surplus)
        assert await store.balance("b", [LEASES], TTL_US, NOW_US) == (surplus, set())
        assert await store.balance("a", [LEASES], TTL_US, NOW_US) == (set(LEASES) - surplus, set())

    async def test_what_was_given_back_in_the_end_is_taken_by_the_other(self, store: DeliveryStore) -> None:
        for owner in ("a", "b", "a", "b"):
            await share(store, owner)
        await store.release("a")
        assert await share(store, "b") == set(LEASES)

    async def test_senders_that_ask_at_one_moment_hold_nothing_in_common(self, store: DeliveryStore) -> None:
        owners = ("a", "b", "c")
        held: list[set[str]] = []
        for _ in range(4):
            held = await asyncio.gather(*(share(store, one) for one in owners))
            assert sum(map(len, held)) == len(set().union(*held))
        assert set().union(*held) == set(LEASES)
        assert max(map(len, held)) == 2
