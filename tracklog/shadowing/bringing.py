"""Sending what waits in the outbox of a shadow to the Tracklog that it follows into."""

from collections.abc import Callable
from typing import Any, Final

from orjson import dumps

from tracklog.shadowing.state import ShadowState

EVENTS_AT_ONCE: Final = 500
VALUES_AT_ONCE: Final = 50_000
BYTES_AT_ONCE: Final = 8 * 1024 * 1024
"""The route takes 1,000 events, 65,536 values in JSON and 26 MiB."""

Post = Callable[[bytes], Any]
"""Sends a body to the route that takes events, and returns its answer."""


class Bringing:
    """Brings events in their order. `refused` are those that the Tracklog said changed nothing, with why."""

    def __init__(self, state: ShadowState, source: str, post: Post) -> None:
        self._state = state
        self._source = source
        self._post = post
        self.brought = 0
        self.refused: list[str] = []

    def bring(self) -> int:
        """Bring everything that waits. Returns how many events; raises what `post` does, and they wait on."""
        before = self.brought
        while waiting := self._state.waiting(EVENTS_AT_ONCE):
            values = size = 0
            some: list[bytes] = []
            last = waiting[0][0]
            for number, event, weight in waiting:
                if some and (values + weight > VALUES_AT_ONCE or size + len(event) > BYTES_AT_ONCE):
                    break
                some.append(event)
                last, values, size = number, values + weight, size + len(event)
            body = b'{"source":' + dumps(self._source) + b',"events":[' + b",".join(some) + b"]}"
            answer = self._post(body)
            self.refused += [f"{one['id']}: {one['message']}" for one in answer["refused"]]
            self._state.sent(last)
            self.brought += len(some)
        return self.brought - before
