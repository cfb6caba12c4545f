"""Traces on both databases: their search, their spans as they are answered, their metrics."""

from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from query_api.filter.conditions import check_filter
from query_api.filter.syntax import parse_filter
from query_api.port import Row
from query_api.seen import seen_by
from query_api.traces import conditions as of_traces
from query_api.traces import search as of_search
from query_api.traces.correlation import correlation
from query_api.traces.document import batch_get_trace_infos, batch_get_traces, get_trace, spans_file
from query_api.traces.metrics import query_metrics
from query_api.traces.search import search_traces_v3
from query_api.traces.vocabulary import TRACES
from read_model.spans.chunk import SPANS_PER_CHUNK
from read_model.spans.signature import NAME, STATUS, attribute_hash, pack_hashes
from schemas.errors import InvalidParameterValue, ResourceDoesNotExist
from schemas.events import Span, TraceSpansLogged
from schemas.messages.traces import (
    BatchGetTraceInfos,
    BatchGetTraces,
    CalculateTraceFilterCorrelation,
    ExperimentLocation,
    GetTrace,
    MetricAggregation,
    QueryTraceMetrics,
    SearchTracesV3,
    TraceLocation,
)
from schemas.rest.large_body import LargeBody
from schemas.sight import Scope, Sight
from tests.unit.query_api.conftest import MakeRows
from tests.unit.query_api.sqlite_rows import SqliteRows
from tests.unit.query_api.traces.given import fill, fold

D = "tr-" + "d" * 32


@pytest.fixture
def rows(make_rows: MakeRows) -> SqliteRows:
    rows = make_rows()
    fill(rows)
    return rows


async def search(rows: SqliteRows, filter_text: str = "", **given: Any) -> dict[str, Any]:
    here = [TraceLocation(mlflow_experiment=ExperimentLocation(experiment_id="1"))]
    found: dict[str, Any] = orjson.loads(
        await search_traces_v3(rows, SearchTracesV3(locations=here, filter=filter_text, **given))
    )
    return found


def read(answer: bytes | LargeBody | None) -> dict[str, Any]:
    """The JSON of a small answer."""
    assert isinstance(answer, bytes)
    found: dict[str, Any] = orjson.loads(answer)
    return found


def ids(answer: dict[str, Any]) -> list[str]:
    return ["d" if one["trace_id"] == D else one["trace_id"] for one in answer.get("traces", ())]


@pytest.mark.parametrize(
    ("filter_text", "found"),
    [
        ("", "cbad"),
        ("trace.status = 'OK'", "ad"),
        ("status IN ('OK', 'IN_PROGRESS')", "cad"),
        ("timestamp_ms >= 2000 AND execution_time < 31", "b"),
        ("attributes.end_time = 1010", "a"),
        ("name = 'Alpha'", "a"),
        ("attributes.name ILIKE 'B%'", "b"),
        ("name RLIKE '^[Ab]'", "ba"),
        ("name IS NULL", "cd"),
        ("tags.name = 'not its name'", "a"),
        ("tags.team IS NULL", "cbd"),
        ("tag.host = 'h'", "d"),
        ("request_metadata.mlflow.trace.session = 's1'", "ca"),
        ("run_id = 'r1'", "ba"),
        ("run_id != 'r2'", "a"),
        ("prompt = 'p/q/2'", "c"),
        ("span.name = 'call' AND span.status = 'ERROR'", "d"),
        ("span.name = 'root' AND span.status = 'ERROR'", ""),
        ("span.type = 'CHAT_MODEL'", "d"),
        ("span.name RLIKE 'c.ll$'", "d"),
        ("span.attributes.city = 'Paris'", "d"),
        ("span.attributes.`gen_ai.usage.input_tokens` LIKE '5'", "d"),
        ("span.attributes.city = 'Paris' AND span.name = 'root'", ""),
        ("span.content ILIKE '%où%'", "d"),
        ("trace.text LIKE '%Paris%' AND trace.text LIKE '%question%'", "d"),
        ("feedback.good = 'true'", "a"),
        ("feedback.good = 'yes'", ""),
        ("feedback.good != 'true'", "b"),
        ("feedback.score > 9.5", "a"),
        ("feedback.score = '10.0'", "a"),
        ("feedback.polite = 'yes'", "ca"),
        ("feedback.good IS NULL", "cd"),
        ("feedback.nothing IS NOT NULL", "c"),
        ("feedback.good RLIKE '^t'", "a"),
        ("expectation.answer LIKE '%1.0%'", "c"),
    ],
)
async def test_a_filter_finds(rows: SqliteRows, filter_text: str, found: str) -> None:
    assert "".join(ids(await search(rows, filter_text))) == found


