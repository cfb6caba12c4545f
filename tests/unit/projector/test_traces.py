"""What the events of a trace come to: its two writers may come in any order, and as often as they like."""

import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projector import sqlite_writer
from projector.changes import Read, Reading, ReadPairs, Row
from projector.projections import traces as projection
from projector.projections.traces import TRACES, Traces
from projector.sqlite_tables import SqliteTables
from read_model.spans.chunk import unpack_chunk
from read_model.spans.conventions import usage_of
from read_model.spans.conventions import whole as whole_attributes
from read_model.spans.signature import NAME, attribute_hash, unpack_hashes
from read_model.spans.trigrams import merged, trigram_filter
from read_model.spans.usage import COSTS, TOKENS, Node, summed
from schemas.envelope import SYSTEM, RecordedEvent
from schemas.events import (
    AnyEvent,
    AnyTraceEvent,
    Assessment,
    Source,
    Span,
    TraceAssessmentCreated,
    TraceAssessmentDeleted,
    TraceAssessmentUpdated,
    TraceDeleted,
    TraceSpansLogged,
    TraceStarted,
    TraceTagDeleted,
    TraceTagSet,
)
from tests.examples import examples
from tests.unit.projector.histories import log_of
from tests.unit.projector.read_models import Projected, compare_files, projected

TRACE = "tr-1"
RECORDED = RecordedEvent(0, 0, bytes(16), "", 1, "trace/tr-1", 0, SYSTEM, "", b"")


def logged(*spans: Span, resource: dict[str, Any] | None = None) -> TraceSpansLogged:
    return TraceSpansLogged(
        trace_id=TRACE, experiment_id=0, spans=list(spans), resources=[Source(attributes=resource or {})]
    )


def span(number: int, parent: int | None = None, **given: Any) -> Span:
    return Span(
        span_id=f"{number:016x}",
        parent_id="" if parent is None else f"{parent:016x}",
        name=f"span {number}",
        start_ns=number * 1_000_000,
        end_ns=(number + 50) * 1_000_000,
        **given,
    )


def tokens(count: int) -> dict[str, Any]:
    return {"gen_ai.usage.input_tokens": count, "gen_ai.usage.output_tokens": 1}


START = TraceStarted(
    trace_id=TRACE,
    experiment_id=1,
    request_time_ms=7,
    execution_duration_ms=3,
    state="OK",
    tags={"mlflow.traceName": "told", "team": "told"},
    metadata={"mlflow.trace.session": "told"},
    assessments=[
        Assessment(assessment_id="a-1", name="good", kind="feedback", create_time_ms=1, last_update_time_ms=1)
    ],
    is_final=True,
)
WRITES: list[AnyTraceEvent] = [
    START,
    logged(span(3, 2, attributes=tokens(7)), resource={"team": "shown", "host": "h"}),
    logged(
        span(1, attributes={"mlflow.traceTag.mlflow.traceName": "shown", "mlflow.spanInputs": '{"q": 1}'}, status=2),
        span(2, 1, attributes=tokens(5) | {"session.id": "shown"}),
    ),
    logged(span(4, 9, attributes={"user.id": "ada"})),
]


async def rows_of(folder: Path, *events: AnyEvent) -> Projected:
    return await projected(folder, await log_of(*events))


def state_of(events: list[AnyTraceEvent]) -> Traces:
    """Fold in memory, from nothing."""
    state = Traces(iter(range(1, 100)))
    for event in events:
        TRACES.fold(state, RECORDED, event)
    list(TRACES.changes(state))
    return state


def seen(state: Traces) -> Any:
    """Every row that the state comes to; spans in the order of their ids, wherever they lie in their chunks."""
    rows: dict[str, list[Any]] = {}
    for change in TRACES.changes(state):
        if change.rows and type(change).__name__ in ("Upsert", "InsertNew"):
            rows[change.table] = sorted(change.rows, key=repr)
    spans = [
        (one.span_id, chunk.resources[one.resource], one.attributes)
        for (_, _, data) in rows.pop("span_chunks", [])
        for chunk in [unpack_chunk(data)]
        for one in chunk.spans
    ]
    rows["spans"] = sorted((row[1], *row[3:]) for row in rows["spans"])
    return rows, sorted(spans, key=repr)


