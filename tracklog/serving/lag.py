"""How long events have waited to become visible in the read model."""

from schemas.envelope import Positions


class Lag:
    """Compares where the log ends with where the read model is, look after look, on one clock.

    In seconds, not in events: a read model that is far behind in a burst, and gets on, is well.
    """

    def __init__(self) -> None:
        self._end: Positions = {}
        self._since_s = 0.0

    def look(self, end: Positions, checkpoint: Positions, now_s: float) -> float:
        """How long something that an earlier look found in the log is not visible yet, at least; 0 for nothing."""
        if any(checkpoint.get(partition, 0) < offset for partition, offset in self._end.items()):
            return now_s - self._since_s
        self._end, self._since_s = dict(end), now_s
        return 0.0
