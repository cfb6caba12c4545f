"""How a sender paces itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderRules:
    """How a sender paces itself; tests are quicker."""

    poll_s: float = 0.2
    poll_without_webhooks_s: float = 1.0
    """A look costs some milliseconds, and most servers have no webhook: the first one waits this long once."""
    renew_s: float = 2.5
    lease_s: float = 10.0
    under_way: int = 64
    """Of each webhook."""
    waiting: int = 1000
    """Deliveries of each webhook in memory, but for those that failed."""
    backlog: int = 10_000
    """Of a webhook with so many pending deliveries the outbox is not read on."""
    rows_at_once: int = 1000
    parked_in_row: int = 100
    """A webhook is set aside after so many."""
    failing_s: float = 7 * 24 * 3600.0
    """And after so long in which nothing was delivered."""
    kept_s: float = 7 * 24 * 3600.0
    """What was delivered is forgotten after so long."""
    pruned_at_once: int = 5000
    """So many are forgotten at each look, until none is left that is old enough, and again after a minute."""
    test_s: float = 60.0
    """An older test is not sent any more: nobody waits for it."""
    drain_s: float = 5.0
    """How long what is under way may take when the sender is to stop."""
