"""The requests about webhooks and their deliveries: MLflow's, which name events by pairs, and ours, by their names."""

from typing import Annotated, ClassVar, Final

import msgspec

from schemas.errors import ResourceDoesNotExist
from schemas.messages.bounds import MAX_REGISTRY_DESCRIPTION_CHARACTERS, Id, Name, PageToken, Word
from schemas.messages.message import Int64, Message, Required

MAX_URL_CHARACTERS: Final = 2048
MAX_SECRET_CHARACTERS: Final = 5000
MAX_EVENTS: Final = 100
MAX_PARTITIONS: Final = 10_000

Url = Annotated[str, msgspec.Meta(max_length=MAX_URL_CHARACTERS)]
Secret = Annotated[str, msgspec.Meta(max_length=MAX_SECRET_CHARACTERS)]
Description = Annotated[str, msgspec.Meta(max_length=MAX_REGISTRY_DESCRIPTION_CHARACTERS)]


class WebhookEvent(Message):
    """What a webhook is told of, as MLflow names it; each is a name or the number of one."""

    required: ClassVar[Required] = ("entity", "action")

    entity: Word | int | None = None
    action: Word | int | None = None


Pairs = Annotated[list[WebhookEvent], msgspec.Meta(max_length=MAX_EVENTS)]
Names = Annotated[list[Word], msgspec.Meta(max_length=MAX_EVENTS)]


class WebhookMessage(Message):
    """A request about one webhook, by its id."""

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
    delivery_id: Id = ""


class NewWebhook(Message):
    """A webhook that is to be made, but for its events."""

    required: ClassVar[Required] = ("name", "url", "events")

    name: Name = ""
    description: Description = ""
    url: Url = ""
    secret: Secret = ""
    status: Word | int | None = None


class CreateWebhook(NewWebhook):
    events: Pairs = []


class CreateNamedWebhook(NewWebhook):
    events: Names = []


class ChangedWebhook(WebhookMessage):
    """What is to be changed, but for the events.

    An empty name, URL or list changes nothing; an empty description or secret clears it.
    """

    name: Name = ""
    description: Description | None = None
    url: Url = ""
    secret: Secret | None = None
    status: Word | int | None = None


class UpdateWebhook(ChangedWebhook):
    events: Pairs = []


class UpdateNamedWebhook(ChangedWebhook):
    events: Names = []


class DeleteWebhook(WebhookMessage):
    pass


class DeleteNamedWebhook(DeleteWebhook):
    pass


class TestWebhook(WebhookMessage):
    """Without an event the first of those that the webhook is told of, as the route shows them."""

    __test__: ClassVar[bool] = False  # no test of pytest's

    event: WebhookEvent | None = None


class TestNamedWebhook(WebhookMessage):
    """The same, of an event by its name."""

    __test__: ClassVar[bool] = False

    event: Word = ""


class RedeliverDelivery(WebhookMessage):
    delivery_id: Id = ""


class RedeliverDeliveries(WebhookMessage):
    """All since a time, in milliseconds since the Unix epoch, or since an offset of each partition of the log."""

    required: ClassVar[Required] = (("since_ms", "positions"),)

    since_ms: Int64 | None = None
    positions: Annotated[list[Int64], msgspec.Meta(max_length=MAX_PARTITIONS)] | None = None


class ResumeWebhook(WebhookMessage):
    pass


def webhook_not_found(webhook_id: str) -> ResourceDoesNotExist:
    return ResourceDoesNotExist(f"Webhook with ID {webhook_id} not found.")


def webhook_not_mlflows(webhook_id: str) -> ResourceDoesNotExist:
    """For MLflow's routes, of a webhook that is told of nothing that MLflow tells."""
    return ResourceDoesNotExist(
        f"Webhook with ID {webhook_id} not found among those of MLflow's events; it is told of others, and is at"
        f" /api/tracklog/v1/webhooks/{webhook_id}."
    )


def delivery_not_found(delivery_id: str) -> ResourceDoesNotExist:
    return ResourceDoesNotExist(f"The webhook has no delivery with the id {delivery_id}.")
