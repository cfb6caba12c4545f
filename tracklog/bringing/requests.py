"""Requests that bring events: of a bounded size each, and in halves where a server does not take one whole."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, Generic, NamedTuple, TypeVar

import orjson

EVENTS_AT_ONCE: Final = 500
BYTES_AT_ONCE: Final = 8 * 1024 * 1024
VALUES_AT_ONCE: Final = 50_000
"""Of one request. The route takes 1,000 events, 26 MiB, and 65,536 values in JSON."""

NOT_TAKEN: Final = (400, 413)
"""Statuses by which a server says that a request has an event which it does not take, or is too large."""

T = TypeVar("T")
A = TypeVar("A")


class Refused(Exception):
    """The server refuses what was asked, and does so however often it is asked. The message has its words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Weight(NamedTuple):
    """About how many bytes an event has as it is sent, and how many values in JSON, at most."""

    size: int
    values: int


class Gathered(Generic[T]):
    """What is to be sent together. An event that alone is more than a request takes is a batch of its own."""

    def __init__(self) -> None:
        self.events: list[T] = []
        self._size = self._values = 0

    def takes(self, weight: Weight) -> bool:
        """Whether there is room for one more."""
        return not self.events or (
            len(self.events) < EVENTS_AT_ONCE
            and self._size + weight.size <= BYTES_AT_ONCE
            and self._values + weight.values <= VALUES_AT_ONCE
        )

    def add(self, event: T, weight: Weight) -> None:
        self.events.append(event)
        self._size += weight.size
        self._values += weight.values

    def take(self) -> list[T]:
        """What was gathered; it begins anew."""
        events, self.events = self.events, []
        self._size = self._values = 0
        return events


def gathered(events: Iterable[tuple[T, Weight]]) -> Iterator[list[T]]:
    """All of some events, in batches that are as large as they may be."""
    batch = Gathered[T]()
    for event, weight in events:
        if not batch.takes(weight):
            yield batch.take()
        batch.add(event, weight)
    if batch.events:
        yield batch.events


def body_of(source: str, documents: Iterable[bytes]) -> bytes:
    """The body of a request that brings events, which `source` had first; each document is JSON."""
    return b'{"source":' + orjson.dumps(source) + b',"events":[' + b",".join(documents) + b"]}"


def sent_in_halves(events: Sequence[T], send: Callable[[Sequence[T]], A]) -> Iterator[tuple[Sequence[T], A | Refused]]:
    """Send some events, and say of which of them came what: an answer, or, of a single one, its refusal.

    What is not taken whole is sent in halves, until the event is alone that the server does not take. Raises what
    `send` does, but for such a refusal.
    """
    try:
        answer = send(events)
    except Refused as error:
        if error.status not in NOT_TAKEN:
            raise
        if len(events) == 1:
            yield events, error
            return
        middle = len(events) // 2
        yield from sent_in_halves(events[:middle], send)
        yield from sent_in_halves(events[middle:], send)
    else:
        yield events, answer


def ids_there(answer: Any) -> set[str]:
    """The ids of those events of a request that were there already, by the answer to it."""
    return set(answer.get("there_ids", ()))
