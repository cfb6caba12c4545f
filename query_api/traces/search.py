"""The search of traces: a request to a page of JSON."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from query_api.filter.conditions import OrderTerm, check_filter, check_order
from query_api.filter.pages import SortValue, fingerprint, page_token, sort_values
from query_api.filter.sort_columns import SortColumn, after, order_by
from query_api.filter.sql import Sql, joined
from query_api.filter.syntax import parse_long_filter, parse_order
from query_api.filter.table_search import SortKey
from query_api.filter.value_test import TRUE, is_one_of
from query_api.filter.vocabulary import Entity
from query_api.port import MAX_PAGE_BYTES, ReadModel
from query_api.traces.conditions import Tests, tests_of
from query_api.traces.values import chunks_of_all, reported, trace_values
from query_api.traces.vocabulary import TRACES
from read_model.spans.chunk import chunk_json, read_chunk
from schemas.documents.traces import TraceValues, trace_info, trace_info_v2
from schemas.errors import InvalidParameterValue
from schemas.messages.experiments import experiment_id_of
from schemas.messages.traces import SearchTraces, SearchTracesV3
from schemas.traces import COST, SOURCE_RUN, TOKEN_USAGE

MAX_RESULTS: Final = 500
TRACES_AT_ONCE: Final = 200
"""So many are looked into at a time, when something has to be tested that the database does not test."""
CANDIDATES_AT_ONCE: Final = 5000
"""So many are asked for at a time, to be looked into, when the database looks through all traces for them."""
ONE_IN: Final = 20
"""Where fewer pass, the database is asked which may: to find a page of them without that would take longer."""
TRACES_BETWEEN: Final = 20
"""After so many of which no spans had to be read, some 200 µs, other requests run."""
MOST_LOOKED_INTO: Final = 20_000
"""For one page, which then ends with a token, however few it found."""

_COLUMNS: Final = {
    "timestamp_ms": SortKey(Sql("t.request_time_ms"), int),
    "execution_time_ms": SortKey(Sql("t.execution_duration_ms"), int),
    "status": SortKey(Sql("t.state"), str),
    "name": SortKey(Sql("t.name"), str),
    "request_id": SortKey(Sql("t.trace_id"), str),
    "experiment_id": SortKey(Sql("t.experiment_id"), int),
}
_MAY_BE_MISSING: Final = frozenset({"execution_time_ms", "name"})


@dataclass(frozen=True, slots=True)
class Match:
    """A trace that was found, and where it is in the order."""

    trace_number: int
    place: Sequence[SortValue]


@dataclass(frozen=True, slots=True)
class Matches:
    """What was found, in order, and from where to go on, None at the end."""

    found: Sequence[Match]
    rest: Sequence[SortValue] | None


async def search_traces_v3(read_model: ReadModel, message: SearchTracesV3) -> bytes:
    """`{"traces": […], "next_page_token"}` for clients of MLflow 3. Raises InvalidParameterValue."""
    locations = message.locations or ()
    ids = [one.mlflow_experiment.experiment_id for one in locations if one.mlflow_experiment]
    return await _page(read_model, ids, message, trace_info)


async def search_traces(read_model: ReadModel, message: SearchTraces) -> bytes:
    """The same for clients of MLflow 2. Raises InvalidParameterValue."""
    return await _page(read_model, message.experiment_ids or (), message, trace_info_v2)


async def _page(
    read_model: ReadModel,
    experiments: Iterable[str],
    message: SearchTraces | SearchTracesV3,
    form: Callable[[TraceValues], dict[str, Any]],
) -> bytes:
    if not 1 <= message.max_results <= MAX_RESULTS:
        raise InvalidParameterValue(
            f"Invalid value {message.max_results} for parameter 'max_results': it must be from 1 to {MAX_RESULTS}."
        )
    experiment_ids = sorted({experiment_id_of(one) for one in experiments if one})
    tests = tests_of(read_model.dialect, check_filter(await parse_long_filter(message.filter), TRACES))
    order = _order(message.order_by)
    identity = fingerprint("traces", experiment_ids, message.filter, message.order_by)
    place = sort_values(message.page_token, identity, [key.kind for key in order])
    if not experiment_ids:
        return b"{}"
    tests.where.insert(0, is_one_of(read_model.dialect, "t.experiment_id", experiment_ids))
    matches = await find_matches(read_model, tests, order, place, message.max_results)
    values = await trace_values(read_model, [one.trace_number for one in matches.found])
    traces: list[bytes] = []
    rest, size = matches.rest, 0
    for number, match in enumerate(matches.found):
        if match.trace_number in values:  # it may be gone by now
            traces.append(msgspec.json.encode(form(values[match.trace_number])))
            size += len(traces[-1])
        if size > MAX_PAGE_BYTES and number + 1 < len(matches.found):
            rest = match.place
            break
    token = b"" if rest is None else b'"next_page_token":"%b"' % page_token(identity, rest).encode()
    listed = b'"traces":[%b]' % b",".join(traces) if traces else b""
    return b"{%b}" % b",".join(part for part in (listed, token) if part)


async def find_matches(
    read_model: ReadModel, tests: Tests, order: Sequence[SortKey], place: Sequence[SortValue] | None, wanted: int
) -> Matches:
    """The wanted traces that pass the tests, in order, from after `place`. Raises as ReadModel.fetch does."""
    narrowing = tests.narrowed(read_model.dialect)
    everything = [*tests.where, *narrowing, *tests.looked_up]
    if tests.are_all_sql and not narrowing:
        found = await candidates(read_model, everything, order, place, wanted + 1)
        return Matches(found[:wanted], found[wanted - 1].place if len(found) > wanted else None)
    where, at_once, is_narrowed = tests.where if narrowing else everything, TRACES_AT_ONCE, False
    passed: list[Match] = []
    looked_into = 0
    while True:
        found = await candidates(read_model, where, order, place, at_once, is_narrowed=is_narrowed)
        for first in range(0, len(found), TRACES_AT_ONCE):
            if looked_into >= MOST_LOOKED_INTO:
                return Matches(passed, place)
            batch = found[first : first + TRACES_AT_ONCE]
            numbers = [one.trace_number for one in batch]
            if tests.looked_up and where is tests.where:
                numbers = await _looked_up(read_model, tests, numbers)
            passing = await passing_among(read_model, tests, numbers)
            passed += [one for one in batch if one.trace_number in passing]
            if len(passed) > wanted:
                return Matches(passed[:wanted], passed[wanted - 1].place)
            place = batch[-1].place
            looked_into += len(batch)
        if len(found) < at_once:
            return Matches(passed, None)
        if narrowing and not is_narrowed and len(passed) * ONE_IN < looked_into:
            where, at_once, is_narrowed = everything, CANDIDATES_AT_ONCE, True


async def _looked_up(read_model: ReadModel, tests: Tests, numbers: Sequence[int]) -> list[int]:
    """Those of some traces that pass what the database has to look up for each."""
    met = joined(" AND ", [is_one_of(read_model.dialect, "t.trace_number", numbers), *tests.looked_up])
    statement = Sql(f"SELECT t.trace_number FROM traces t WHERE {met.text}", met.parameters)
    return [row[0] for row in await read_model.fetch(*read_model.dialect.assembled(statement))]


async def candidates(
    read_model: ReadModel,
    where: Sequence[Sql],
    order: Sequence[SortKey],
    place: Sequence[SortValue] | None,
    wanted: int,
    *,
    is_narrowed: bool = False,
) -> list[Match]:
    """The traces that pass what the database tests."""
    columns = [SortColumn(f"k{number}", f"k{number}", key.descending) for number, key in enumerate(order)]
    values = joined(
        ", ",
        [
            Sql(f"{key.expression.text} AS {column.name}", key.expression.parameters)
            for key, column in zip(order, columns, strict=True)
        ],
    )
    met = joined(" AND ", where)
    rest = TRUE if place is None else _from(columns, place)
    names = ", ".join(column.name for column in columns)
    dialect = read_model.dialect
    source, apart = (dialect.by_key("traces t"), dialect.apart) if is_narrowed else ("traces t", "")
    statement = Sql(
        f"SELECT n, {names} FROM (SELECT t.trace_number AS n, {values.text} FROM {source} WHERE {met.text}{apart}) f"
        f" WHERE {rest.text} ORDER BY {order_by(columns)} LIMIT ?",
        (*values.parameters, *met.parameters, *rest.parameters, wanted),
    )
    rows = await read_model.fetch(*read_model.dialect.assembled(statement))
    return [Match(row[0], tuple(row[1:])) for row in rows]


def _from(columns: Sequence[SortColumn], place: Sequence[SortValue]) -> Sql:
    """What comes after a place. The first column by itself lets the databases begin there in its index."""
    rest = after(columns, place)
    first = columns[0]
    bound = "<=" if first.descending else ">="
    return Sql(f"{first.expression} {bound} ? AND {rest.text}", (place[0], *rest.parameters))


async def passing_among(read_model: ReadModel, tests: Tests, numbers: Sequence[int]) -> set[int]:
    """Those of some traces that pass what the database does not test. Other requests run in between."""
    passing = list(numbers)
    if tests.of_traces:
        values = await trace_values(read_model, numbers)
        passing = [
            number for number in numbers if number in values and all(test(values[number]) for test in tests.of_traces)
        ]
    if not tests.needs_spans:
        return set(passing)
    with reported(read_model):
        return await _with_spans(read_model, tests, passing)


async def _with_spans(read_model: ReadModel, tests: Tests, numbers: Sequence[int]) -> set[int]:
    """Those of some traces that have spans which pass. Raises DamagedSpans, and as ReadModel.fetch does."""
    found: set[int] = set()
    seen = 0
    async for number, trace_id, chunks in chunks_of_all(read_model, numbers):
        search = _Spans(tests, trace_id)
        async for data in chunks:
            if search.has_all_with(data):
                found.add(number)
                break
            seen += 1
            if search.was_read or seen % TRACES_BETWEEN == 0:
                await asyncio.sleep(0)
    return found


class _Spans:
    """Looks into the chunks of one trace for a span that passes, of each list, all of the tests."""

    def __init__(self, tests: Tests, trace_id: str) -> None:
        self._missing = list(tests.of_each_span)
        self._trace_id = trace_id
        self.was_read = False
        """Whether the last chunk had to be read, which takes a millisecond."""

    def has_all_with(self, data: bytes) -> bool:
        """Whether all were found, in this chunk or one before. Raises DamagedSpans."""
        json = chunk_json(data)
        missing = [one for one in self._missing if all(test.needle.may_be_in(json, self._trace_id) for test in one)]
        self.was_read = bool(missing)
        if missing:
            spans = read_chunk(json).spans
            for one in missing:
                if any(all(test.passes(self._trace_id, span) for test in one) for span in spans):
                    self._missing.remove(one)
        return not self._missing


def _order(order_by: Sequence[str]) -> list[SortKey]:
    """The newest first unless asked otherwise; what has no value comes last. Raises InvalidParameterValue."""
    columns: list[SortKey] = []
    seen: set[tuple[Entity, str]] = set()
    for term in check_order([parse_order(one) for one in order_by], TRACES):
        if (term.entity, term.name) in seen:
            raise InvalidParameterValue(f"order_by names {term.name!r} twice.")
        seen.add((term.entity, term.name))
        columns += _sorted_by(term)
    columns.append(_COLUMNS["timestamp_ms"].directed(descending=True))
    columns.append(_COLUMNS["request_id"])
    return columns


def _sorted_by(term: OrderTerm) -> list[SortKey]:
    if term.entity is Entity.ATTRIBUTE and term.name != "run_id":
        key = _COLUMNS[term.name].directed(descending=term.descending)
        return _missing_last(key) if term.name in _MAY_BE_MISSING else [key]
    if term.entity is Entity.METADATA and term.name in (TOKEN_USAGE, COST):
        raise InvalidParameterValue(f"Traces cannot be sorted by {term.name}.")
    table = "trace_tags" if term.entity is Entity.TAG else "trace_metadata"
    name = SOURCE_RUN if term.entity is Entity.ATTRIBUTE else term.name
    value = Sql(f"(SELECT p.value FROM {table} p WHERE p.trace_number = t.trace_number AND p.key = ?)", (name,))
    return _missing_last(SortKey(value, str, term.descending))


def _missing_last(key: SortKey) -> list[SortKey]:
    text, parameters = key.expression
    nothing = "''" if key.kind is str else "0"
    return [
        SortKey(Sql(f"CAST({text} IS NULL AS integer)", parameters), int),
        SortKey(Sql(f"coalesce({text}, {nothing})", parameters), key.kind, key.descending),
    ]