@given(st.permutations(WRITES), st.lists(st.sampled_from(WRITES), max_size=4))
def test_any_order_and_any_repetition_of_the_writes_give_the_same_rows(
    order: list[AnyTraceEvent], again: list[AnyTraceEvent]
) -> None:
    assert seen(state_of([*order, *again])) == seen(state_of(WRITES))


def test_what_a_client_told_counts_more_than_what_spans_show() -> None:
    trace = state_of(WRITES).traces[TRACE]
    assert (trace.experiment_id, trace.name) == (1, "told")
    assert trace.tags.kept == {
        "mlflow.traceName": ("told", True),
        "team": ("told", True),
        "host": ("h", False),
    }
    assert trace.metadata.kept["mlflow.trace.session"] == ("told", True)
    assert trace.metadata.kept["mlflow.trace.user"] == ("ada", False)


def test_a_span_that_tells_its_tokens_hides_those_below_it() -> None:
    trace = state_of(WRITES).traces[TRACE]
    assert trace.usage == {"input_tokens": 5, "output_tokens": 1, "total_tokens": 6}


async def test_spans_alone_make_a_trace_that_ends_with_its_root(tmp_path: Path) -> None:
    asked = "SELECT state, request_time_ms, execution_duration_ms, request_preview FROM traces"
    open_trace = await rows_of(tmp_path, logged(span(2, 1)))
    assert open_trace.rows(asked) == [("IN_PROGRESS", 2, 50, None)]
    ended = await rows_of(tmp_path, *WRITES[1:3])
    assert ended.rows(asked) == [("ERROR", 1, 52, '{"q": 1}')]


async def test_a_tag_that_was_deleted_is_not_shown_again_by_a_later_span(tmp_path: Path) -> None:
    read_model = await rows_of(
        tmp_path,
        logged(span(1), resource={"host": "h"}),
        TraceTagDeleted(trace_id=TRACE, key="host"),
        logged(span(2, 1), resource={"host": "h"}),
    )
    assert read_model.rows("SELECT key FROM trace_tags") == []


async def test_nothing_of_a_deleted_trace_is_left_and_what_comes_late_does_not_bring_it_back(tmp_path: Path) -> None:
    tables = ("traces", "trace_tags", "trace_metadata", "spans", "span_chunks", "assessments")
    read_model = await rows_of(tmp_path, *WRITES, TraceDeleted(trace_id=TRACE))
    assert [read_model.rows(f"SELECT count(*) FROM {table}") for table in tables] == [[(0,)]] * len(tables)
    late = (logged(span(5, 1)), TraceTagSet(trace_id=TRACE, key="a", value="b"), WRITES[0])
    after = await rows_of(tmp_path, *WRITES, TraceDeleted(trace_id=TRACE), *late)
    assert after.rows("SELECT * FROM traces") == []
    assert after.rows("SELECT DISTINCT error_code, message FROM refusals") == [
        ("RESOURCE_DOES_NOT_EXIST", f"trace/{TRACE} was erased.")
    ]
    assert after.rows("SELECT last_offset FROM erased") == [
        (len(WRITES) + len(late),)
    ]  # so the payloads of these go too


async def test_a_tag_of_a_trace_that_is_gone_is_refused(tmp_path: Path) -> None:
    read_model = await rows_of(tmp_path, TraceTagSet(trace_id=TRACE, key="a", value="b"))
    assert [one.error_code for progress in read_model.published for one in progress.refusals] == [
        "RESOURCE_DOES_NOT_EXIST"
    ]


async def test_no_assessment_takes_the_place_of_one_that_is_not_there(tmp_path: Path) -> None:
    late = Assessment(
        assessment_id="a-2", name="good", kind="feedback", create_time_ms=2, last_update_time_ms=2, overrides="a-1"
    )
    read_model = await rows_of(
        tmp_path,
        START,
        TraceAssessmentDeleted(trace_id=TRACE, assessment_id="a-1"),
        TraceAssessmentCreated(trace_id=TRACE, assessment=late),
    )
    assert read_model.rows("SELECT count(*) FROM assessments") == [(0,)]


