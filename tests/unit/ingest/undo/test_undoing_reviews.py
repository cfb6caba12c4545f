"""Changes of issues, label schemas and review queues are undone, and how a scorer is scored online."""

from typing import Any

import msgspec
import orjson
import pytest

from ingest.undo.commands import NEVER_UNDONE, NOT_PERMITTED, UNDOINGS
from schemas.errors import InvalidParameterValue, PermissionDenied
from schemas.events import (
    STREAM_KINDS,
    ArtifactDeleted,
    IssueCreated,
    IssueUpdated,
    LabelSchemaCreated,
    LabelSchemaDeleted,
    LabelSchemaUpdated,
    ReviewQueueCreated,
    ReviewQueueDeleted,
    ReviewQueueItemsAdded,
    ReviewQueueItemsRemoved,
    ReviewQueueItemStatusSet,
    ReviewQueueUpdated,
    ScorerDeleted,
    ScorerOnlineConfigSet,
    ScorerRegistered,
)
from schemas.levels import Level
from schemas.messages.message import Message
from schemas.messages.undo import PlanUndo
from schemas.rest.access import ISSUE, LABEL_SCHEMA, REVIEW_QUEUE, Asking, On, Rule
from schemas.sight import Sight
from tests.unit.ingest.undo.session import Session
from tests.unit.ingest.undo.test_undo import fields, reasons

QUEUE = ReviewQueueCreated(queue_id="rq-1", experiment_id=0, name="q", queue_type="CUSTOM", users=["ann"])
SCHEMA = LabelSchemaCreated(schema_id="ls-1", experiment_id=0, name="s", type="FEEDBACK", input='{"text":{}}')
ISSUE_MADE = IssueCreated(issue_id="iss-1", experiment_id=0, name="i", description="d")
SCORER = ScorerRegistered(experiment_id=0, name="a b", scorer_id="x", version_id="v", serialized_scorer="{}")


@pytest.fixture
async def session() -> Session:
    session = Session()
    await session.ingest.ensure_default_experiment()
    for event in (QUEUE, SCHEMA, ISSUE_MADE, SCORER):
        await session.deployment.append(event)
    return session


async def last(session: Session, *events: Any) -> str:
    """Append events; the place of the last one."""
    for event in events:
        await session.deployment.append(event)
    return f"0:{len(await session.deployment.events()) - 1}"


