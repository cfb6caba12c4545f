"""The projection of webhooks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from typing import Final, get_args

import orjson

from projector.changes import Change, Delete, Read, Upsert
from projector.projection import Loading, Projection
from schemas.envelope import RecordedEvent
from schemas.errors import ResourceAlreadyExists
from schemas.events import AnyWebhookEvent, WebhookCreated, WebhookDeleted, WebhookUpdated
from schemas.fields import refuse_if_changed
from schemas.messages.webhooks import webhook_not_found

DISABLED: Final = "DISABLED"

Pause = tuple[list[int], list[int] | None]
"""From where to where a webhook was disabled, by partition; None while it is."""


@dataclass(slots=True)
class Webhook:
    """A row of `webhooks`."""

    webhook_id: str
    name: str
    description: str
    url: str
    events: str
    status: str
    secret_id: str
    since: str
    pauses: str
    creation_timestamp_ms: int
    last_updated_timestamp_ms: int


@dataclass(slots=True)
class Webhooks:
    """The webhooks that a batch is about, and what it changes of them."""

    webhooks: dict[str, Webhook] = field(default_factory=dict)
    changed: dict[str, Webhook | None] = field(default_factory=dict)  # None deletes


_COLUMNS: Final = (
    "webhook_id",
    "name",
    "description",
    "url",
    "events",
    "status",
    "secret_id",
    "since",
    "pauses",
    "creation_timestamp_ms",
    "last_updated_timestamp_ms",
)
_ROW: Final = attrgetter(*_COLUMNS)

MAX_PAUSES: Final = 100
"""Of a webhook. The oldest are forgotten: what came in them is told where it was not read yet, and nothing is lost."""


def _load(events: Sequence[AnyWebhookEvent]) -> Loading[Webhooks]:
    rows = yield Read("webhooks", _COLUMNS, "webhook_id", {event.webhook_id for event in events})
    return Webhooks({row[0]: Webhook(*row) for row in rows})


def _fold(state: Webhooks, recorded: RecordedEvent, event: AnyWebhookEvent) -> None:
    time_ms = recorded.time_us // 1000
    webhook = state.webhooks.get(event.webhook_id)
    if isinstance(event, WebhookCreated):
        if webhook is not None:
            raise ResourceAlreadyExists(f"Webhook id {event.webhook_id} is taken.")
        _change(state, _created(event, time_ms))
        return
    if webhook is None:
        raise webhook_not_found(event.webhook_id)
    if event.undo is not None:
        refuse_if_changed(event.undo, partial(getattr, webhook))
    match event:
        case WebhookUpdated():
            _update(webhook, event, time_ms)
            _change(state, webhook)
        case WebhookDeleted():
            del state.webhooks[event.webhook_id]
            state.changed[event.webhook_id] = None


def _created(event: WebhookCreated, time_ms: int) -> Webhook:
    return Webhook(
        event.webhook_id,
        event.name,
        event.description,
        event.url,
        _json(event.events),
        event.status,
        event.secret_id,
        _json(event.since),
        _json([(event.since, None)] if event.status == DISABLED else []),
        creation_timestamp_ms=time_ms,
        last_updated_timestamp_ms=time_ms,
    )


def _update(webhook: Webhook, event: WebhookUpdated, time_ms: int) -> None:
    if event.status not in (None, webhook.status):
        webhook.pauses = _json(_pauses(orjson.loads(webhook.pauses), event))
    for column in ("name", "description", "url", "status", "secret_id"):
        value = getattr(event, column)
        if value is not None:
            setattr(webhook, column, value)
    if event.events is not None:
        webhook.events = _json(event.events)
    webhook.last_updated_timestamp_ms = max(webhook.last_updated_timestamp_ms, time_ms)


def _pauses(before: list[Pause], event: WebhookUpdated) -> list[Pause]:
    """Those of a webhook whose status becomes another.

    An event of the first version did not say where a pause begins. It begins with the log then.
    """
    if event.status == DISABLED:
        return [*before, (event.until or [], None)][-MAX_PAUSES:]
    return [*before[:-1], (before[-1][0], event.since or [])] if before else []


def _change(state: Webhooks, webhook: Webhook) -> None:
    state.webhooks[webhook.webhook_id] = state.changed[webhook.webhook_id] = webhook


def _json(values: Sequence[object]) -> str:
    return orjson.dumps(values).decode()


def _changes(state: Webhooks) -> Iterator[Change]:
    yield Upsert("webhooks", [_ROW(webhook) for webhook in state.changed.values() if webhook is not None])
    yield Delete("webhooks", [(one,) for one, webhook in state.changed.items() if webhook is None])


WEBHOOKS: Final = Projection(get_args(AnyWebhookEvent), _load, _fold, _changes)
