"""What a worker folds at once: a fair share of what waits in each of its partitions, bounded."""

from collections import deque
from collections.abc import Collection
from typing import Final

from schemas.envelope import RecordedEvent

BATCH_EVENTS: Final = 2000
"""Enough that a transaction's fixed cost is small beside its events, few enough that a reader is not held up."""

BATCH_BYTES: Final = 2 * 1024 * 1024
"""Of payloads: some 50 events of 1,000 points, 60 ms of work on an idle machine. A request that waits for an
event of another partition waits for one such batch at most. Twice as many save a tenth of the work
and double the wait."""

WHOLE_LOG_BATCH_BYTES: Final = 4 * 1024 * 1024
"""Of a worker alone with a log of one partition: all readers wait for the same work, which larger batches reduce."""


def take(
    waiting: Collection[deque[RecordedEvent]], max_events: int = BATCH_EVENTS, max_bytes: int = BATCH_BYTES
) -> list[RecordedEvent]:
    """Take events out of the front of each queue, of each in its order, no queue getting more than its share.

    A share is an equal part of what fits; what one queue does not need of it is shared by the others. At least one
    event of each queue is taken, so `max_bytes` may be passed by the largest event of each.
    """
    taken: list[RecordedEvent] = []
    queues = [queue for queue in waiting if queue]
    events_left, bytes_left = max_events, max_bytes
    while queues and events_left > 0 and bytes_left > 0:
        event_share, byte_share = -(-events_left // len(queues)), bytes_left / len(queues)
        for queue in queues:
            events, size = 0, 0
            while queue and events < event_share and size < byte_share:
                event = queue.popleft()
                taken.append(event)
                events += 1
                size += len(event.payload)
            events_left -= events
            bytes_left -= size
        queues = [queue for queue in queues if queue]
    return taken
