"""What is answered of webhooks and their deliveries."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import orjson

from query_api.filter.pages import SortValue, checked_max_results, fingerprint, page_token, sort_values
from query_api.port import ReadModel
from query_api.webhooks.port import DELIVERY_STATES, AttemptSeen, Deliveries, DeliverySeen
from query_api.webhooks.rows import ALL, MLFLOWS, newest_webhooks, one_webhook
from schemas.documents.webhooks import WebhookFields, mlflow_webhook, tracklog_webhook
from schemas.errors import InvalidParameterValue
from schemas.messages.webhooks import GetDelivery, GetWebhook, ListDeliveries, ListWebhooks, delivery_not_found

DEFAULT_RESULTS: Final = 100
MAX_RESULTS: Final = 1000

_WEBHOOKS: Final = fingerprint("webhooks")

Show = Callable[[WebhookFields], Awaitable[dict[str, Any]]]


class WebhookAnswers:
    """Answers from the read model and what is known of deliveries, in JSON.

    Lists raise InvalidParameterValue for a bad size or token of a page, all else ResourceDoesNotExist.
    """

    def __init__(self, read_model: ReadModel, deliveries: Deliveries) -> None:
        self._read_model = read_model
        self._deliveries = deliveries

    async def list_as_mlflow(self, wanted: ListWebhooks) -> bytes:
        """`{"webhooks": […], "next_page_token"}`, newest first; `{}` without any. Only those of events of MLflow's."""
        return await self._list(wanted, _as_mlflow, MLFLOWS)

    async def list_whole(self, wanted: ListWebhooks) -> bytes:
        """The same of every webhook, each as `get_whole` answers it."""
        return await self._list(wanted, self._whole, ALL)

    async def get_as_mlflow(self, wanted: GetWebhook) -> bytes:
        """`{"webhook": …}`."""
        webhook = await one_webhook(self._read_model, wanted.webhook_id)
        return orjson.dumps({"webhook": mlflow_webhook(webhook)})

    async def get_whole(self, wanted: GetWebhook) -> bytes:
        """With dotted names of events, `pending` and `parked` deliveries, and `set_aside` where it is."""
        webhook = await one_webhook(self._read_model, wanted.webhook_id)
        return orjson.dumps({"webhook": await self._whole(webhook)})

    async def list_deliveries(self, wanted: ListDeliveries) -> bytes:
        """`{"deliveries": […], "next_page_token"}`, newest first; `{}` without any."""
        if wanted.state and wanted.state not in DELIVERY_STATES:
            raise InvalidParameterValue(f"The state of a delivery is one of {', '.join(DELIVERY_STATES)}.")
        limit = _page_size(wanted.max_results)
        await one_webhook(self._read_model, wanted.webhook_id)
        search = fingerprint("deliveries", wanted.webhook_id, wanted.state)
        behind = _place(wanted.page_token, search)
        found = await self._deliveries.listed(wanted.webhook_id, wanted.state or None, behind, limit + 1)
        page = [_delivery(one) for one in found[:limit]]
        return _page("deliveries", page, [(one.created_us, one.delivery_id) for one in found], search)

    async def get_delivery(self, wanted: GetDelivery) -> bytes:
        """`{"delivery": …}`, with its newest attempts, oldest first."""
        await one_webhook(self._read_model, wanted.webhook_id)
        found = await self._deliveries.delivery(wanted.webhook_id, wanted.delivery_id)
        if found is None:
            raise delivery_not_found(wanted.delivery_id)
        attempts = [_attempt(one) for one in found.attempts]
        return orjson.dumps({"delivery": {**_delivery(found), "attempts": attempts}})

    async def _list(self, wanted: ListWebhooks, show: Show, which: str) -> bytes:
        limit = _page_size(wanted.max_results)
        behind = _place(wanted.page_token, _WEBHOOKS)
        found = await newest_webhooks(self._read_model, behind, limit + 1, which)
        page = [await show(webhook) for webhook in found[:limit]]
        return _page("webhooks", page, [(one.creation_timestamp_ms, one.webhook_id) for one in found], _WEBHOOKS)

    async def _whole(self, webhook: WebhookFields) -> dict[str, Any]:
        seen = await self._deliveries.webhook(webhook.webhook_id)
        whole = {**tracklog_webhook(webhook), "pending": seen.pending, "parked": seen.parked}
        if seen.set_aside_us is not None:
            whole["set_aside"] = {"since": seen.set_aside_us // 1000, "reason": seen.reason}
        return whole


async def _as_mlflow(webhook: WebhookFields) -> dict[str, Any]:
    return mlflow_webhook(webhook)


def _page_size(max_results: int | None) -> int:
    """Source: MLflow 3.17 takes 0 for its default."""
    return checked_max_results(max_results or 0, least=0, most=MAX_RESULTS) or DEFAULT_RESULTS


def _place(token: str, search: str) -> tuple[int, str] | None:
    """The time of creation and id in a token, None for the first page."""
    match sort_values(token, search, (int, str)):
        case (int() as time, str() as name):
            return time, name
        case _:
            return None


def _page(field: str, shown: list[dict[str, Any]], places: Sequence[tuple[SortValue, ...]], search: str) -> bytes:
    if not shown:
        return b"{}"
    page: dict[str, Any] = {field: shown}
    if len(places) > len(shown):
        page["next_page_token"] = page_token(search, places[len(shown) - 1])
    return orjson.dumps(page)


def _delivery(one: DeliverySeen) -> dict[str, Any]:
    """Times are milliseconds; `next_attempt_timestamp` is there while one is to come."""
    shown: dict[str, Any] = {
        "delivery_id": one.delivery_id,
        "event": one.event,
        "stream": one.stream,
        "state": one.state,
        "creation_timestamp": one.created_us // 1000,
        "attempt_count": one.attempt_count,
    }
    if one.offset >= 0:
        shown["position"] = f"{one.partition}:{one.offset}"
    if one.first_us is not None:
        shown["first_attempt_timestamp"] = one.first_us // 1000
    if one.state == "pending":
        shown["next_attempt_timestamp"] = max(one.due_us, one.created_us) // 1000
    if one.finished_us is not None:
        shown["end_timestamp"] = one.finished_us // 1000
    if one.attempts:
        shown["last_attempt"] = _attempt(one.attempts[-1])
    return shown


def _attempt(one: AttemptSeen) -> dict[str, Any]:
    """`status` and `answer` where the receiver answered, `error` where something went wrong."""
    shown: dict[str, Any] = {"timestamp": one.at_us // 1000, "duration_ms": one.duration_us / 1000}
    if one.status is not None:
        shown |= {"status": one.status, "answer": one.answer}
    if one.error:
        shown["error"] = one.error
    return shown