@pytest.mark.parametrize(
    "filter_text",
    [
        "state = 'OK'",
        "status IS NULL",
        "timestamp = '5'",
        "name IN ('a')",
        "prompt LIKE 'p/1'",
        "prompt = 'p'",
        "span.name IS NULL",
        "span.attributes.a IN ('b')",
        "span.other = 'a'",
        "feedback.score > '9'",
        "feedback.score = 9",
        "name RLIKE '('",
        "issue.id != 'i'",
        "metadata.mlflow.trace.tokenUsage LIKE 'a'",
        "text LIKE 'a'",
        "name = 'a' OR name = 'b'",
    ],
)
async def test_a_filter_that_means_nothing_is_refused(rows: SqliteRows, filter_text: str) -> None:
    with pytest.raises(InvalidParameterValue):
        await search(rows, filter_text)


@pytest.mark.parametrize(
    ("order_by", "found"),
    [
        ([], "cbad"),
        (["timestamp ASC"], "adbc"),
        (["execution_time DESC"], "dbac"),
        (["name ASC"], "abcd"),
        (["name DESC"], "bacd"),
        (["status", "request_id DESC"], "bcda"),
        (["tags.team"], "acbd"),
    ],
)
async def test_an_order_puts_what_has_no_value_last(rows: SqliteRows, order_by: list[str], found: str) -> None:
    assert "".join(ids(await search(rows, order_by=order_by))) == found


@pytest.mark.parametrize("filter_text", ["", "name IS NULL OR", "tags.team RLIKE '.*'"])
async def test_pages_go_on_where_the_last_ended(rows: SqliteRows, filter_text: str) -> None:
    if filter_text.endswith("OR"):
        filter_text = "timestamp_ms > 0"
    found: list[str] = []
    token = ""
    for _ in range(5):
        page = await search(rows, filter_text, max_results=1, page_token=token, order_by=["name"])
        found += ids(page)
        token = page.get("next_page_token", "")
        if not token:
            break
    assert found == ids(await search(rows, filter_text, order_by=["name"]))


async def test_nothing_of_a_span_is_lost(rows: SqliteRows) -> None:
    answer = read(await get_trace(rows, GetTrace(trace_id=D)))["trace"]
    root, call = answer["spans"]
    assert (root["name"], root["kind"], root["links"][0]["span_id"]) == ("root", "SPAN_KIND_SERVER", "AAAAAAAAALE=")
    assert call["parent_span_id"] == root["span_id"] == "AAAAAAAAAKE="
    attributes = {one["key"]: one["value"] for one in call["attributes"]}
    assert attributes["raw"] == {"bytes_value": "AQI="}
    assert attributes["mlflow.spanType"] == {"string_value": "CHAT_MODEL"}
    assert attributes["mlflow.traceRequestId"] == {"string_value": D}
    assert call["status"] == {"code": "STATUS_CODE_ERROR", "message": "no"}
    info = answer["trace_info"]
    assert info["request_preview"] == '{"question": "Où?"}'
    assert info["trace_metadata"]["mlflow.trace.tokenUsage"] == (
        '{"input_tokens": 5, "output_tokens": 6, "total_tokens": 11}'
    )
    assert info["tags"]["mlflow.artifactLocation"].endswith(f"/traces/{D}/artifacts")


async def test_the_page_reads_attributes_as_json_in_text(rows: SqliteRows) -> None:
    root, call = read(await spans_file(rows, D))["spans"]
    assert root["attributes"]["mlflow.spanInputs"] == '{"question": "Où?"}'
    assert call["attributes"]["city"] == '"Paris"'
    assert root["links"] == [{"trace_id": "tr-" + "b" * 32, "span_id": "00000000000000b1", "attributes": {}}]


