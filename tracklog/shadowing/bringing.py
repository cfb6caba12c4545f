"""Sending what waits in the outbox of a shadow to the Tracklog that it follows into."""

from collections.abc import Callable, Sequence
from typing import Any

from tracklog.bringing.requests import EVENTS_AT_ONCE, Refused, Weight, body_of, gathered, sent_in_halves
from tracklog.shadowing.state import ShadowState, Waiting

Post = Callable[[bytes], Any]
"""Sends a body to the route that takes events, and returns its answer. Raises Refused."""


class Bringing:
    """Brings events in their order. `refused` are those that the Tracklog did not take, or that changed nothing there,
    with why."""

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
            for batch in gathered((one, Weight(len(one.event), one.weight)) for one in waiting):
                for some, outcome in sent_in_halves(batch, self._send):
                    self._tell(some, outcome)
                self._state.sent(batch[-1].number)
                self.brought += len(batch)
        return self.brought - before

    def _send(self, events: Sequence[Waiting]) -> Any:
        return self._post(body_of(self._source, (one.event for one in events)))

    def _tell(self, events: Sequence[Waiting], outcome: Any) -> None:
        if isinstance(outcome, Refused):
            self.refused.append(f"{outcome}: {events[0].event[:300].decode(errors='replace')}")
        else:
            self.refused += [f"{one['id']}: {one['message']}" for one in outcome["refused"]]