async def there_and_back(session: Session, *events: Any, stream: str) -> tuple[list[str], Any]:
    """Undo all events, undo that, and undo that again; which types the first undo made, and its plan."""
    before = await session.rows()
    since = len(await session.deployment.events())
    await last(session, *events)
    after = await session.rows()
    chosen = (await session.deployment.log.read(0, since, limit=1))[0]
    wanted = {"stream": stream, "to": str(chosen.time_us // 1000)}
    plan = await session.plan(**wanted)
    answer = await session.undo("u", **wanted)
    assert answer["refused"] == []
    assert await session.rows() == before != after
    await session.undo("back", request_id="u")
    assert await session.rows() == after
    await session.undo("and back", request_id="back")
    assert await session.rows() == before
    return [one["type"] for one in answer["undone"]], plan


async def test_an_issue_is_as_before_but_keeps_a_severity(session: Session) -> None:
    await session.deployment.append(IssueUpdated(issue_id="iss-1", severity="low"))
    changed = IssueUpdated(issue_id="iss-1", name="j", description="e", status="resolved", severity="high")
    types, plan = await there_and_back(session, changed, stream="issue/iss-1")
    assert types == ["issue.updated"]
    assert ("severity", "high", "low") in fields(plan)
    place = await last(session, IssueCreated(issue_id="iss-2", experiment_id=0, name="i", description="d"))
    assert reasons(await session.plan(event=place)) == ["An issue that was created stays: give it the status rejected."]
    place = await last(session, IssueUpdated(issue_id="iss-2", severity="high"))
    assert reasons(await session.plan(event=place)) == ["What has a severity keeps one: give it another."]


async def test_a_label_schema_is_as_before_unless_its_name_is_taken(session: Session) -> None:
    await session.deployment.append(LabelSchemaUpdated(schema_id="ls-1", instruction="look"))
    changed = LabelSchemaUpdated(
        schema_id="ls-1", name="t", input='{"text":{"max_length":1}}', instruction="", enable_comment=True
    )
    types, _ = await there_and_back(session, changed, stream="label-schema/ls-1")
    assert types == ["label-schema.updated"]
    place = await last(session, LabelSchemaUpdated(schema_id="ls-1", name="t"))
    await session.deployment.append(
        LabelSchemaCreated(schema_id="ls-2", experiment_id=0, name="s", type="FEEDBACK", input='{"text":{}}')
    )
    assert reasons(await session.plan(event=place)) == ["The name is that of another label schema now."]
    of_instruction = await last(session, LabelSchemaUpdated(schema_id="ls-2", instruction="look"))
    assert reasons(await session.plan(event=of_instruction))[0].startswith("What has an instruction keeps one")
    deleted = await last(session, LabelSchemaDeleted(schema_id="ls-1"))
    assert reasons(await session.plan(event=deleted))[0].startswith("A label schema that was deleted is gone for good")
    plan = await session.plan(event=place, over_later=True)
    assert reasons(plan) == ["The label schema is deleted."]


async def test_a_review_queue_is_as_before_with_the_traces_in_it(session: Session) -> None:
    types, _ = await there_and_back(
        session,
        ReviewQueueUpdated(queue_id="rq-1", name="r", users=["bob"], schema_ids=["ls-1"]),
        ReviewQueueItemsAdded(queue_id="rq-1", item_ids=["tr-1", "tr-2"]),
        ReviewQueueItemStatusSet(queue_id="rq-1", item_id="tr-1", status="COMPLETE", completed_by="ann"),
        stream="review-queue/rq-1",
    )
    assert types == ["review-queue.items-removed", "review-queue.updated"]
    await last(session, ReviewQueueItemsAdded(queue_id="rq-1", item_ids=["tr-1", "tr-2"]))
    done = ReviewQueueItemStatusSet(queue_id="rq-1", item_id="tr-1", status="COMPLETE", completed_by="ann")
    await last(session, done)
    types, _ = await there_and_back(
        session, ReviewQueueItemsRemoved(queue_id="rq-1", item_ids=["tr-1", "tr-2"]), stream="review-queue/rq-1"
    )
    assert types == ["review-queue.items-added", "review-queue.item-status-set"]


async def test_who_made_an_item_complete_is_as_before_too(session: Session) -> None:
    def made(status: str, by: str | None) -> ReviewQueueItemStatusSet:
        return ReviewQueueItemStatusSet(queue_id="rq-1", item_id="tr-1", status=status, completed_by=by)

    added = ReviewQueueItemsAdded(queue_id="rq-1", item_ids=["tr-1"])
    await last(session, added, added, made("COMPLETE", "ann"), made("COMPLETE", "eve"))
    types, plan = await there_and_back(
        session, made("PENDING", None), made("COMPLETE", "bob"), stream="review-queue/rq-1"
    )
    assert types == ["review-queue.item-status-set"]
    assert fields(plan) == [("items.tr-1", '["COMPLETE","bob"]', '["COMPLETE","ann"]')]


async def test_of_a_review_queue_what_another_has_or_what_is_in_it_stands_in_the_way(session: Session) -> None:
    place = await last(session, ReviewQueueUpdated(queue_id="rq-1", name="r", schema_ids=["ls-1"], created_by="bob"))
    other = ReviewQueueCreated(queue_id="rq-2", experiment_id=0, name="Q", queue_type="CUSTOM")
    await last(session, other, ReviewQueueItemsAdded(queue_id="rq-1", item_ids=["tr-1"]))
    plan = await session.plan(event=place)
    assert plan["changes"] == []
    assert reasons(plan) == [
        "What has an owner keeps one: give it another.",
        "The name is that of another review queue now.",
        "The questions of a review queue stay as they are while there are items in it.",
    ]
    await last(session, ReviewQueueDeleted(queue_id="rq-1"))
    plan = await session.plan(event=place, over_later=True)
    assert set(reasons(plan)) == {"The review queue is deleted."}


async def test_how_a_scorer_is_scored_online_is_as_before(session: Session) -> None:
    def scored(rate: float, where: str | None) -> ScorerOnlineConfigSet:
        return ScorerOnlineConfigSet(
            experiment_id=0, name="a b", online_scoring_config_id="c", sample_rate=rate, filter_string=where
        )

    place = await last(session, scored(0.5, None))
    assert reasons(await session.plan(event=place))[0].startswith("A scorer that is scored online stays so")
    types, _ = await there_and_back(session, scored(1.0, "x = 'y'"), stream="scorer/0/a%20b")
    assert types == ["scorer.online-config-set"]
    registered = await last(session, SCORER)
    assert reasons(await session.plan(event=registered))[0].startswith("A version of a scorer that was registered")
    again = await last(session, scored(0.7, None))
    await last(session, ScorerDeleted(experiment_id=0, name="a b"))
    assert reasons(await session.plan(event=again, over_later=True)) == ["The scorer is deleted."]
    plan = await session.plan(event=place, over_later=True)
    assert (plan["changes"], reasons(plan)) == ([], ["Everything is already as it was before."])


async def test_what_changed_in_the_moment_of_an_undo_stays(session: Session) -> None:
    """By the fold, whatever the order of the log."""
    config = ScorerOnlineConfigSet(experiment_id=0, name="a b", online_scoring_config_id="c", sample_rate=0.5)
    added = ReviewQueueItemsAdded(queue_id="rq-1", item_ids=["tr-1"])
    for event, later in (
        (IssueUpdated(issue_id="iss-1", name="j"), IssueUpdated(issue_id="iss-1", name="k")),
        (LabelSchemaUpdated(schema_id="ls-1", name="t"), LabelSchemaUpdated(schema_id="ls-1", name="u")),
        (ReviewQueueUpdated(queue_id="rq-1", name="r"), ReviewQueueUpdated(queue_id="rq-1", name="s")),
        (added, ReviewQueueItemStatusSet(queue_id="rq-1", item_id="tr-1", status="DECLINED", completed_by="ann")),
        (config, msgspec.structs.replace(config, sample_rate=0.7)),
    ):
        if event is config:
            await last(session, msgspec.structs.replace(config, sample_rate=0.0))
        place = await last(session, event)
        await session.undo("u", event=place)
        undone = (await session.deployment.events())[-1]
        await last(session, event, later)
        held = await session.rows()
        await session.deployment.append(undone)
        assert await session.rows() == held, event


async def test_who_may_not_change_them_may_not_undo_it_either(session: Session) -> None:
    asked: list[str] = []

    class OfNothing(Asking):
        async def allow(self, message: Message) -> None: ...
        async def allow_keys(self, *keys: str) -> None: ...
        async def sight(self, level: Level = Level.READ) -> Sight:
            return Sight(1, (), {})

        async def allow_by(self, rule: Rule, message: Message) -> None:
            [part] = rule
            assert isinstance(part, On)
            asked.append(f"{part.type} {' '.join(part.keys(message))}")
            raise PermissionDenied("no")

    plan = orjson.loads(await session.ingest.undo.plan(PlanUndo(actor="", request_id="r", event=""), OfNothing()))
    assert plan["changes"] == []
    for stream in ("issue/iss-1", "label-schema/ls-1", "review-queue/rq-1", "scorer/0/a%20b"):
        plan = orjson.loads(await session.ingest.undo.plan(PlanUndo(stream=stream, to="0"), OfNothing()))
        assert (plan["changes"], reasons(plan)) == ([], [NOT_PERMITTED])
    assert asked == [f"{ISSUE} iss-1", f"{LABEL_SCHEMA} ls-1", f"{REVIEW_QUEUE} rq-1", "scorer 0/a%20b"]


async def test_of_every_kind_of_stream_it_is_said_what_is_undone_or_why_nothing_is(session: Session) -> None:
    assert sorted([*UNDOINGS, *NEVER_UNDONE]) == sorted(STREAM_KINDS)
    assert all(reason.endswith(".") for undoing in UNDOINGS.values() for reason in undoing.not_undone.values())
    place = await last(session, ArtifactDeleted(path="0/r/artifacts/x"))
    assert reasons(await session.plan(event=place)) == [NEVER_UNDONE["artifact"]]
    with pytest.raises(InvalidParameterValue, match="Artifacts are not undone"):
        await session.plan(stream="artifact/0/r", to="0")
