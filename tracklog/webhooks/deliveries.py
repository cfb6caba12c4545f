"""What is known of a delivery, of the attempts at it, and of a webhook as far as deliveries go."""

import uuid
from collections.abc import Sequence
from typing import Final
from zlib import crc32

import msgspec

PENDING: Final = "pending"
DELIVERED: Final = "delivered"
PARKED: Final = "parked"

EVENT: Final = "event"
TEST: Final = "test"

LANES: Final = 16
"""Streams are divided among them; what is of one lane is sent by one sender."""

KEPT_ATTEMPTS: Final = 20
"""Of each delivery; those before are only counted."""

_IDS: Final = uuid.UUID("6f1d5a3e-6c1b-5c0e-9a43-3d1f6f3b7c55")
"""The namespace of the ids of deliveries."""


class Attempt(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One call: when, how long, and what came of it: a status with the beginning of the answer, or an error."""

    at_us: int
    duration_us: int
    status: int | None = None
    error: str = ""
    answer: str = ""


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """One webhook told of one event. `history` are the newest attempts, oldest first. Of a test `offset` is -1."""

    delivery_id: str
    webhook_id: str
    kind: str
    partition: int
    offset: int
    event: str
    stream: str
    body: bytes
    state: str
    created_us: int
    first_us: int | None
    due_us: int
    finished_us: int | None
    attempts: int
    history: tuple[Attempt, ...]


def new_delivery(
    *,
    delivery_id: str,
    webhook_id: str,
    kind: str,
    partition: int,
    offset: int,
    event: str,
    stream: str,
    body: bytes,
    created_us: int,
) -> Delivery:
    """A delivery that was not tried yet, and is due at once."""
    return Delivery(
        delivery_id=delivery_id,
        webhook_id=webhook_id,
        kind=kind,
        partition=partition,
        offset=offset,
        event=event,
        stream=stream,
        body=body,
        state=PENDING,
        created_us=created_us,
        first_us=None,
        due_us=0,
        finished_us=None,
        attempts=0,
        history=(),
    )


class Cursor(msgspec.Struct, frozen=True, gc=False):
    """How far the outbox was read for a webhook, and the offset of the newest delivery, -1 for none.

    `seen` is the checkpoint of the newest read model in which the webhook was looked at.
    """

    next_offset: int
    last_offset: int
    seen: int


class WebhookState(msgspec.Struct, frozen=True, gc=False):
    """`set_aside_us` is since when nothing is sent, None while it is; `reason` says why.

    `parked_in_row` were parked since one was delivered, and `failing_since_us` is the first failure since then.
    """

    set_aside_us: int | None = None
    reason: str = ""
    parked_in_row: int = 0
    since: str = ""
    rewound: int = 0
    failing_since_us: int | None = None


class Tally(msgspec.Struct, frozen=True, gc=False):
    """What some attempts at deliveries of a webhook came to: whether any was delivered, and what came after the last.

    `parked` counts those parked, and `failed_us` is the first failure, None without any.
    """

    is_delivered: bool = False
    parked: int = 0
    failed_us: int | None = None

    def with_one(self, state: str, at_us: int) -> "Tally":
        """With one more, which came to `state`."""
        if state == DELIVERED:
            return Tally(is_delivered=True)
        failed_us = at_us if self.failed_us is None else self.failed_us
        return Tally(self.is_delivered, self.parked + (state == PARKED), failed_us)


def delivery_id_of(webhook_id: str, partition: int, offset: int, time_us: int) -> str:
    """The same at each try, and after a crash: a receiver knows by it what it has got already.

    `time_us` is the event's. Where an older log was put back, another event comes to the position of one that is lost.
    """
    return str(uuid.uuid5(_IDS, f"{webhook_id} {partition}:{offset} {time_us}"))


def since_json(since: Sequence[int]) -> str:
    """From where on a webhook is told of events, by partition, as it is kept and compared."""
    return msgspec.json.encode(since).decode()


def lane_of(stream: str) -> int:
    return crc32(stream.encode()) % LANES


def lane_name(lane: int) -> str:
    """Of the lease of a lane."""
    return f"lane/{lane}"
