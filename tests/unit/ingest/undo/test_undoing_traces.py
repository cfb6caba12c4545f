"""What people said of a trace is undone; what it is, is not."""

from typing import Any

import msgspec
import orjson
import pytest

from ingest.undo.commands import ALREADY_SO, NOT_PERMITTED
from schemas.errors import PermissionDenied, ResourceDoesNotExist
from schemas.events import (
    Assessment,
    Source,
    Span,
    TraceAssessmentCreated,
    TraceDeleted,
    TraceEnded,
    TracePromptsLinked,
    TraceSpansLogged,
    TraceStarted,
)
from schemas.levels import Level
from schemas.messages.message import Message
from schemas.messages.traces import (
    AssessmentGiven,
    CreateAssessment,
    DeleteAssessment,
    DeleteTraceTagV3,
    FeedbackGiven,
    LinkPromptsToTrace,
    LinkTracesToRun,
    PromptVersionRef,
    SetTraceTagV3,
    UpdateAssessment,
)
from schemas.messages.undo import PlanUndo
from schemas.rest.access import RUN, Asking, On, Rule
from schemas.sight import Sight
from tests.unit.ingest.doubles import ANN
from tests.unit.ingest.undo.session import Session
from tests.unit.ingest.undo.test_undo import fields, reasons

TRACE = "tr-1"
JUDGED = Assessment(
    assessment_id="a",
    name="good",
    kind="feedback",
    value="true",
    rationale="r",
    create_time_ms=1,
    last_update_time_ms=1,
)


@pytest.fixture
async def session() -> Session:
    session = Session()
    await session.ingest.ensure_default_experiment()
    started = TraceStarted(
        trace_id=TRACE, experiment_id=0, request_time_ms=1, tags={"t": "1"}, assessments=[JUDGED], is_final=True
    )
    await session.deployment.append(started)
    return session


async def set_tag(session: Session, value: str, request_id: str, key: str = "t") -> None:
    await session.do(
        session.ingest.traces.set_tag_v3(SetTraceTagV3(trace_id=TRACE, key=key, value=value), ANN, request_id)
    )


async def said(session: Session) -> dict[str, Any]:
    """The assessments that the read model holds, by their ids."""
    documents = [msgspec.json.decode(document) for _, document in (await session.rows())["assessments"]]
    return {one["assessment_id"]: one for one in documents}


async def test_tags_of_a_trace_are_as_before(session: Session) -> None:
    traces = session.ingest.traces
    await set_tag(session, "2", "slip")
    await set_tag(session, "new", "slip", key="u")
    await session.do(traces.delete_tag_v3(DeleteTraceTagV3(trace_id=TRACE, key="t"), ANN, "slip"))
    before = (await session.rows())["trace tags"]
    assert fields(await session.plan(request_id="slip")) == [("tags.t", None, "1"), ("tags.u", "new", None)]
    await session.undo("u", request_id="slip")
    assert {row[1:] for row in (await session.rows())["trace tags"]} == {("t", "1")}
    await session.undo("back", request_id="u")
    assert (await session.rows())["trace tags"] == before


async def test_an_assessment_is_as_before_whatever_became_of_it(session: Session) -> None:
    traces = session.ingest.traces
    before = await said(session)
    changed = AssessmentGiven(feedback=FeedbackGiven(value=False), rationale="s", metadata={"k": "v"})
    updating = UpdateAssessment(
        trace_id=TRACE, assessment_id="a", assessment=changed, update_mask="feedback,rationale,metadata"
    )
    await session.do(traces.update_assessment(updating, ANN, "slip"))
    after = await said(session)
    assert (after["a"]["value"], after["a"]["metadata"]) == ("false", {"k": "v"})
    plan = await session.plan(request_id="slip")
    [change] = plan["changes"]
    assert (change["field"], msgspec.json.decode(change["to"])) == ("assessments.a", before["a"])
    await session.undo("u", request_id="slip")
    assert await said(session) == before
    await session.undo("back", request_id="u")
    assert await said(session) == after
    await session.do(traces.delete_assessment(DeleteAssessment(trace_id=TRACE, assessment_id="a"), ANN, "gone"))
    assert await said(session) == {}
    await session.undo("again", request_id="gone")
    assert await said(session) == after
    await session.undo("and gone", request_id="again")
    assert await said(session) == {}


async def test_what_took_the_place_of_something_comes_back_with_it_or_alone(session: Session) -> None:
    traces = session.ingest.traces
    given = AssessmentGiven(
        assessment_id="0", assessment_name="good", feedback=FeedbackGiven(value=False), overrides="a"
    )
    await session.do(traces.create_assessment(CreateAssessment(trace_id=TRACE, assessment=given), ANN, "create"))
    before = await said(session)
    for one in ("a", "0"):
        deleting = DeleteAssessment(trace_id=TRACE, assessment_id=one)
        await session.do(traces.delete_assessment(deleting, ANN, "delete"))
    last = (await session.deployment.log.read(0, 0, limit=100))[-1]
    await session.undo("u", event=f"0:{last.offset}")
    assert await said(session) == {"0": before["0"]}
    await session.undo("both", request_id="delete")
    assert await said(session) == before


async def test_what_was_said_in_the_moment_of_an_undo_is_not_overwritten(session: Session) -> None:
    """By the fold, whatever the order of the log."""
    await set_tag(session, "2", "slip")
    await session.do(
        session.ingest.traces.delete_assessment(DeleteAssessment(trace_id=TRACE, assessment_id="a"), ANN, "slip")
    )
    await session.undo("u", request_id="slip")
    undone = [one for one in await session.deployment.events() if one.undo is not None]
    await set_tag(session, "3", "later")
    held = await session.rows()
    for event in undone:
        await session.deployment.append(event)
    assert await session.rows() == held


