"""The commands about webhooks.

Each takes a request message, the actor and the id of the request, and answers with JSON when its event is projected.
What is refused is refused before anything is appended. Raises InvalidParameterValue, BadRequest, ResourceDoesNotExist
where there is no such webhook, and what LogWriter and the ports raise.
"""

import contextlib
import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any

import orjson

from ingest.admission.known_entities import KnownEntities
from ingest.answers import EMPTY
from ingest.log_writer import LogWriter, in_the_log, undone_if_refused
from ingest.webhooks.decisions import ACTIVE, DISABLED, check_name, name_of, names_of, status_of
from ingest.webhooks.lookups import SECRETS, SINCE, WEBHOOK
from ingest.webhooks.port import WebhookNeeds
from ingest.webhooks.state import KnownWebhook
from schemas.documents.webhooks import mlflow_pairs, mlflow_webhook, tracklog_webhook
from schemas.envelope import Actor
from schemas.errors import InvalidParameterValue, Retryable
from schemas.events import WebhookCreated, WebhookDeleted, WebhookUpdated
from schemas.messages.webhooks import (
    ChangedWebhook,
    CreateNamedWebhook,
    CreateWebhook,
    NewWebhook,
    RedeliverDeliveries,
    RedeliverDelivery,
    TestNamedWebhook,
    TestWebhook,
    UpdateNamedWebhook,
    UpdateWebhook,
    WebhookEvent,
    WebhookMessage,
    delivery_not_found,
    webhook_not_found,
    webhook_not_mlflows,
)
from schemas.mlflow import LARGEST_INT64
from schemas.webhook_events import ANNOUNCEMENTS, MLFLOW_PAIRS


