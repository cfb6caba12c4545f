"""Appends that wait to be committed together, and how all of them are answered. For logs of one partition."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.envelope import PARTITION, EventData, Position


@dataclass(slots=True)
class WaitingAppend:
    """An append on its way to the log; `encoded` are the payloads of `events`, `size` their bytes together."""

    events: Sequence[EventData]
    encoded: list[bytes]
    size: int
    done: "asyncio.Future[list[Position]]"


def refuse(batch: Sequence[WaitingAppend], error: Exception) -> None:
    """Tell all that wait why their events are not in the log."""
    for append in batch:
        if not append.done.done():
            append.done.set_exception(error)


def confirm(batch: Sequence[WaitingAppend], first: int) -> int:
    """Tell all that wait where their events are, side by side from offset `first` on; the offset after the last."""
    offset = first
    for append in batch:
        count = len(append.events)
        if not append.done.done():
            append.done.set_result([Position(PARTITION, offset + index) for index in range(count)])
        offset += count
    return offset
