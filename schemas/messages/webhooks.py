"""The requests that read webhooks, and what is said of webhooks in several services."""

from typing import ClassVar

from schemas.errors import ResourceDoesNotExist
from schemas.messages.bounds import Id, PageToken, Word
from schemas.messages.message import Int64, Message, Required


class WebhookMessage(Message):
    """A request about one webhook, by its id."""

    required: ClassVar[Required] = ("webhook_id",)

    webhook_id: Id = ""


class ListWebhooks(Message):
    max_results: Int64 | None = None
    page_token: PageToken = ""


class ListWholeWebhooks(ListWebhooks):
    """By our own route."""


class GetWebhook(WebhookMessage):
    pass


class GetWholeWebhook(GetWebhook):
    """By our own route."""


class ListDeliveries(WebhookMessage):
    """`state` is pending, delivered or parked; all without it."""

    state: Word = ""
    max_results: Int64 | None = None
    page_token: PageToken = ""


class GetDelivery(WebhookMessage):
    required: ClassVar[Required] = ("webhook_id", "delivery_id")

    delivery_id: Id = ""


def webhook_not_found(webhook_id: str) -> ResourceDoesNotExist:
    return ResourceDoesNotExist(f"Webhook with ID {webhook_id} not found.")


def delivery_not_found(delivery_id: str) -> ResourceDoesNotExist:
    return ResourceDoesNotExist(f"The webhook has no delivery with the id {delivery_id}.")
