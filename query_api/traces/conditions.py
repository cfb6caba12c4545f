"""The conditions of a search of traces: what of them the database tests, and what has to be tested afterwards.

The database tests what its indexes and its columns hold. What is inside of spans, and what is asked for by an
expression, is tested on the traces that are left.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from query_api.dialect import Dialect
from query_api.filter.conditions import Condition
from query_api.filter.sql import Sql, joined
from query_api.filter.value_test import index_test, value_test
from query_api.filter.vocabulary import Comparator, Entity
from query_api.traces.matching import TextTest, text_test
from query_api.traces.needles import Needle, needle_of
from query_api.traces.span_json import TRACE_ID, attributes_of, content_of
from query_api.traces.vocabulary import CONTENT, NAME, PROMPT, RUN_ID, STATUS, TEXT
from read_model.spans import signature
from read_model.spans.conventions import SPAN_TYPE
from read_model.spans.signature import attribute_hash, pack_hashes
from read_model.spans.values import plain_text, read_value
from schemas.documents.traces import TraceValues
from schemas.errors import InvalidParameterValue
from schemas.events import Assessment, Span
from schemas.traces import COST, ERROR, EXPECTATION, FEEDBACK, ISSUE, NAME_TAG, SOURCE_RUN, SPAN_STATUSES, TOKEN_USAGE

TraceTest = Callable[[TraceValues], bool]


@dataclass(frozen=True, slots=True)
class SpanTest:
    """The test of a span, given the id of its trace, and what the JSON of its chunk has to hold for it."""

    passes: Callable[[str, Span], bool]
    needle: Needle
    is_signed: bool = False
    """Whether signatures tell where it may pass, and trigrams are not needed."""


_COLUMNS: Final = {
    "request_id": "t.trace_id",
    STATUS: "t.state",
    "client_request_id": "t.client_request_id",
    "timestamp_ms": "t.request_time_ms",
    "execution_time_ms": "t.execution_duration_ms",
    "end_time_ms": "(t.request_time_ms + coalesce(t.execution_duration_ms, 0))",
    NAME: "t.name",
}
_KINDS: Final = {Entity.FEEDBACK: FEEDBACK, Entity.EXPECTATION: EXPECTATION}
_NUMBERS_ONLY: Final = frozenset(
    {Comparator.GREATER, Comparator.GREATER_OR_EQUAL, Comparator.LESS, Comparator.LESS_OR_EQUAL}
)
_OF_SUMS: Final = frozenset({Comparator.EQUAL, Comparator.NOT_EQUAL, Comparator.IS_NULL, Comparator.IS_NOT_NULL})
VALID_ASSESSMENT: Final = (
    "NOT EXISTS (SELECT 1 FROM assessments o WHERE o.trace_number = a.trace_number AND o.overrides = a.assessment_id)"
)


@dataclass(slots=True)
class Tests:
    """What the database is asked of rows of `traces t`, and what is tested afterwards."""

    where: list[Sql] = field(default_factory=list)
    looked_up: list[Sql] = field(default_factory=list)
    """Of `traces t` too: what takes a look-up of the tags or the spans of each."""
    indexed: list[Sql] = field(default_factory=list)
    """Of them, what an index finds of all traces."""
    signed: list[Sql] = field(default_factory=list)
    """What their signatures have to hold."""
    of_traces: list[TraceTest] = field(default_factory=list)
    of_each_span: list[list[SpanTest]] = field(default_factory=list)
    """Of each list all have to hold of one span."""

    def narrowed(self, dialect: Dialect) -> list[Sql]:
        """By what the database finds, of all traces, the numbers of those that may pass."""
        found = list(self.indexed)
        if self.signed:
            found.append(_with_all(dialect, "span_signatures", self.signed))
        for tests in self.of_each_span:
            trigrams = dict.fromkeys(one for test in tests if not test.is_signed for one in test.needle.trigrams)
            if trigrams:
                found.append(
                    _with_all(dialect, "span_trigrams", [dialect.bit_is_set("g.bits", one) for one in trigrams])
                )
        return found

    @property
    def are_all_sql(self) -> bool:
        return not (self.of_traces or self.needs_spans)

    @property
    def needs_spans(self) -> bool:
        return bool(self.of_each_span)


def tests_of(dialect: Dialect, conditions: Sequence[Condition]) -> Tests:
    """The tests that conditions come to. Raises InvalidParameterValue for an operand that a comparator cannot take."""
    tests = Tests()
    of_spans = [one for one in conditions if one.entity in (Entity.SPAN, Entity.SPAN_ATTRIBUTE) and one.name != TEXT]
    for condition in conditions:
        if condition.entity is Entity.SPAN and condition.name == TEXT:
            tests.of_each_span.append([span_test(condition)])
        elif condition not in of_spans:
            _add(tests, dialect, condition)
    if of_spans:
        columns = [test for one in of_spans if (test := _span_columns(dialect, one)) is not None]
        if columns:
            of_trace = Sql("spans s WHERE s.trace_number = t.trace_number")
            tests.looked_up.append(dialect.any_row_passes(of_trace, joined(" AND ", columns)))
        if len(columns) < len(of_spans):
            tests.of_each_span.insert(0, [span_test(one) for one in of_spans])
        tests.signed = _signed_tests(dialect, of_spans)
    return tests


def _with_all(dialect: Dialect, table: str, tests: Sequence[Sql]) -> Sql:
    """The traces with a chunk that passes all tests."""
    all_of_them = joined(" AND ", tests)
    keys = Sql(f"SELECT g.trace_number FROM {table} g WHERE {all_of_them.text}", all_of_them.parameters)
    return _one_of(dialect, keys)


def _one_of(dialect: Dialect, keys: Sql) -> Sql:
    """The traces whose numbers a statement finds."""
    is_of = dialect.is_of(keys)
    return Sql(f"t.trace_number {is_of.text}", is_of.parameters)


def _signed_tests(dialect: Dialect, of_spans: Sequence[Condition]) -> list[Sql]:
    """What signatures have to hold where a span is asked for by one text; the spans themselves tell."""
    hashes = [
        pack_hashes([attribute_hash(key, str(one.operand))])
        for one in sorted(of_spans, key=_commonness)
        if _is_exact(one) and (key := _signed(one)) is not None
    ]
    return [dialect.bytes_within("g.attributes", one) for one in hashes]


def _commonness(condition: Condition) -> int:
    """What few traces have comes first, so that the rest is not looked for in all of them."""
    if condition.entity is Entity.SPAN_ATTRIBUTE or condition.operand == ERROR:
        return 0
    return 2 if condition.name == STATUS else 1


def _is_exact(condition: Condition) -> bool:
    """Whether one text alone passes: by `=`, and by LIKE without a wildcard."""
    if condition.comparator is Comparator.LIKE:
        return not {"%", "_"}.intersection(str(condition.operand))
    return condition.comparator is Comparator.EQUAL


def _signed(condition: Condition) -> str | None:
    """The key of what a condition is about in the signatures of spans, None where they do not have it."""
    if condition.entity is Entity.SPAN_ATTRIBUTE:
        return None if condition.name == TRACE_ID else condition.name
    return {NAME: signature.NAME, "type": signature.TYPE, STATUS: signature.STATUS}.get(condition.name)


def _add(tests: Tests, dialect: Dialect, condition: Condition) -> None:
    if condition.comparator is Comparator.RLIKE:
        tests.of_traces.append(_expression(condition))
        return
    match condition.entity:
        case Entity.TAG:
            _add_pair(tests, dialect, "trace_tags", condition)
        case Entity.METADATA:
            if condition.name in (TOKEN_USAGE, COST) and condition.comparator not in _OF_SUMS:
                raise InvalidParameterValue(f"{condition.name} can be compared by =, !=, IS NULL and IS NOT NULL only.")
            if _is_run(condition):
                tests.where.append(_run(dialect, condition))
            else:
                _add_pair(tests, dialect, "trace_metadata", condition)
        case Entity.FEEDBACK | Entity.EXPECTATION:
            tests.where.append(_said(dialect, condition))
        case Entity.ISSUE:
            tests.where.append(_any_assessment(Sql("a.kind = ? AND a.name = ?", (ISSUE, condition.operand))))
        case _:
            tests.where.append(_attribute(dialect, condition))


def _add_pair(tests: Tests, dialect: Dialect, table: str, condition: Condition) -> None:
    if condition.comparator is not Comparator.EQUAL:
        tests.where.append(_pair(dialect, table, condition))
        return
    of_trace = Sql(f"{table} p WHERE p.trace_number = t.trace_number AND p.key = ?", (condition.name,))
    tests.looked_up.append(dialect.any_row_passes(of_trace, value_test(dialect, condition, "p.value")))
    tests.indexed.append(_one_of(dialect, _with_value(dialect, table, condition)))


def _attribute(dialect: Dialect, condition: Condition) -> Sql:
    if condition.name == RUN_ID:
        return _run(dialect, condition)
    if condition.name == PROMPT:
        name, _, version = str(condition.operand).rpartition("/")
        return Sql(
            "t.trace_number IN (SELECT trace_number FROM trace_prompts WHERE name = ? AND version = ?)",
            (name, int(version)),
        )
    column = _COLUMNS[condition.name]
    if condition.comparator is Comparator.IS_NULL:
        return Sql(f"{column} IS NULL")
    if condition.comparator is Comparator.IS_NOT_NULL:
        return Sql(f"{column} IS NOT NULL")
    return value_test(dialect, condition, column)


def _is_run(condition: Condition) -> bool:
    return condition.name == SOURCE_RUN and condition.comparator is Comparator.EQUAL


def _run(dialect: Dialect, condition: Condition) -> Sql:
    """The run in which a trace was made; by `=` also one that it was linked to."""
    made = _metadata(dialect, Condition(Entity.METADATA, SOURCE_RUN, condition.comparator, condition.operand))
    if condition.comparator is not Comparator.EQUAL:
        return made
    linked = Sql("t.trace_number IN (SELECT trace_number FROM trace_runs WHERE run_id = ?)", (condition.operand,))
    return Sql(f"({made.text} OR {linked.text})", made.parameters + linked.parameters)


def _metadata(dialect: Dialect, condition: Condition) -> Sql:
    return _pair(dialect, "trace_metadata", condition)


def _pair(dialect: Dialect, table: str, condition: Condition) -> Sql:
    if condition.comparator is Comparator.EQUAL:
        keys = _with_value(dialect, table, condition)
        return Sql(f"t.trace_number IN ({keys.text})", keys.parameters)
    test = value_test(dialect, condition, "p.value")
    is_there = "NOT EXISTS" if condition.comparator is Comparator.IS_NULL else "EXISTS"
    return Sql(
        f"{is_there} (SELECT 1 FROM {table} p WHERE p.trace_number = t.trace_number AND p.key = ? AND {test.text})",
        (condition.name, *test.parameters),
    )


def _with_value(dialect: Dialect, table: str, condition: Condition) -> Sql:
    narrowed, exact = index_test(dialect, condition, "value"), value_test(dialect, condition, "value")
    return Sql(
        f"SELECT trace_number FROM {table} WHERE key = ? AND {narrowed.text} AND {exact.text}",
        (condition.name, *narrowed.parameters, *exact.parameters),
    )


def _said(dialect: Dialect, condition: Condition) -> Sql:
    about = Sql("a.kind = ? AND a.name = ?", (_KINDS[condition.entity], condition.name))
    if condition.comparator is Comparator.IS_NULL:
        said = _any_assessment(about)
        return Sql(f"NOT ({said.text})", said.parameters)
    test = _said_value(dialect, condition)
    return _any_assessment(Sql(f"{about.text} AND {test.text}", about.parameters + test.parameters))


def _said_value(dialect: Dialect, condition: Condition) -> Sql:
    operand, comparator = condition.operand, condition.comparator
    if comparator is Comparator.IS_NOT_NULL:
        return Sql("TRUE")
    if comparator in _NUMBERS_ONLY:
        if not isinstance(operand, float):
            raise InvalidParameterValue(f"'{comparator.value}' compares with a number, without quotes.")
        return Sql(f"(a.is_numeric = 1 AND a.number {comparator.value} ?)", (operand,))
    if not isinstance(operand, str):
        raise InvalidParameterValue(f"'{comparator.value}' compares with text, in quotes.")
    quoted = msgspec.json.encode(operand).decode()
    if comparator is Comparator.EQUAL:
        return Sql("(a.value = ? OR a.value = ?)", (operand, quoted))
    if comparator is Comparator.NOT_EQUAL:
        return Sql("(a.value <> ? AND a.value <> ?)", (operand, quoted))
    ignore_case = comparator is Comparator.ILIKE
    plain = dialect.text_match("a.value", operand, ignore_case=ignore_case)
    within = dialect.text_match("a.value", f'"{operand}"', ignore_case=ignore_case)
    return Sql(f"({plain.text} OR {within.text})", plain.parameters + within.parameters)


def _any_assessment(test: Sql) -> Sql:
    """Whether something valid is said, of the trace or of its whole session."""
    inner = f"{test.text} AND {VALID_ASSESSMENT}"
    return Sql(
        f"(EXISTS (SELECT 1 FROM assessments a WHERE a.trace_number = t.trace_number AND {inner})"
        f" OR EXISTS (SELECT 1 FROM assessments a WHERE a.session = t.session AND {inner}))",
        test.parameters * 2,
    )


def _expression(condition: Condition) -> TraceTest:
    test = text_test(condition.comparator, condition.operand)
    key = SOURCE_RUN if condition.name == RUN_ID and condition.entity is Entity.ATTRIBUTE else condition.name
    match condition.entity:
        case Entity.TAG:
            return lambda trace: _passes(test, trace.tags.get(key))
        case Entity.METADATA:
            return lambda trace: _passes(test, trace.metadata.get(key))
        case Entity.FEEDBACK | Entity.EXPECTATION:
            kind = _KINDS[condition.entity]
            return lambda trace: any(
                is_valid and one.kind == kind and one.name == key and test(_text_of(one))
                for one, is_valid in trace.assessments
            )
        case _:
            return lambda trace: _passes(test, _attribute_of(trace, key))


def _attribute_of(trace: TraceValues, name: str) -> str | None:
    match name:
        case "request_id":
            return trace.trace_id
        case "status":
            return trace.state
        case "client_request_id":
            return trace.client_request_id
        case "name":
            return trace.tags.get(NAME_TAG)
        case _:
            return trace.metadata.get(name)


def _passes(test: TextTest, text: str | None) -> bool:
    return text is not None and test(text)


def _text_of(assessment: Assessment) -> str:
    value = msgspec.json.decode(assessment.value)
    return value if isinstance(value, str) else assessment.value


def _span_columns(dialect: Dialect, condition: Condition) -> Sql | None:
    """The test of a row of `spans s`; None where a row does not tell."""
    if condition.entity is Entity.SPAN_ATTRIBUTE or condition.name == CONTENT:
        return None
    if condition.name == STATUS:
        test = text_test(condition.comparator, condition.operand)
        numbers = [number for number, name in enumerate(SPAN_STATUSES) if test(name)]
        return Sql(f"s.status IN ({', '.join(map(str, numbers))})") if numbers else Sql("FALSE")
    if condition.comparator is Comparator.RLIKE:
        return None
    return value_test(dialect, condition, f"s.{condition.name}")


def span_test(condition: Condition) -> SpanTest:
    """The test of a condition on a span. Raises InvalidParameterValue for an expression that is none."""
    is_signed = _is_exact(condition) and _signed(condition) is not None
    return SpanTest(_passing_span(condition), needle_of(condition), is_signed)


def _passing_span(condition: Condition) -> Callable[[str, Span], bool]:
    test = text_test(condition.comparator, condition.operand)
    if condition.entity is Entity.SPAN_ATTRIBUTE:
        key = condition.name
        return lambda trace_id, span: _has_attribute(attributes_of(trace_id, span), key, test)
    match condition.name:
        case "name":
            return lambda _trace_id, span: test(span.name)
        case "status":
            return lambda _trace_id, span: test(SPAN_STATUSES[span.status])
        case "type":
            return lambda trace_id, span: _passes(test, _type_of(attributes_of(trace_id, span)))
        case _:
            return lambda trace_id, span: test(content_of(trace_id, span))


def _has_attribute(attributes: Mapping[str, Any], key: str, test: TextTest) -> bool:
    return key in attributes and test(plain_text(attributes[key]))


def _type_of(attributes: Mapping[str, Any]) -> str | None:
    found = read_value(attributes.get(SPAN_TYPE))
    return found if isinstance(found, str) else None