@pytest.mark.parametrize("value", ["NaN", "1" * 400])
async def test_a_value_that_cannot_be_read_sets_its_own_trace_aside_alone(tmp_path: Path, value: str) -> None:
    bad = Assessment(
        assessment_id="a-2", name="n", kind="feedback", value=value, create_time_ms=1, last_update_time_ms=1
    )
    one, other = (msgspec.structs.replace(START, trace_id=name) for name in ("tr-2", "tr-3"))
    read_model = await rows_of(
        tmp_path,
        START,
        TraceAssessmentUpdated(trace_id=TRACE, assessment_id="a-1", last_update_time_ms=2, value=value),
        msgspec.structs.replace(one, assessments=[bad]),
        TraceTagSet(trace_id="tr-2", key="k", value="v"),
        other,
        TraceAssessmentCreated(trace_id="tr-3", assessment=bad),
    )
    assert read_model.rows("SELECT trace_id FROM traces ORDER BY 1") == [("tr-1",), ("tr-3",)]
    assert read_model.rows("SELECT assessment_id, value FROM assessments") == [("a-1", "null")] * 2
    assert read_model.published[-1].set_aside == 4


def test_of_a_usage_that_was_told_the_numbers_count_and_nothing_else() -> None:
    told = {"mlflow.trace.tokenUsage": '{"input_tokens": 3, "output_tokens": null, "other": "x"}'}
    state = state_of([msgspec.structs.replace(START, metadata=told)])
    assert state.traces[TRACE].usage == {"input_tokens": 3}
    state = state_of([msgspec.structs.replace(START, metadata={"mlflow.trace.tokenUsage": "three"})])
    assert state.traces[TRACE].usage is None


async def test_a_trace_is_in_the_session_that_its_metadata_names(tmp_path: Path) -> None:
    shown = logged(span(1, attributes={"session.id": "shown"}))
    for events, session in (
        ([logged(span(1))], None),
        ([shown, START], "told"),
        ([START, shown], "told"),
        ([shown], "shown"),
    ):
        for ends in ([], [1]):
            found = await projected(tmp_path, await log_of(*events), ends)
            assert found.rows("SELECT session FROM traces") == [(session,)]


@pytest.mark.slow
async def test_a_hundred_spans_that_come_one_by_one_lie_as_those_that_come_together(tmp_path: Path) -> None:
    spans = [span(number, 0, attributes={"n": number}) for number in range(1, 101)]
    apart = await projected(tmp_path, await log_of(*map(logged, spans)), range(101))
    together = await rows_of(tmp_path, logged(*spans))
    for table in ("span_chunks", "span_signatures", "span_trigrams", "spans", "traces"):
        asked = f"SELECT * FROM {table}"
        assert apart.rows(asked) == together.rows(asked)


async def test_a_span_that_says_something_else_is_not_found_by_what_it_said(tmp_path: Path) -> None:
    root, other = span(1, attributes={"n": 1}), span(2, 1, attributes={"n": 2})
    now = span(1, attributes={"n": 3})
    changed = await projected(tmp_path, await log_of(logged(root, other), logged(now)), ends=[1])
    [(signature,)] = changed.rows("SELECT attributes FROM span_signatures")
    assert isinstance(signature, bytes)
    hashes = unpack_hashes(signature)
    assert hashes >= {attribute_hash("n", "2"), attribute_hash("n", "3"), attribute_hash(NAME, "span 1")}
    assert attribute_hash("n", "1") not in hashes


async def test_words_that_a_span_does_not_say_any_more_are_gone(tmp_path: Path) -> None:
    """And so are those of a trace that was deleted."""
    said, other = span(1, attributes={"said": "Maracuja"}), span(2, 1, attributes={"said": "plums"})
    now = span(1, attributes={"said": "apples"})
    changed = await projected(tmp_path, await log_of(logged(said, other), logged(now)), ends=[1])
    [(bits,)] = changed.rows("SELECT bits FROM span_trigrams")
    assert isinstance(bits, bytes)
    assert bits == trigram_filter(TRACE, [now, other], len(bits))
    assert bits != merged(bits, trigram_filter(TRACE, [said], len(bits)))
    deleted = await projected(tmp_path, await log_of(logged(said, other), TraceDeleted(trace_id=TRACE)), ends=[1])
    assert deleted.rows("SELECT * FROM span_trigrams") == []


def told_span(number: int, parent: int | None, count: int | None, cost: float | None) -> Span:
    attributes: dict[str, Any] = {} if count is None else tokens(count)
    if cost is not None:
        attributes["mlflow.llm.cost"] = {"input_cost": cost}
    return span(number, parent, attributes=attributes)


