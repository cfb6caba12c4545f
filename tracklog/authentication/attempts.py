"""How often somebody may be wrong: failures are counted by account and by address, and forgotten with time."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

MAX_FAILURES: Final = 10
"""Of one account from one address before it has to wait."""
MAX_FAILURES_OF_ADDRESS: Final = 100
"""Of one address, whatever accounts it tries: many people may share one."""
FORGIVEN_S: Final = 6.0
"""After so long one failure is forgotten: ten tries a minute go on for ever."""
MAX_REMEMBERED: Final = 10_000
"""Accounts and addresses. Of more, those that failed longest ago are forgotten."""


class Attempts:
    """Leaky buckets of failures. An account is held by address too, so that no stranger can lock its owner out."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._failures: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()  # number, and when

    def wait_s(self, account: str, address: str) -> float:
        """How long the next try has to wait, 0 for not at all."""
        own = self._number((account, address)) - MAX_FAILURES + 1
        of_address = self._number(("", address)) - MAX_FAILURES_OF_ADDRESS + 1
        return max(0.0, own * FORGIVEN_S, of_address * FORGIVEN_S)

    def failed(self, account: str, address: str) -> None:
        for key in ((account, address), ("", address)):
            number = self._number(key) + 1
            self._failures[key] = (number, self._now_s())
            self._failures.move_to_end(key)
        while len(self._failures) > MAX_REMEMBERED:
            self._failures.popitem(last=False)

    def succeeded(self, account: str, address: str) -> None:
        self._failures.pop((account, address), None)

    def _number(self, key: tuple[str, str]) -> float:
        number, at_s = self._failures.get(key, (0.0, 0.0))
        return max(0.0, number - (self._now_s() - at_s) / FORGIVEN_S)
