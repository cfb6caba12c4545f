"""The read routes of webhooks: MLflow's, and ours below /api/tracklog/v1/webhooks.

All are for administrators where users are known: a URL may hold what lets one in somewhere.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

from query_api.reads import OrderingUnits, Reads
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
from schemas.rest.route import NO_PREFIX, READ_LIMITS, V2, Kind, Permission, Route

M = TypeVar("M", bound=Message)

_MLFLOWS: Final = "/mlflow/webhooks"
_OURS: Final = "/api/tracklog/v1/webhooks"


def webhook_routes(reads: Reads, deliveries: Deliveries) -> tuple[Route, ...]:
    answers = WebhookAnswers(reads.read_model, deliveries)

    def route(
        path: str,
        prefixes: tuple[str, ...],
        message_type: type[M],
        answer: Callable[[M], Awaitable[bytes]],
        units: OrderingUnits[M] | None = None,
    ) -> Route:
        return Route(
            method="GET",
            path=path,
            prefixes=prefixes,
            handler=query_handler(message_type, answer, reads.catch_up(units)),
            kind=Kind.READ,
            permission=Permission.ADMIN,
            limits=READ_LIMITS,
        )

    one = f"{_OURS}/{{webhook_id}}"
    return (
        route(_MLFLOWS, V2, ListWebhooks, answers.list_as_mlflow),
        route(f"{_MLFLOWS}/{{webhook_id}}", V2, GetWebhook, answers.get_as_mlflow, _webhook),
        route(_OURS, NO_PREFIX, ListWholeWebhooks, answers.list_whole),
        route(one, NO_PREFIX, GetWholeWebhook, answers.get_whole, _webhook),
        route(f"{one}/deliveries", NO_PREFIX, ListDeliveries, answers.list_deliveries, _webhook),
        route(f"{one}/deliveries/{{delivery_id}}", NO_PREFIX, GetDelivery, answers.get_delivery, _webhook),
    )


def _webhook(wanted: WebhookMessage) -> Iterable[str]:
    return (WEBHOOKS.ordering_unit(wanted.webhook_id),)