SPANS = st.builds(
    told_span,
    st.integers(1, 9),
    st.integers(1, 10) | st.none(),  # of itself, in circles, of one that never comes
    st.none() | st.integers(0, 3),
    st.none() | st.sampled_from([0.1, 0.2, 2.0**52]),
)


@pytest.mark.slow
@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow])
@given(
    requests=st.lists(st.lists(SPANS, min_size=1, max_size=3), min_size=1, max_size=8),
    ends=st.lists(st.integers(1, 8), max_size=5),
    most=st.sampled_from([0, 4, 100]),
)
async def test_the_sums_of_a_trace_are_those_of_its_spans_however_the_log_is_cut(
    requests: list[list[Span]], ends: list[int], most: int
) -> None:
    log = await log_of(*(logged(*spans) for spans in requests))
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(projection, "MAX_SPANS", most)
        cut = await projected(Path(folder), log, ends)
        whole = await projected(Path(folder), log)
        assert compare_files(cut.path, whole.path) == []
        found = {key: str(value) for key, value in whole.rows("SELECT key, value FROM trace_metadata")}
        [shown] = whole.rows("SELECT from_spans FROM traces")
    spans = {one.span_id: one for of_request in requests for one in of_request}
    if most == 100:
        assert not msgspec.json.decode(str(shown[0])).get("gives_up_sums")
        for key, attribute, items in (
            ("mlflow.trace.tokenUsage", "mlflow.chat.tokenUsage", TOKENS),
            ("mlflow.trace.cost", "mlflow.llm.cost", COSTS),
        ):
            nodes = [
                Node(
                    one.span_id,
                    one.parent_id or None,
                    usage_of(whole_attributes(one.attributes, one.events), attribute, items),
                )
                for one in spans.values()
            ]
            expected = summed(nodes, items)
            assert msgspec.json.decode(found.get(key, "null")) == (expected and pytest.approx(expected))


class Counted(SqliteTables):
    """Counts the rows of spans that are read."""

    rows = 0

    def read(self, reading: Reading) -> Sequence[Row]:
        found = super().read(reading)
        if isinstance(reading, Read | ReadPairs) and reading.table == "spans":
            Counted.rows += len(found)
        return found


@pytest.mark.slow
@pytest.mark.parametrize("order", [1, -1])
async def test_a_long_trace_takes_work_in_proportion_to_its_spans(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: int
) -> None:
    """One span below the other, and each a batch of its own; from above, and from below, as they end."""
    monkeypatch.setattr(sqlite_writer, "SqliteTables", Counted)
    monkeypatch.setattr(Counted, "rows", 0)
    count = 100
    tells = {1, count}
    spans = [told_span(one, one - 1 or None, 1 if one in tells else None, None) for one in range(1, count + 1)]
    await projected(tmp_path, await log_of(*(logged(one) for one in spans[::order])), range(count))
    assert Counted.rows <= 3 * count


class Stepped(SqliteTables):
    """Counts the steps that SQLite takes, for each writer by itself."""

    steps: list[int]

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        place = len(self.steps)
        self.steps.append(0)

        def step() -> int:
            self.steps[place] += 1
            return 0

        connection.set_progress_handler(step, 1)


@pytest.mark.parametrize("is_same_batch", [False, True])
async def test_a_span_takes_no_more_work_beside_a_large_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_same_batch: bool
) -> None:
    """Of the large one every span hides another, and in the same batch one more comes above and below all of them."""
    monkeypatch.setattr(sqlite_writer, "SqliteTables", Stepped)
    taken: list[int] = []
    for count in (64, 640):
        monkeypatch.setattr(Stepped, "steps", [], raising=False)
        large = [told_span(one, one - 1, 1, 0.5) for one in range(2, count + 2)]
        small = msgspec.structs.replace(logged(span(1, attributes=tokens(1)), span(2, 1)), trace_id="tr-2")
        late = [logged(told_span(1, None, 1, 0.5)), logged(told_span(999, count + 1, 1, 0.5))] if is_same_batch else []
        await projected(tmp_path, await log_of(logged(*large), *late, small), ends=[1])
        taken.append(Stepped.steps[1])
    assert 0 < taken[1] < taken[0] * 1.1, taken