class WebhookCommands:
    def __init__(self, writer: LogWriter, known: KnownEntities, needs: WebhookNeeds) -> None:
        self._writer = writer
        self._known = known
        self._needs = needs

    async def create(self, command: CreateWebhook, actor: Actor, request_id: str) -> bytes:
        """A webhook, told of what comes from now on."""
        created = await self._create(command, command.events, actor, request_id)
        return _answer(mlflow_webhook(created.fields))

    async def create_named(self, command: CreateNamedWebhook, actor: Actor, request_id: str) -> bytes:
        """The same, of events by their names."""
        created = await self._create(command, command.events, actor, request_id)
        return _answer(tracklog_webhook(created.fields))

    async def update(self, command: UpdateWebhook, actor: Actor, request_id: str) -> bytes:
        """Change what is said; a new URL, secret or status has a webhook that was set aside go on.

        Of the events those that MLflow has no names for stay.
        """
        webhook = await self._mlflows(command.webhook_id)
        names = names_of(command.events)
        kept = [name for name in webhook.fields.events if ANNOUNCEMENTS[name].mlflow_pair is None] if names else []
        updated = await self._update(command, [*names, *kept], actor, request_id)
        return _answer(mlflow_webhook(updated.fields))

    async def update_named(self, command: UpdateNamedWebhook, actor: Actor, request_id: str) -> bytes:
        """The same, of events by their names."""
        updated = await self._update(command, command.events, actor, request_id)
        return _answer(tracklog_webhook(updated.fields))

    async def delete(self, command: WebhookMessage, actor: Actor, request_id: str) -> bytes:
        """Delete a webhook for good, with its secret and everything that it is owed."""
        await self._mlflows(command.webhook_id)
        return await self.delete_named(command, actor, request_id)

    async def delete_named(self, command: WebhookMessage, actor: Actor, request_id: str) -> bytes:
        """The same, whatever it is told of."""
        webhook = await self._webhook(command.webhook_id)
        await self._writer.append_and_wait(WebhookDeleted(webhook_id=command.webhook_id), actor, request_id)
        await self._forget(webhook.secret_id)
        await self._forget_unnamed()
        return EMPTY

    async def test(self, command: TestWebhook, actor: Actor, request_id: str) -> bytes:
        """Send an example once, also to a webhook that is disabled. Answered with what came of it."""
        webhook = await self._mlflows(command.webhook_id)
        first = MLFLOW_PAIRS[mlflow_pairs(webhook.fields)[0]].name
        return await self._test(command.webhook_id, first if command.event is None else name_of(command.event))

    async def test_named(self, command: TestNamedWebhook, actor: Actor, request_id: str) -> bytes:
        """The same, of an event by its name."""
        webhook = await self._webhook(command.webhook_id)
        (event,) = names_of([command.event or min(webhook.fields.events)])
        return await self._test(command.webhook_id, event)

    async def _test(self, webhook_id: str, event: str) -> bytes:
        result = await self._needs.deliveries.test(webhook_id, event)
        answer: dict[str, Any] = {"success": result.success}
        if result.status is not None:
            answer |= {"response_status": result.status, "response_body": result.body}
        if result.error:
            answer["error_message"] = result.error
        return orjson.dumps({"result": answer})

    async def redeliver(self, command: RedeliverDelivery, actor: Actor, request_id: str) -> bytes:
        """Have one delivery sent again, with the same id."""
        await self._webhook(command.webhook_id)
        if not await self._needs.deliveries.redeliver(command.webhook_id, command.delivery_id):
            raise delivery_not_found(command.delivery_id)
        return EMPTY

    async def redeliver_since(self, command: RedeliverDeliveries, actor: Actor, request_id: str) -> bytes:
        """Have everything sent again since a time or since an offset of each partition, with the same ids."""
        await self._webhook(command.webhook_id)
        if command.positions is not None:
            partitions = len(await self._writer.ends())
            if len(command.positions) != partitions or min(command.positions) < 0:
                raise InvalidParameterValue(f"positions are the offsets of {partitions} partitions, from 0 on.")
            since = dict(enumerate(command.positions))
        else:
            assert command.since_ms is not None
            since_us = min(max(command.since_ms, 0), LARGEST_INT64 // 1000) * 1000
            since = dict(await self._known.lookups.all(SINCE, since_us))
        await self._needs.deliveries.redeliver_since(command.webhook_id, since)
        return EMPTY

    async def resume(self, command: WebhookMessage, actor: Actor, request_id: str) -> bytes:
        """Send again to a webhook that was set aside, from where it stopped."""
        await self._webhook(command.webhook_id)
        await self._needs.deliveries.resume(command.webhook_id)
        return EMPTY

    async def _create(
        self, command: NewWebhook, events: Sequence[WebhookEvent | str], actor: Actor, request_id: str
    ) -> KnownWebhook:
        check_name(command.name)
        names = names_of(events)
        if not names:
            raise InvalidParameterValue(
                "Invalid value for parameter 'events': a webhook is told of one event at least."
            )
        status = status_of(command.status) or ACTIVE
        await self._needs.targets.check(command.url)
        webhook_id = str(uuid.uuid4())
        secret_id = await self._needs.secrets.keep(command.secret) if command.secret else ""
        event = WebhookCreated(
            webhook_id=webhook_id,
            name=command.name,
            url=command.url,
            events=names,
            since=await self._writer.ends(),
            description=command.description,
            status=status,
            secret_id=secret_id,
        )
        await self._append(event, secret_id, actor, request_id)
        return await self._now(webhook_id)

    async def _update(
        self, command: ChangedWebhook, events: Sequence[WebhookEvent | str], actor: Actor, request_id: str
    ) -> KnownWebhook:
        webhook = await self._webhook(command.webhook_id)
        if command.name:
            check_name(command.name)
        names = names_of(events) or None
        status = status_of(command.status)
        if command.url:
            await self._needs.targets.check(command.url)
        secret_id = command.secret
        if command.secret:
            secret_id = await self._needs.secrets.keep(command.secret)
        ends = await self._writer.ends() if status else None
        event = WebhookUpdated(
            webhook_id=command.webhook_id,
            name=command.name or None,
            url=command.url or None,
            events=names,
            since=ends if status == ACTIVE else None,
            description=command.description,
            status=status,
            secret_id=secret_id,
            until=ends if status == DISABLED else None,
        )
        await self._append(event, secret_id or "", actor, request_id)
        if secret_id is not None:
            # Another change may have come after this one: the fold decided whose secret counts.
            now = await self._known.look_up(WEBHOOK, command.webhook_id)
            for one in {webhook.secret_id, secret_id} - {now.secret_id if now else ""}:
                await self._forget(one)
            await self._forget_unnamed()
        return await self._now(command.webhook_id)

    async def _append(
        self, event: WebhookCreated | WebhookUpdated, secret_id: str, actor: Actor, request_id: str
    ) -> None:
        async with undone_if_refused(partial(self._forget, secret_id)):
            await self._writer.append_and_wait(event, actor, request_id)

    async def _forget(self, secret_id: str) -> None:
        """Forget a secret; the id is empty where there is none."""
        if secret_id:
            await self._needs.secrets.forget(secret_id)

    async def _forget_unnamed(self) -> None:
        """Forget secrets that no webhook names: of changes that raced, or whose process was killed on the way."""
        with contextlib.suppress(Retryable):  # the next change forgets them
            kept = await self._needs.secrets.kept_long()
            if not kept <= await self._named_secrets():
                await self._known.catch_up()
                for secret_id in kept - await self._named_secrets():
                    await self._needs.secrets.forget(secret_id)

    async def _named_secrets(self) -> set[str]:
        return set(await self._known.lookups.all(SECRETS))

    async def _webhook(self, webhook_id: str) -> KnownWebhook:
        webhook = await self._known.look_up(WEBHOOK, webhook_id)
        if webhook is None:
            raise webhook_not_found(webhook_id)
        return webhook

    async def _mlflows(self, webhook_id: str) -> KnownWebhook:
        """One that MLflow's routes know, because it is told of an event that MLflow tells."""
        webhook = await self._webhook(webhook_id)
        if not mlflow_pairs(webhook.fields):
            raise webhook_not_mlflows(webhook_id)
        return webhook

    async def _now(self, webhook_id: str) -> KnownWebhook:
        """The webhook after its event."""
        with in_the_log():
            return await self._webhook(webhook_id)


def _answer(webhook: dict[str, Any]) -> bytes:
    return orjson.dumps({"webhook": webhook})
