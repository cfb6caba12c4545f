"""The metrics of a sender: kind, unit and labels of each."""

from typing import Final

ATTEMPTS: Final = "tracklog_webhook_attempts"  # counter, calls that came to something, by outcome
PARKED: Final = "tracklog_webhook_parked_deliveries"  # counter, deliveries given up
UNDER_WAY: Final = "tracklog_webhook_deliveries_under_way"  # gauge, calls that were not answered yet
SET_ASIDE: Final = "tracklog_webhooks_set_aside"  # gauge, webhooks that are sent nothing until they are resumed
