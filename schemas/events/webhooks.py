"""The events of a webhook, in the stream webhook/<id>.

Its secret is in none of them: `secret_id` names it in the store of secrets, which alone has it, sealed.
"""

from typing import Final

from schemas.events.event import Event, StreamKind

WEBHOOKS: Final = StreamKind("webhook")


class WebhookEvent(Event, frozen=True):
    kind = WEBHOOKS

    webhook_id: str

    @property
    def stream_key(self) -> str:
        return self.webhook_id


class WebhookCreated(WebhookEvent, frozen=True):
    """`events` are the names of what it is told of, such as model_version.created; `status` is ACTIVE or DISABLED.

    `since` is the log's end when it was made, by partition: it is told of what comes after.
    `secret_id` is empty without a secret.
    """

    event_type = "webhook.created"

    name: str
    url: str
    events: list[str]
    since: list[int]
    description: str = ""
    status: str = "ACTIVE"
    secret_id: str = ""


class WebhookUpdated(WebhookEvent, frozen=True):
    """What is None stays as it was.

    With a status come the log's ends at that moment, by partition: ACTIVE is told of what comes from `since` on,
    DISABLED of what came before `until`. They count where the status becomes another.
    """

    event_type = "webhook.updated"
    event_version = 2

    name: str | None = None
    url: str | None = None
    events: list[str] | None = None
    since: list[int] | None = None
    description: str | None = None
    status: str | None = None
    secret_id: str | None = None
    until: list[int] | None = None


class WebhookDeleted(WebhookEvent, frozen=True):
    event_type = "webhook.deleted"


AnyWebhookEvent = WebhookCreated | WebhookUpdated | WebhookDeleted
