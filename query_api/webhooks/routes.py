"""The read routes of webhooks: MLflow's, and ours below /api/tracklog/v1/webhooks.

All are for administrators where users are known: a URL may hold what lets one in somewhere.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from query_api.reads import OrderingUnits, Reads, mlflow_read, tracklog_read
from query_api.webhooks.answers import WebhookAnswers
from query_api.webhooks.port import Deliveries
from schemas.events.webhooks import WEBHOOKS
from schemas.messages.message import Message
from schemas.messages.webhooks import (
    GetDelivery,
    GetWebhook,
    GetWholeWebhook,
    ListDeliveries,
    ListWebhooks,
    ListWholeWebhooks,
    WebhookMessage,
)
from schemas.rest.handler import query_handler
from schemas.rest.route import Handler, Permission, Route

M = TypeVar("M", bound=Message)


def webhook_routes(reads: Reads, deliveries: Deliveries) -> tuple[Route, ...]:
    answers = WebhookAnswers(reads.read_model, deliveries)

    def handler(
        message_type: type[M], answer: Callable[[M], Awaitable[bytes]], units: OrderingUnits[M] | None = None
    ) -> Handler:
        return query_handler(message_type, answer, reads.catch_up(units))

    admin, one = Permission.ADMIN, "webhooks/{webhook_id}"
    return (
        mlflow_read("GET", "webhooks", handler(ListWebhooks, answers.list_as_mlflow), admin),
        mlflow_read("GET", one, handler(GetWebhook, answers.get_as_mlflow, _webhook), admin),
        tracklog_read("webhooks", handler(ListWholeWebhooks, answers.list_whole), admin),
        tracklog_read(one, handler(GetWholeWebhook, answers.get_whole, _webhook), admin),
        tracklog_read(f"{one}/deliveries", handler(ListDeliveries, answers.list_deliveries, _webhook), admin),
        tracklog_read(f"{one}/deliveries/{{delivery_id}}", handler(GetDelivery, answers.get_delivery, _webhook), admin),
    )


def _webhook(wanted: WebhookMessage) -> Iterable[str]:
    return (WEBHOOKS.ordering_unit(wanted.webhook_id),)
