"""What commands know of a webhook."""

from dataclasses import dataclass

from schemas.documents.webhooks import WebhookFields


@dataclass(frozen=True, slots=True)
class KnownWebhook:
    """A webhook as the read model has it, and the id of its secret, empty without one."""

    fields: WebhookFields
    secret_id: str
