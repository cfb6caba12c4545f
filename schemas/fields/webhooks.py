"""What the events of a webhook set. Its secret is no field: what it is is not in the log."""

from collections.abc import Iterable, Mapping
from typing import Final, assert_never

import orjson

from schemas.events import AnyWebhookEvent, WebhookCreated, WebhookDeleted, WebhookUpdated
from schemas.fields.field import DESCRIPTION, NAME, STATUS, Held, Value

URL: Final = "url"
EVENTS: Final = "events"
"""The names of what it is told of, as a JSON list."""


def events_field(events: Iterable[str]) -> str:
    return orjson.dumps(list(events)).decode()


def set_by_webhook_event(event: AnyWebhookEvent, held: Held) -> Mapping[str, Value]:
    match event:
        case WebhookCreated() | WebhookUpdated():
            given = {
                NAME: event.name,
                DESCRIPTION: event.description,
                URL: event.url,
                EVENTS: None if event.events is None else events_field(event.events),
                STATUS: event.status,
            }
            return {name: value for name, value in given.items() if value is not None}
        case WebhookDeleted():
            return dict.fromkeys(held)
        case _:
            assert_never(event)
