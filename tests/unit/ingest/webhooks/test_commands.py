"""Commands about webhooks, on a log in memory: what is refused, what is appended, and that no secret is in it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import orjson
import pytest

from ingest.log_writer import LogWriter
from ingest.webhooks.commands import WebhookCommands
from ingest.webhooks.port import SentTest, WebhookDeliveries, WebhookNeeds, WebhookSecrets, WebhookTargets
from schemas.errors import BadRequest, InvalidParameterValue, ResourceDoesNotExist
from schemas.events import WebhookCreated, WebhookDeleted, WebhookUpdated
from schemas.messages.webhooks import (
    CreateNamedWebhook,
    CreateWebhook,
    DeleteWebhook,
    RedeliverDeliveries,
    RedeliverDelivery,
    ResumeWebhook,
    TestNamedWebhook,
    TestWebhook,
    UpdateNamedWebhook,
    UpdateWebhook,
    WebhookEvent,
)
from tests.unit.ingest.doubles import ANN, Deployment

SECRET = "a secret that nobody else may see"
VERSION_CREATED = WebhookEvent(entity="MODEL_VERSION", action="CREATED")


class Targets(WebhookTargets):
    async def check(self, url: str) -> None:
        if "private" in url:
            raise InvalidParameterValue("not there")


class Secrets(WebhookSecrets):
    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.made = 0
        self.long: set[str] = set()
        self.asked: Callable[[], Awaitable[object]] | None = None

    async def keep(self, secret: str) -> str:
        self.made += 1
        self.kept[f"s{self.made}"] = secret
        return f"s{self.made}"

    async def forget(self, secret_id: str) -> None:
        self.kept.pop(secret_id, None)

    async def kept_long(self) -> set[str]:
        if self.asked is not None:
            await self.asked()
        return self.long & self.kept.keys()


class Deliveries(WebhookDeliveries):
    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.outcome = SentTest(success=True, status=200, body="ok")

    async def test(self, webhook_id: str, event: str) -> SentTest:
        self.asked.append(event)
        return self.outcome

    async def redeliver(self, webhook_id: str, delivery_id: str) -> bool:
        return delivery_id == "there"

    async def redeliver_since(self, webhook_id: str, since: Mapping[int, int]) -> None:
        self.asked.append(dict(since))

    async def resume(self, webhook_id: str) -> None:
        self.asked.append("resume")


class Hooks:
    def __init__(self) -> None:
        self.secrets, self.deliveries = Secrets(), Deliveries()
        parts = WebhookNeeds(Targets(), self.secrets, self.deliveries)
        self.deployment = Deployment(webhooks=parts)
        commands = self.deployment.ingest.webhooks
        assert commands is not None
        self.commands: WebhookCommands = commands

    async def created(self, **given: Any) -> dict[str, Any]:
        values: dict[str, Any] = {"name": "w", "url": "https://example.org", "events": [VERSION_CREATED], **given}
        answer = await self.commands.create(CreateWebhook(**values), ANN, "q")
        return dict(orjson.loads(answer)["webhook"])

    async def updated(self, webhook_id: str, **given: Any) -> dict[str, Any]:
        answer = await self.commands.update(UpdateWebhook(webhook_id=webhook_id, **given), ANN, "q")
        return dict(orjson.loads(answer)["webhook"])


@pytest.fixture
def hooks() -> Hooks:
    return Hooks()


async def test_a_new_webhook_is_answered_in_mlflows_shape(hooks: Hooks) -> None:
    webhook = await hooks.created(description="d", secret=SECRET)
    assert list(webhook) == [
        "webhook_id",
        "name",
        "description",
        "url",
        "events",
        "status",
        "creation_timestamp",
        "last_updated_timestamp",
    ]
    assert webhook["events"] == [{"entity": "MODEL_VERSION", "action": "CREATED"}]
    assert webhook["status"] == "ACTIVE"


async def test_it_is_told_of_what_comes_after_it(hooks: Hooks) -> None:
    before = await hooks.deployment.count()
    await hooks.created()
    [event] = [one for one in await hooks.deployment.events() if isinstance(one, WebhookCreated)]
    assert event.since == [before]


async def test_a_secret_is_in_no_event_and_in_no_answer(hooks: Hooks) -> None:
    webhook = await hooks.created(secret=SECRET)
    updated = await hooks.updated(webhook["webhook_id"], secret=f"{SECRET} 2")
    assert SECRET not in str([webhook, updated])
    for recorded in await hooks.deployment.log.read(0, 0, limit=100):
        assert SECRET.encode() not in recorded.payload
    assert list(hooks.secrets.kept.values()) == [f"{SECRET} 2"]


@pytest.mark.parametrize(
    "given",
    [
        {"name": "-"},
        {"url": "https://private"},
        {"events": []},
        {"events": [WebhookEvent(entity="MODEL_VERSION", action="UPDATED")]},
        {"status": "OFF"},
    ],
    ids=str,
)
async def test_what_is_refused_leaves_nothing(hooks: Hooks, given: Any) -> None:
    before = await hooks.deployment.count()
    with pytest.raises(InvalidParameterValue):
        await hooks.created(secret=SECRET, **given)
    assert await hooks.deployment.count() == before
    assert hooks.secrets.kept == {}


async def test_an_event_that_is_there_twice_is_refused(hooks: Hooks) -> None:
    with pytest.raises(BadRequest):
        await hooks.created(events=[VERSION_CREATED, VERSION_CREATED])


async def test_an_update_changes_what_it_says_and_nothing_else(hooks: Hooks) -> None:
    webhook = await hooks.created(description="d", secret=SECRET)
    updated = await hooks.updated(webhook["webhook_id"], name="", url="", events=[])
    assert updated == {**webhook, "last_updated_timestamp": updated["last_updated_timestamp"]}
    updated = await hooks.updated(webhook["webhook_id"], name="v", description="", url="https://example.com")
    assert (updated["name"], updated["url"], "description" in updated) == ("v", "https://example.com", False)
    assert list(hooks.secrets.kept.values()) == [SECRET]


async def test_a_secret_is_cleared(hooks: Hooks) -> None:
    webhook = await hooks.created(secret=SECRET)
    await hooks.updated(webhook["webhook_id"], secret="")
    assert hooks.secrets.kept == {}


async def test_of_secrets_that_are_set_at_one_moment_the_last_is_kept(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook_id = (await hooks.created(secret=SECRET))["webhook_id"]
    append, both_are_there = LogWriter.append_and_wait, asyncio.Barrier(2)

    async def append_and_meet(*arguments: Any) -> Any:
        try:
            return await append(*arguments)
        finally:
            await both_are_there.wait()

    monkeypatch.setattr(LogWriter, "append_and_wait", append_and_meet)
    await asyncio.gather(*(hooks.updated(webhook_id, secret=f"{SECRET} {number}") for number in range(2)))
    last = (await hooks.deployment.events())[-1]
    assert isinstance(last, WebhookUpdated)
    assert list(hooks.secrets.kept) == [last.secret_id]


async def test_a_secret_that_no_webhook_names_is_forgotten_later(hooks: Hooks) -> None:
    """Of a change that raced, or whose process was killed before its event was in the log."""
    webhook_id = (await hooks.created(secret=SECRET))["webhook_id"]
    named, late, left, new = hooks.secrets.kept.keys() | {"late", "left", "new"}, "late", "left", "new"
    hooks.secrets.kept |= {late: "named by an event that is not folded yet", left: "named by none", new: "still made"}
    hooks.secrets.long = named - {new}
    created = WebhookCreated(webhook_id="x", name="x", url="u", events=[], since=[0], secret_id=late)
    hooks.secrets.asked = partial(hooks.deployment.append, created)
    other = (await hooks.created())["webhook_id"]
    await hooks.commands.delete(DeleteWebhook(webhook_id=other), ANN, "q")
    assert hooks.secrets.kept.keys() == named - {left}
    assert (await hooks.updated(webhook_id))["webhook_id"] == webhook_id


async def test_a_status_comes_with_the_ends_of_the_log(hooks: Hooks) -> None:
    webhook = await hooks.created()
    before = await hooks.deployment.count()
    for status in ("ACTIVE", "DISABLED", None):
        await hooks.updated(webhook["webhook_id"], status=status)
    updates = [one for one in await hooks.deployment.events() if isinstance(one, WebhookUpdated)]
    assert [(one.since, one.until) for one in updates] == [([before], None), (None, [before + 1]), (None, None)]


async def test_a_deleted_webhook_leaves_no_secret_and_is_gone(hooks: Hooks) -> None:
    webhook_id = (await hooks.created(secret=SECRET))["webhook_id"]
    await hooks.commands.delete(DeleteWebhook(webhook_id=webhook_id), ANN, "q")
    assert hooks.secrets.kept == {}
    assert isinstance((await hooks.deployment.events())[-1], WebhookDeleted)
    for command in (
        hooks.commands.delete(DeleteWebhook(webhook_id=webhook_id), ANN, "q"),
        hooks.commands.update(UpdateWebhook(webhook_id=webhook_id), ANN, "q"),
        hooks.commands.test(TestWebhook(webhook_id=webhook_id), ANN, "q"),
        hooks.commands.resume(ResumeWebhook(webhook_id=webhook_id), ANN, "q"),
        hooks.commands.redeliver(RedeliverDelivery(webhook_id=webhook_id, delivery_id="there"), ANN, "q"),
        hooks.commands.redeliver_since(RedeliverDeliveries(webhook_id=webhook_id, since_ms=0), ANN, "q"),
    ):
        with pytest.raises(ResourceDoesNotExist):
            await command


async def test_events_of_ours_are_named_and_mlflows_routes_show_mlflows_alone(hooks: Hooks) -> None:
    create = CreateNamedWebhook(name="w", url="https://example.org", events=["run.finished", "model_version.created"])
    webhook = orjson.loads(await hooks.commands.create_named(create, ANN, "q"))["webhook"]
    assert webhook["events"] == ["model_version.created", "run.finished"]
    updated = await hooks.updated(webhook["webhook_id"])
    assert updated["events"] == [{"entity": "MODEL_VERSION", "action": "CREATED"}]
    updated = await hooks.updated(webhook["webhook_id"], events=[WebhookEvent(entity="PROMPT", action="CREATED")])
    assert updated["events"] == [{"entity": "PROMPT", "action": "CREATED"}]
    update = UpdateNamedWebhook(webhook_id=webhook["webhook_id"])
    named = orjson.loads(await hooks.commands.update_named(update, ANN, "q"))["webhook"]
    assert named["events"] == ["prompt.created", "run.finished"]
    update = UpdateNamedWebhook(webhook_id=webhook["webhook_id"], events=["run.failed"])
    named = orjson.loads(await hooks.commands.update_named(update, ANN, "q"))["webhook"]
    assert named["events"] == ["run.failed"]


async def test_mlflows_routes_know_no_webhook_without_an_event_of_mlflows(hooks: Hooks) -> None:
    create = CreateNamedWebhook(name="w", url="https://example.org", events=["run.finished"])
    webhook_id = orjson.loads(await hooks.commands.create_named(create, ANN, "q"))["webhook"]["webhook_id"]
    for command in (
        hooks.commands.update(UpdateWebhook(webhook_id=webhook_id, events=[VERSION_CREATED]), ANN, "q"),
        hooks.commands.test(TestWebhook(webhook_id=webhook_id), ANN, "q"),
        hooks.commands.delete(DeleteWebhook(webhook_id=webhook_id), ANN, "q"),
    ):
        with pytest.raises(ResourceDoesNotExist, match=f"/api/tracklog/v1/webhooks/{webhook_id}"):
            await command
    await hooks.commands.delete_named(DeleteWebhook(webhook_id=webhook_id), ANN, "q")
    assert isinstance((await hooks.deployment.events())[-1], WebhookDeleted)


@pytest.mark.parametrize(
    ("outcome", "answer"),
    [
        (SentTest(True, 200, "ok"), {"success": True, "response_status": 200, "response_body": "ok"}),
        (SentTest(False, 500, ""), {"success": False, "response_status": 500, "response_body": ""}),
        (SentTest(False, error="refused"), {"success": False, "error_message": "refused"}),
    ],
)
async def test_a_test_is_answered_with_what_came_of_it(hooks: Hooks, outcome: SentTest, answer: Any) -> None:
    hooks.deliveries.outcome = outcome
    webhook_id = (await hooks.created())["webhook_id"]
    test = TestWebhook(webhook_id=webhook_id, event=WebhookEvent(entity="PROMPT", action="CREATED"))
    assert orjson.loads(await hooks.commands.test(test, ANN, "q")) == {"result": answer}
    await hooks.commands.test(TestWebhook(webhook_id=webhook_id), ANN, "q")
    assert hooks.deliveries.asked == ["prompt.created", "model_version.created"]


async def test_without_an_event_the_first_is_tested_as_the_route_shows_them(hooks: Hooks) -> None:
    create = CreateNamedWebhook(
        name="w",
        url="https://example.org",
        events=["run.finished", "registered_model.created", "model_version_tag.set", "experiment.deleted"],
    )
    webhook_id = orjson.loads(await hooks.commands.create_named(create, ANN, "q"))["webhook"]["webhook_id"]
    await hooks.commands.test(TestWebhook(webhook_id=webhook_id), ANN, "q")
    answer = await hooks.commands.test_named(TestNamedWebhook(webhook_id=webhook_id), ANN, "q")
    assert orjson.loads(answer)["result"]["success"]
    await hooks.commands.test_named(TestNamedWebhook(webhook_id=webhook_id, event="prompt.renamed"), ANN, "q")
    assert hooks.deliveries.asked == ["model_version_tag.set", "experiment.deleted", "prompt.renamed"]
    with pytest.raises(InvalidParameterValue, match="There is no event 'run"):
        await hooks.commands.test_named(TestNamedWebhook(webhook_id=webhook_id, event="run.exploded"), ANN, "q")


async def test_deliveries_are_sent_again(hooks: Hooks) -> None:
    webhook_id = (await hooks.created())["webhook_id"]
    await hooks.commands.redeliver(RedeliverDelivery(webhook_id=webhook_id, delivery_id="there"), ANN, "q")
    with pytest.raises(ResourceDoesNotExist):
        await hooks.commands.redeliver(RedeliverDelivery(webhook_id=webhook_id, delivery_id="elsewhere"), ANN, "q")
    since = RedeliverDeliveries(webhook_id=webhook_id, positions=[3])
    await hooks.commands.redeliver_since(since, ANN, "q")
    await hooks.commands.redeliver_since(RedeliverDeliveries(webhook_id=webhook_id, since_ms=0), ANN, "q")
    await hooks.commands.resume(ResumeWebhook(webhook_id=webhook_id), ANN, "q")
    assert hooks.deliveries.asked == [{0: 3}, {}, "resume"]
    for positions in ([], [1, 2], [-1]):
        with pytest.raises(InvalidParameterValue):
            again = RedeliverDeliveries(webhook_id=webhook_id, positions=positions)
            await hooks.commands.redeliver_since(again, ANN, "q")