async def test_what_spans_show_is_not_what_was_before(session: Session) -> None:
    span = Span(span_id="1", attributes={"mlflow.traceTag.shown": '"s"'})
    logged = TraceSpansLogged(trace_id=TRACE, experiment_id=0, spans=[span], resources=[Source({"host": '"h"'})])
    await session.deployment.append(logged)
    for key in ("shown", "host"):
        await set_tag(session, "x", "slip", key=key)
    plan = await session.plan(request_id="slip")
    assert plan["changes"] == []
    assert set(reasons(plan)) == {"Its spans show the tag, too: which value is theirs is not in the history."}


async def test_what_a_trace_is_is_not_undone(session: Session) -> None:
    for event in (
        TraceEnded(trace_id=TRACE, end_time_ms=2, state="OK"),
        TraceSpansLogged(trace_id=TRACE, experiment_id=0, spans=[]),
        TracePromptsLinked(trace_id=TRACE, prompts=[]),
    ):
        await session.deployment.append(event)
    plan = await session.plan(stream=f"trace/{TRACE}", to="2000-01-01T00:00Z")
    assert plan["changes"] == []
    assert sum(one["count"] for one in plan["left_out"]) == 4
    await set_tag(session, "2", "slip")
    await session.deployment.append(TraceDeleted(trace_id=TRACE))
    plan = await session.plan(request_id="slip", over_later=True)
    assert (plan["changes"], reasons(plan)) == ([], ["The trace is deleted."])


async def linked(session: Session, run_id: str, versions: dict[str, str], request_id: str) -> None:
    traces = session.ingest.traces
    await session.do(traces.link_to_run(LinkTracesToRun(trace_ids=[TRACE], run_id=run_id), ANN, request_id))
    prompts = [PromptVersionRef(name=name, version=version) for name, version in versions.items()]
    await session.do(traces.link_prompts(LinkPromptsToTrace(trace_id=TRACE, prompt_versions=prompts), ANN, request_id))


async def links(session: Session) -> set[Any]:
    rows = await session.rows()
    return {row[1:] for name in ("trace runs", "trace prompts") for row in rows[name]}


async def test_links_to_runs_and_prompts_are_taken_back_and_are_there_again(session: Session) -> None:
    await linked(session, "kept", {"p": "1"}, "kept")
    before = await links(session)
    await linked(session, "r", {"p": "2", "a/b": "1"}, "slip")
    slipped = await links(session)
    plan = await session.plan(request_id="slip")
    changed = ["linked_prompts.a/b/1", "linked_prompts.p/2", "linked_runs.r"]
    assert fields(plan) == [(field, 1, None) for field in changed]
    answer = await session.undo("u", request_id="slip")
    assert sorted(one["type"] for one in answer["undone"]) == ["trace.prompts-unlinked", "trace.unlinked-from-run"]
    assert await links(session) == before == {("kept",), ("p", 1)}
    answer = await session.undo("back", request_id="u")
    assert sorted(one["type"] for one in answer["undone"]) == ["trace.linked-to-run", "trace.prompts-linked"]
    assert await links(session) == slipped
    await session.undo("and back", request_id="back")
    assert await links(session) == before


async def test_a_link_that_was_made_again_later_stays(session: Session) -> None:
    await linked(session, "r", {"p": "1"}, "slip")
    await linked(session, "r", {"p": "1"}, "again")
    assert (await session.plan(request_id="slip"))["changes"] == []
    assert len((await session.plan(request_id="slip", over_later=True))["changes"]) == 2
    assert reasons(await session.plan(request_id="again")) == [ALREADY_SO]


async def test_links_that_changed_in_the_moment_of_an_undo_stay(session: Session) -> None:
    await linked(session, "r", {"p": "1"}, "slip")
    await session.undo("u", request_id="slip")
    gone = await session.rows()
    for event in [one for one in await session.deployment.events() if one.undo is not None]:
        await session.deployment.append(event)
    assert await session.rows() == gone
    await session.undo("back", request_id="u")
    there = await session.rows()
    for event in [one for one in await session.deployment.events() if one.undo is not None][-2:]:
        await session.deployment.append(event)
    assert await session.rows() == there != gone


async def test_a_link_is_undone_by_who_may_edit_the_run_too(session: Session) -> None:
    class OfNoRun(Asking):
        """Somebody who may edit every trace, and no run; the run `gone` is erased."""

        async def allow(self, message: Message) -> None: ...
        async def allow_keys(self, *keys: str) -> None: ...
        async def sight(self, level: Level = Level.READ) -> Sight:
            return Sight(1, (), {})

        async def allow_by(self, rule: Rule, message: Message) -> None:
            for part in rule:
                assert isinstance(part, On)
                [key] = part.keys(message)
                if key == "gone":
                    raise ResourceDoesNotExist("gone")
                if part.type == RUN:
                    raise PermissionDenied(key)

    await linked(session, "r", {"p": "1"}, "slip")
    await linked(session, "gone", {}, "slip")
    plan = orjson.loads(await session.ingest.undo.plan(PlanUndo(request_id="slip"), OfNoRun()))
    assert [one[0] for one in fields(plan)] == ["linked_prompts.p/1"]
    assert reasons(plan) == [NOT_PERMITTED, NOT_PERMITTED]


async def test_an_assessment_that_is_taken_is_not_said_again_unless_it_was_found(session: Session) -> None:
    before = await said(session)
    await session.deployment.append(
        TraceAssessmentCreated(trace_id=TRACE, assessment=msgspec.structs.replace(JUDGED, value="1"))
    )
    assert await said(session) == before
