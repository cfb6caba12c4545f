"""What this process knows of the keys of streams: some thousand, each for some seconds.

A key is asked for again after LEASE_S. So LEASE_S after it was destroyed no process opens anything with it, whatever
became of the connections between them.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping, Set
from typing import Final, NamedTuple

from event_log.sealing.port import StreamKeys
from event_log.sealing.stream_key import StreamKey
from schemas.envelope import Position

LEASE_S: Final = 5.0
"""Longer than some batches take to be folded, so that streams that are busy are asked for once in many; an erasure is
carried out so much later."""

KEPT_KEYS: Final = 4096
"""In some 10 MB: the library takes 2.4 KB for each key that it is ready to use."""

Keys = Mapping[str, StreamKey | None]
_Ask = Callable[[Collection[str]], Awaitable[Mapping[str, bytes | None]]]


class _Known(NamedTuple):
    key: StreamKey | None
    until_s: float


class KnownStreamKeys:
    """Of one log; None is a key that was destroyed. Raises LogUnavailable. `clock` tells seconds."""

    def __init__(self, keys: StreamKeys, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys = keys
        self._clock = clock
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._to_open = _Asked(keys.found)
        self._to_seal = _Asked(keys.made)
        self._passed_over: Set[Position] = frozenset()
        self._passed_over_until_s = float("-inf")

    async def to_open(self, streams: Set[str]) -> Keys:
        """The keys of streams, as far as there are any."""
        return await self._all_of(streams, self._to_open)

    async def to_seal(self, streams: Set[str]) -> Keys:
        """The keys of streams, made where there was none."""
        return await self._all_of(streams, self._to_seal)

    async def passed_over(self) -> Set[Position]:
        """The events that are forgotten although the key of their stream stays."""
        asked_s = self._clock()
        if asked_s >= self._passed_over_until_s:
            self._passed_over = await self._keys.passed_over()
            self._passed_over_until_s = asked_s + LEASE_S
        return self._passed_over

    async def check(self) -> None:
        """See that the store answers."""
        await self._keys.found(())

    async def close(self) -> None:
        """Let go of the store."""
        await self._keys.close()

    async def _all_of(self, streams: Set[str], asked: "_Asked") -> Keys:
        found = self._fresh(streams)
        if len(found) == len(streams):
            return found
        asked.waiting |= streams - found.keys()
        async with asked.one_at_a_time:
            found = self._fresh(streams)
            if len(found) < len(streams):
                # With what others wait for meanwhile, in one question.
                wanted, asked.waiting = asked.waiting | (streams - found.keys()), set()
                asked_s = self._clock()
                answer = await asked.ask(wanted)
                found |= self._remember(answer, asked_s + LEASE_S, streams)
        return found

    def _fresh(self, streams: Set[str]) -> dict[str, StreamKey | None]:
        now_s = self._clock()
        found: dict[str, StreamKey | None] = {}
        for stream in streams:
            known = self._known.get(stream)
            if known is not None and known.until_s > now_s:
                found[stream] = known.key
                self._known.move_to_end(stream)
        return found

    def _remember(
        self, answer: Mapping[str, bytes | None], until_s: float, wanted: Set[str]
    ) -> dict[str, StreamKey | None]:
        found: dict[str, StreamKey | None] = {}
        for stream, secret in answer.items():
            known = self._known.pop(stream, None)
            key = None if secret is None else StreamKey(secret)
            if key is not None and known is not None and known.key is not None and known.key.secret == secret:
                key = known.key
            self._known[stream] = _Known(key, until_s)
            if stream in wanted:
                found[stream] = key
        while len(self._known) > KEPT_KEYS:
            self._known.popitem(last=False)
        return found


class _Asked:
    """One kind of question, asked one at a time, and the streams that wait for the next one."""

    def __init__(self, ask: _Ask) -> None:
        self.ask = ask
        self.waiting: set[str] = set()
        self.one_at_a_time = asyncio.Lock()
