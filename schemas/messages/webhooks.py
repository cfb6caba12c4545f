"""What is said of webhooks in several services."""

from schemas.errors import ResourceDoesNotExist


def webhook_not_found(webhook_id: str) -> ResourceDoesNotExist:
    return ResourceDoesNotExist(f"Webhook with ID {webhook_id} not found.")