async def test_a_trace_without_its_spans_is_a_part_and_is_left_out_of_many(rows: SqliteRows) -> None:
    with pytest.raises(ResourceDoesNotExist):
        await get_trace(rows, GetTrace(trace_id="a"))
    part = read(await get_trace(rows, GetTrace(trace_id="a", allow_partial=True)))
    assert part["trace"].keys() == {"trace_info"}
    several = read(await batch_get_traces(rows, BatchGetTraces(trace_ids=["a", D, "unknown", D])))
    assert ids({"traces": [one["trace_info"] for one in several["traces"]]}) == ["d"]


async def test_a_trace_that_is_deleted_while_it_is_read_is_not_there(
    rows: SqliteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = rows.fetch

    async def without_spans(sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        return [] if "span_chunks" in sql else await fetch(sql, parameters)

    monkeypatch.setattr(rows, "fetch", without_spans)
    assert await batch_get_traces(rows, BatchGetTraces(trace_ids=[D])) == b"{}"
    for allow_partial in (False, True):
        with pytest.raises(ResourceDoesNotExist):
            await get_trace(rows, GetTrace(trace_id=D, allow_partial=allow_partial))
    with pytest.raises(ResourceDoesNotExist):
        await spans_file(rows, D)


async def test_a_trace_is_answered_to_who_sees_its_experiment_when_it_is_read(rows: SqliteRows) -> None:
    granted = Sight(1, (5,), {"experiment": Scope.GRANTED})
    for sight, is_seen in (
        (granted, False),
        (Sight(1, (5,), {"experiment": Scope.ALL, "trace": Scope.NOTHING}), False),
        (Sight(1, (5,), {"experiment": Scope.ALL}), True),
    ):
        seen = seen_by(rows, sight)
        infos = orjson.loads(await batch_get_trace_infos(seen, BatchGetTraceInfos(trace_ids=[D])))
        assert [one["trace_id"] for one in infos.get("trace_infos", ())] == [D] * is_seen
        assert (await batch_get_traces(seen, BatchGetTraces(trace_ids=[D])) != b"{}") is is_seen
    with pytest.raises(ResourceDoesNotExist):
        await get_trace(seen_by(rows, granted), GetTrace(trace_id=D))


async def test_of_two_that_override_one_each_makes_it_invalid(rows: SqliteRows) -> None:
    [b] = [one for one in (await search(rows))["traces"] if one["trace_id"] == "b"]
    assert [(one["assessment_id"], one["valid"]) for one in b["assessments"]] == [("a-3", False), ("a-4", True)]


async def points(rows: SqliteRows, view: str, metric: str, *aggregations: Any, **given: Any) -> list[dict[str, Any]]:
    wanted = [
        MetricAggregation(aggregation_type="PERCENTILE", percentile_value=one)
        if isinstance(one, float)
        else MetricAggregation(aggregation_type=one)
        for one in aggregations
    ]
    message = QueryTraceMetrics(experiment_ids=["1"], view_type=view, metric_name=metric, aggregations=wanted, **given)
    found: list[dict[str, Any]] = orjson.loads(await query_metrics(rows, message)).get("data_points", [])
    return [{**one.get("dimensions", {}), **one["values"]} for one in found]


async def test_metrics_of_every_view(rows: SqliteRows) -> None:
    assert await points(rows, "TRACES", "trace_count", "COUNT", dimensions=["trace_status"]) == [
        {"trace_status": "ERROR", "COUNT": 1.0},
        {"trace_status": "IN_PROGRESS", "COUNT": 1.0},
        {"trace_status": "OK", "COUNT": 2.0},
    ]
    assert await points(rows, "TRACES", "latency", "AVG", "MAX", 50.0, 75.0) == [
        {"AVG": 680.0, "MAX": 2000.0, "P50.0": 30.0, "P75.0": 1015.0}
    ]
    assert await points(rows, "TRACES", "session_count", "COUNT") == [{"COUNT": 1.0}]
    assert await points(rows, "TRACES", "total_tokens", "SUM", filters=['trace.tag.host = "h"']) == [{"SUM": 11.0}]
    assert await points(rows, "SPANS", "span_count", "COUNT", dimensions=["span_name", "span_status"]) == [
        {"span_name": "call", "span_status": "ERROR", "COUNT": 1.0},
        {"span_name": "root", "span_status": "OK", "COUNT": 1.0},
    ]
    assert await points(rows, "SPANS", "total_cost", "SUM", dimensions=["span_model_name"]) == [
        {"span_model_name": "m-1", "SUM": 0.75}
    ]
    assert await points(rows, "ASSESSMENTS", "assessment_value", "AVG", dimensions=["assessment_name"]) == [
        {"assessment_name": "good", "AVG": 0.5},
        {"assessment_name": "polite", "AVG": 1.0},
        {"assessment_name": "score", "AVG": 10.0},
    ]
    assert await points(rows, "TRACES", "trace_count", "COUNT", filters=["trace.status = 'none'"]) == [{"COUNT": 0.0}]
    day = {"time_interval_seconds": 2, "start_time_ms": 0, "end_time_ms": 2500}
    assert await points(rows, "TRACES", "trace_count", "COUNT", **day) == [
        {"time_bucket": "1970-01-01T00:00:00+00:00", "COUNT": 2.0},
        {"time_bucket": "1970-01-01T00:00:02+00:00", "COUNT": 1.0},
    ]


@pytest.mark.parametrize(
    ("view", "metric", "aggregation", "given"),
    [
        ("NONE", "trace_count", "COUNT", {}),
        ("TRACES", "span_count", "COUNT", {}),
        ("TRACES", "trace_count", "SUM", {}),
        ("TRACES", "trace_count", "COUNT", {"dimensions": ["span_name"]}),
        ("TRACES", "trace_count", "COUNT", {"filters": ["trace.name = 'a'"]}),
        ("TRACES", "trace_count", "COUNT", {"time_interval_seconds": 5}),
        ("TRACES", "latency", 101.0, {}),
    ],
)
async def test_a_metric_that_there_is_not_is_refused(
    rows: SqliteRows, view: str, metric: str, aggregation: Any, given: dict[str, Any]
) -> None:
    with pytest.raises(InvalidParameterValue):
        await points(rows, view, metric, aggregation, **given)


@pytest.mark.parametrize("values", [[7], [1, 1, 1, 9], [5, 3, 8, 1, 9, 2, 2]], ids=str)
async def test_a_percentile_lies_between_two_values(rows: SqliteRows, values: list[int]) -> None:
    for number, value in enumerate(values, 1000):
        rows.insert(
            "traces",
            trace_number=number,
            trace_id=f"tr-{number}",
            experiment_id=1,
            request_time_ms=1_000_000,
            state="OK",
            span_count=0,
            execution_duration_ms=value,
        )
    percents = [float(percent) for percent in range(0, 101, 10)]
    found = await points(rows, "TRACES", "latency", *percents, start_time_ms=1_000_000)
    ordered = sorted(values)
    for percent in percents:
        place = percent / 100 * (len(values) - 1)
        low, high = ordered[int(place)], ordered[min(int(place) + 1, len(values) - 1)]
        assert found[0][f"P{percent}"] == pytest.approx(low + (high - low) * (place - int(place)))


@pytest.mark.parametrize("metric", ["trace_count", "latency", "session_count"])
async def test_what_is_measured_of_traces_is_read_of_an_index_alone(rows: SqliteRows, metric: str) -> None:
    given = {"start_time_ms": 0, "end_time_ms": 9, "time_interval_seconds": 1}
    await points(rows, "TRACES", metric, 50.0 if metric == "latency" else "COUNT", **given)
    if rows.dialect.name == "sqlite":
        statement = rows.statements[-1]
        plan = rows.connection.execute(f"EXPLAIN QUERY PLAN {statement}", [0] * statement.count("?")).fetchall()
        assert any("SEARCH t USING COVERING INDEX" in step[-1] for step in plan), plan


async def test_only_the_spans_of_traces_that_may_have_an_attribute_are_unpacked(
    rows: SqliteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_into = counted(monkeypatch)
    monkeypatch.setattr("query_api.traces.search.TRACES_AT_ONCE", 1)
    assert ids(await search(rows, "span.attributes.city = 'Paris'")) == ["d"]
    assert ids(await search(rows, "span.attributes.city LIKE 'Rome'")) == []
    assert ids(await search(rows, "span.attributes.city = 'Rome'")) == []
    assert ids(await search(rows, "span.attributes.city = 'Paris' AND span.attributes.nothing = 'Paris'")) == []
    assert ids(await search(rows, "span.status = 'ERROR' AND span.attributes.city = 'Paris'")) == ["d"]
    assert looked_into == [3, 4, 3, 3, 3, 4]
    assert not any("span_trigrams" in one for one in rows.statements)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the traces that searches look into from now on: of each the newest first, then those that may."""
    looked_into: list[int] = []
    passing_among = of_search.passing_among

    async def passing(rows: Any, tests: Any, numbers: Sequence[int]) -> set[int]:
        looked_into.extend(numbers)
        return await passing_among(rows, tests, numbers)

    monkeypatch.setattr("query_api.traces.search.passing_among", passing)
    return looked_into


@pytest.fixture
def words(make_rows: MakeRows) -> SqliteRows:
    """Traces of which each says words of its own, one beyond its first chunk."""
    rows = make_rows()
    rows.experiment(1)
    said = [saying(number, number, f"Number {number} likes {LIKED[number % 3]}") for number in range(1, 41)]
    said += [saying(7, place, "Many") for place in range(100, 100 + SPANS_PER_CHUNK)]
    fold(rows, [*said, saying(7, 999, "Maracuja")])
    return rows


LIKED = ("apples", "Pears", "plums and Über-cherries")


def saying(number: int, place: int, text: str) -> TraceSpansLogged:
    span = Span(span_id=f"{place:016x}", name="say", start_ns=number, attributes={"said": text, "n": number})
    return TraceSpansLogged(trace_id=f"tr-{number:032x}", experiment_id=1, spans=[span])


async def all_pages(rows: SqliteRows, filter_text: str, **given: Any) -> list[str]:
    found: list[str] = []
    token = ""
    while True:
        page = await search(rows, filter_text, page_token=token, **given)
        found += ids(page)
        token = page.get("next_page_token", "")
        if not token:
            return found


@pytest.mark.parametrize(
    ("filter_text", "count"),
    [
        ("span.attributes.said LIKE '%Number 3%'", 11),
        ("span.attributes.said LIKE '%number 3%'", 0),
        ("trace.text ILIKE '%NUMBER 3%'", 11),
        ("trace.text ILIKE '%pears%'", 14),
        ("trace.text LIKE '%pears%'", 0),
        ("span.content LIKE '%cherries%' AND timestamp_ms < 1", 13),
        ("span.content ILIKE '%maracuja%' AND span.attributes.said LIKE '%Number 7%'", 0),
        ("trace.text ILIKE '%maracuja%' AND span.attributes.said LIKE '%Number 7%'", 1),
        ("span.attributes.said LIKE '%r 1_ l%ap%'", 3),
        ("span.attributes.said LIKE '%es%'", 40),
        ("span.attributes.said ILIKE '%über%'", 13),
        ("span.attributes.n LIKE '%40%'", 1),
        ("span.attributes.said RLIKE 'plums|Maracuja'", 14),
        (f"trace.text ILIKE '%tr-{5:032x}%'", 1),
    ],
)
async def test_the_trigrams_of_spans_make_no_difference_to_what_is_found(
    words: SqliteRows, monkeypatch: pytest.MonkeyPatch, filter_text: str, count: int
) -> None:
    monkeypatch.setattr("query_api.traces.search.TRACES_AT_ONCE", 1)
    asked = {"max_results": 4, "order_by": ["timestamp_ms", "request_id"]}
    with_them = await all_pages(words, filter_text, **asked)
    monkeypatch.setattr("query_api.traces.conditions.Tests.narrowed", lambda *_: [])
    assert with_them == await all_pages(words, filter_text, **asked)
    assert len(with_them) == len(set(with_them)) == count


async def test_where_few_traces_pass_only_those_that_may_are_looked_into(
    words: SqliteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_into = counted(monkeypatch)
    monkeypatch.setattr("query_api.traces.search.TRACES_AT_ONCE", 2)
    assert ids(await search(words, "trace.text ILIKE '%maracuja%'")) == [f"tr-{7:032x}"]
    assert len(looked_into) == 3
    looked_into.clear()
    assert len(ids(await search(words, "trace.text ILIKE '%likes%'"))) == 40
    assert len(looked_into) == 40
    assert sum("span_trigrams" in one for one in words.statements) == 1


@pytest.mark.parametrize("asked", ["span.name LIKE 's%'", "tags.team LIKE 'x%'"])
async def test_what_no_index_tells_the_database_tests_in_order_up_to_a_page(words: SqliteRows, asked: str) -> None:
    words.insert("trace_tags", trace_number=7, key="team", value="x-1", told=1)
    await search(words, asked, max_results=3)
    assert len([one for one in words.statements if "FROM traces t WHERE t.experiment_id" in one]) == 1
    assert "NOT INDEXED" not in "".join(words.statements)


async def test_traces_with_a_tag_are_found_by_their_numbers(words: SqliteRows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("query_api.traces.search.TRACES_AT_ONCE", 2)
    words.insert("trace_tags", trace_number=7, key="team", value="x", told=1)
    assert ids(await search(words, "tags.team = 'x' AND span.name = 'say'")) == [f"tr-{7:032x}"]
    [statement] = [one for one in words.statements if "FROM traces t" in one and "span_signatures" in one]
    if words.dialect.name == "sqlite":
        asked = [0] * statement.count("?")
        plan = words.connection.execute(f"EXPLAIN QUERY PLAN {statement}", asked).fetchall()
        assert any("SEARCH t USING INTEGER PRIMARY KEY" in step[-1] for step in plan), plan


async def test_the_correlation_looks_into_what_may_have_the_text(
    words: SqliteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("query_api.traces.correlation.MOST_LOOKED_INTO", 14)
    message = CalculateTraceFilterCorrelation(
        experiment_ids=["1"],
        filter_string1="trace.text ILIKE '%pears%'",
        filter_string2="span.attributes.said LIKE '%likes apples%'",
        base_filter="",
    )
    answer = orjson.loads(await correlation(words, message))
    assert [answer[f"{name}_count"] for name in ("filter1", "filter2", "joint", "total")] == [14, 13, 0, 40]


async def test_what_few_spans_have_is_looked_for_first(rows: SqliteRows) -> None:
    conditions = check_filter(
        parse_filter("span.status = 'OK' AND span.name = 'x' AND span.status = 'ERROR' AND span.attributes.k = 'v'"),
        TRACES,
    )
    signed = of_traces.tests_of(rows.dialect, conditions).signed
    found = [
        pack_hashes([attribute_hash(*one)]) for one in ((STATUS, "ERROR"), ("k", "v"), (NAME, "x"), (STATUS, "OK"))
    ]
    assert [one.parameters for one in signed] == [(one,) for one in found]


async def test_a_hash_that_is_there_by_chance_finds_nothing(rows: SqliteRows) -> None:
    by_chance = pack_hashes([attribute_hash("city", "Rome")])
    rows.insert("span_signatures", trace_number=4, chunk_number=1, attributes=by_chance)
    assert ids(await search(rows, "span.attributes.city = 'Rome'")) == []


async def test_the_correlation_of_two_filters(rows: SqliteRows) -> None:
    message = CalculateTraceFilterCorrelation(
        experiment_ids=["1"], filter_string1="name RLIKE '.'", filter_string2="execution_time > 0", base_filter=""
    )
    answer = orjson.loads(await correlation(rows, message))
    assert {key: answer[key] for key in answer if key.endswith("count")} == {
        "filter1_count": 2,
        "filter2_count": 3,
        "joint_count": 2,
        "total_count": 4,
    }
    assert answer["npmi"] == pytest.approx(0.415, abs=0.001)


async def test_a_search_looks_into_so_many_traces_for_a_page(rows: SqliteRows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("query_api.traces.search.TRACES_AT_ONCE", 1)
    monkeypatch.setattr("query_api.traces.search.MOST_LOOKED_INTO", 2)
    page = await search(rows, "name RLIKE 'Alpha'")
    assert ids(page) == []
    assert ids(await search(rows, "name RLIKE 'Alpha'", page_token=page["next_page_token"])) == ["a"]


async def test_the_ids_of_a_span_are_no_text_of_it(rows: SqliteRows) -> None:
    """In base64 the id of the root is AAAAAAAAAKE=."""
    assert ids(await search(rows, "span.content LIKE '%AAAA%'")) == []
    assert ids(await search(rows, "span.content LIKE '%Paris%'")) == ["d"]
