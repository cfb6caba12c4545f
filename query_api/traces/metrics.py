"""Counts, sums and percentiles of traces, their spans and what was said of them, by dimensions and over time.

Source: MLflow 3.17's metrics of traces: which there are of each view, how they may be summed up, and by what grouped.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from query_api.dialect import Dialect
from query_api.filter.sql import Sql, joined
from query_api.filter.value_test import is_one_of
from query_api.port import ReadModel, Row
from query_api.traces.conditions import VALID_ASSESSMENT
from schemas.errors import InvalidParameterValue
from schemas.messages.bounds import shown
from schemas.messages.experiments import experiment_id_of
from schemas.messages.traces import MetricAggregation, QueryTraceMetrics
from schemas.traces import SPAN_STATUSES

COUNT: Final = "COUNT"
SUM: Final = "SUM"
AVG: Final = "AVG"
PERCENTILE: Final = "PERCENTILE"
MIN: Final = "MIN"
MAX: Final = "MAX"
_AGGREGATIONS: Final = (COUNT, SUM, AVG, PERCENTILE, MIN, MAX)
"""In the order of their numbers, from 1 on."""
_VIEWS: Final = ("TRACES", "SPANS", "ASSESSMENTS")

_PER_PERCENT: Final = 1000
"""Percentiles are told apart to a thousandth of a percent, in whole numbers: databases round differently."""

MAX_POINTS: Final = 10_000

_COUNTED: Final = frozenset({COUNT})
_MEASURED: Final = frozenset({AVG, MAX, MIN, PERCENTILE})
_SUMMED: Final = _MEASURED | {SUM}


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric: its value in SQL, how it may be summed up, and by what grouped. `value` None: rows are counted."""

    value: str | None
    aggregations: frozenset[str]
    dimensions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """What is measured: rows `source`, at `time_ms`, of which `only` count."""

    source: str
    time_ms: str
    measures: Mapping[str, Measure]
    only: str = "TRUE"


_NAMES: Final = " ".join(f"WHEN {number} THEN '{name}'" for number, name in enumerate(SPAN_STATUSES))
_STATUS: Final = f"CASE s.status {_NAMES} END"
_DIMENSIONS: Final = {
    "trace_name": "t.name",
    "trace_status": "t.state",
    "span_name": "s.name",
    "span_type": "s.type",
    "span_status": _STATUS,
    "span_model_name": "s.model",
    "span_model_provider": "s.provider",
    "assessment_name": "a.name",
    "assessment_value": "a.value",
}
_TOKENS: Final = (
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)
_OF_SPANS: Final = ("span_model_name", "span_model_provider", "span_name", "span_status", "span_type")
_OF_MODELS: Final = ("span_model_name", "span_model_provider")

VIEWS: Final[Mapping[str, View]] = {
    "TRACES": View(
        "traces t",
        "t.request_time_ms",
        {
            "trace_count": Measure(None, _COUNTED, ("trace_name", "trace_status")),
            "session_count": Measure("t.session", _COUNTED),
            "latency": Measure("t.execution_duration_ms", _MEASURED, ("trace_name",)),
            **{tokens: Measure(f"t.{tokens}", _SUMMED, ("trace_name",)) for tokens in _TOKENS},
        },
    ),
    "SPANS": View(
        "spans s JOIN traces t ON t.trace_number = s.trace_number",
        "(s.start_ns / 1000000)",
        {
            "span_count": Measure(None, _COUNTED, _OF_SPANS),
            "latency": Measure("((s.end_ns - s.start_ns) / 1000000.0)", _MEASURED, ("span_name", "span_status")),
            **{cost: Measure(f"s.{cost}", _SUMMED, _OF_MODELS) for cost in ("input_cost", "output_cost", "total_cost")},
        },
    ),
    "ASSESSMENTS": View(
        "assessments a JOIN traces t ON t.trace_number = a.trace_number",
        "t.request_time_ms",
        {
            "assessment_count": Measure(None, _COUNTED, ("assessment_name", "assessment_value")),
            "assessment_value": Measure("a.number", _MEASURED, ("assessment_name",)),
        },
        VALID_ASSESSMENT,
    ),
}

_CLAUSE: Final = re.compile(
    r"""\s*(trace|span|assessment)\.(\w+)(?:\.(`[^`]+`|"[^"]+"|[\w.\-]+))?\s*=\s*('[^']*'|"[^"]*")\s*"""
)


@dataclass(frozen=True, slots=True)
class Aggregation:
    """How values are summed up; `percent` of a percentile, from 0 to 100."""

    name: str
    percent: float = 0.0

    @property
    def key(self) -> str:
        return f"P{self.percent}" if self.name == PERCENTILE else self.name


async def query_metrics(read_model: ReadModel, message: QueryTraceMetrics) -> bytes:
    """`{"data_points": […]}`, `{}` without any. Raises InvalidParameterValue."""
    view = VIEWS[_named(message.view_type, _VIEWS, "view_type")]
    measure = view.measures.get(message.metric_name)
    if measure is None:
        raise InvalidParameterValue(
            f"Invalid metric_name {shown(message.metric_name)}: it must be one of {', '.join(sorted(view.measures))}."
        )
    aggregations = [_aggregation(one, measure) for one in message.aggregations or ()]
    if not aggregations:
        raise InvalidParameterValue("At least one aggregation is required.")
    for dimension in message.dimensions:
        if dimension not in measure.dimensions:
            raise InvalidParameterValue(
                f"Invalid dimension {shown(dimension)} of {message.metric_name}: it must be one of"
                f" {', '.join(measure.dimensions) or 'none'}."
            )
    interval_ms = _interval_ms(message)
    most = MAX_POINTS if message.max_results < 0 else min(message.max_results, MAX_POINTS)
    experiment_ids = sorted({experiment_id_of(one) for one in message.experiment_ids or ()})
    question = _Question(
        read_model, view, measure, tuple(dict.fromkeys(message.dimensions)), interval_ms, message.metric_name
    )
    rows = _rows_wanted(read_model.dialect, message, view, measure, experiment_ids) if experiment_ids else None
    points = await question.points(rows, aggregations) if rows is not None else []
    if not points and not question.groups and [one.name for one in aggregations] == [COUNT]:
        points = [{"metric_name": message.metric_name, "values": {COUNT: 0.0}}]
    points = points[:most]
    return msgspec.json.encode({"data_points": points}) if points else b"{}"


@dataclass(frozen=True, slots=True)
class _Question:
    read_model: ReadModel
    view: View
    measure: Measure
    dimensions: tuple[str, ...]
    interval_ms: int
    metric_name: str

    @property
    def groups(self) -> list[str]:
        """The columns by which rows are grouped."""
        return [*(f"d{number}" for number in range(len(self.dimensions))), *(["bucket"] if self.interval_ms else [])]

    async def points(self, where: Sql, aggregations: Sequence[Aggregation]) -> list[dict[str, Any]]:
        rows = self._rows(where)
        found: dict[tuple[Any, ...], dict[str, float]] = {}
        summed = [one for one in aggregations if one.name != PERCENTILE]
        if summed:
            for *group, values in await self._sums(rows, summed):
                found[tuple(group)] = values
        percentiles = [one for one in aggregations if one.name == PERCENTILE]
        if percentiles:
            for place, values in (await self._percentiles(rows, percentiles)).items():
                found.setdefault(place, {}).update(values)
        return [self._point(place, values) for place, values in found.items() if values]

    async def _sums(self, rows: Sql, aggregations: Sequence[Aggregation]) -> list[Row]:
        """Of each group its values, in the order of the groups. Only what is asked for is summed up."""
        counted = "count(DISTINCT v)" if self.metric_name == "session_count" else "count(*)"
        wanted = {one.name for one in aggregations}
        sums = [
            made if wanted & used else "NULL"
            for made, used in (("sum(v)", {SUM, AVG}), ("min(v)", {MIN}), ("max(v)", {MAX}))
        ]
        names = ", ".join(self.groups)
        ending = f" GROUP BY {names} ORDER BY {names}" if names else ""
        statement = Sql(f"SELECT {', '.join([*self.groups, counted, *sums])} FROM {rows.text}{ending}", rows.parameters)
        found: list[Row] = []
        for *group, count, total, least, most in await self._fetch(statement):
            if count:
                of = {COUNT: count, SUM: total, AVG: None if total is None else total / count, MIN: least, MAX: most}
                values = {one.key: of[one.name] for one in aggregations}
                found.append((*group, {key: float(value) for key, value in values.items() if value is not None}))
        return found

    def _rows(self, where: Sql) -> Sql:
        selected = [f"{_DIMENSIONS[name]} AS d{number}" for number, name in enumerate(self.dimensions)]
        if self.interval_ms:
            time_ms = self.view.time_ms
            selected.append(f"(({time_ms}) / {self.interval_ms}) * {self.interval_ms} AS bucket")
        is_text = self.metric_name == "session_count"
        value = self.measure.value or "0"
        selected.append(f"{value} AS v" if is_text else f"CAST({value} AS double precision) AS v")
        given = [f"{_DIMENSIONS[name]} IS NOT NULL" for name in self.dimensions]
        if self.measure.value is not None:
            given.append(f"{value} IS NOT NULL")
        met = joined(" AND ", [where, *map(Sql, given)])
        return Sql(f"(SELECT {', '.join(selected)} FROM {self.view.source} WHERE {met.text}) r", met.parameters)

    async def _percentiles(
        self, rows: Sql, percentiles: Sequence[Aggregation]
    ) -> dict[tuple[Any, ...], dict[str, float]]:
        """By linear interpolation between the two values that each lies between.

        Equal values are counted first: what has to be put in order and numbered is then far less than all rows.
        """
        scale = 100 * _PER_PERCENT
        shares = {one.key: round(one.percent * _PER_PERCENT) for one in percentiles}
        names = "".join(f"{name}, " for name in self.groups)
        apart = f"PARTITION BY {', '.join(self.groups)} " if self.groups else ""
        counts = f"SELECT {names}v, count(*) AS n FROM {rows.text} GROUP BY {names}v"
        numbered = (
            f"SELECT {names}v, n, CAST(sum(n) OVER ({apart}ORDER BY v) AS bigint) AS upto,"
            f" CAST(sum(n) OVER ({apart}) AS bigint) AS total FROM ({counts}) c"
        )
        at = [f"({share} * (total - 1)) / {scale}" for share in dict.fromkeys(shares.values())]
        between = " OR ".join(f"(upto - n <= {one} + 1 AND upto > {one})" for one in at)
        statement = Sql(
            f"SELECT {names}v, upto, total FROM ({numbered}) w WHERE {between} ORDER BY {names}upto", rows.parameters
        )
        groups: dict[tuple[Any, ...], list[tuple[float, int]]] = {}
        totals: dict[tuple[Any, ...], int] = {}
        for *group, value, upto, total in await self._fetch(statement):
            groups.setdefault(tuple(group), []).append((value, upto))
            totals[tuple(group)] = total
        found: dict[tuple[Any, ...], dict[str, float]] = {}
        for key, values in groups.items():
            found[key] = {}
            for name, share in shares.items():
                rank, part = divmod(share * (totals[key] - 1), scale)
                low, high = (
                    next((value for value, upto in values if upto > one), values[-1][0]) for one in (rank, rank + 1)
                )
                found[key][name] = low + (high - low) * (part / scale)
        return found

    async def _fetch(self, sql: Sql) -> list[Row]:
        return await self.read_model.fetch(*self.read_model.dialect.assembled(sql))

    def _point(self, group: tuple[Any, ...], values: Mapping[str, float]) -> dict[str, Any]:
        point: dict[str, Any] = {"metric_name": self.metric_name}
        dimensions = dict(zip(self.dimensions, group, strict=False))
        if self.interval_ms:
            dimensions["time_bucket"] = datetime.fromtimestamp(group[-1] / 1000, UTC).isoformat()
        if dimensions:
            point["dimensions"] = dimensions
        return {**point, "values": values}


def _rows_wanted(
    dialect: Dialect, message: QueryTraceMetrics, view: View, measure: Measure, experiment_ids: Sequence[int]
) -> Sql:
    tests = [is_one_of(dialect, "t.experiment_id", experiment_ids), Sql(view.only)]
    if message.start_time_ms is not None:
        tests.append(Sql(f"{view.time_ms} >= ?", (message.start_time_ms,)))
    if message.end_time_ms is not None:
        tests.append(Sql(f"{view.time_ms} <= ?", (message.end_time_ms,)))
    tests += [_filter(text, view) for text in message.filters]
    return joined(" AND ", tests)


def _filter(text: str, view: View) -> Sql:
    """One comparison by `=`. Raises InvalidParameterValue."""
    match = _CLAUSE.fullmatch(text)
    if match is not None:
        of, field, key, quoted = match.groups()
        value, key = quoted[1:-1], key and key.strip('`"')
        if of == "trace" and field in ("tag", "metadata") and key:
            table = "trace_tags" if field == "tag" else "trace_metadata"
            return Sql(
                f"EXISTS (SELECT 1 FROM {table} p WHERE p.trace_number = t.trace_number AND p.key = ? AND p.value = ?)",
                (key, value),
            )
        if (of, field, key) == ("trace", "status", None):
            return Sql("t.state = ?", (value,))
        if of == "span" and view is VIEWS["SPANS"] and key is None and field in ("name", "type", "status"):
            return Sql(f"{_DIMENSIONS[f'span_{field}']} = ?", (value,))
        if of == "assessment" and view is VIEWS["ASSESSMENTS"] and key is None and field in ("name", "type"):
            return Sql(f"a.{'kind' if field == 'type' else field} = ?", (value,))
    raise InvalidParameterValue(f"Invalid filter {shown(text)}: it is no comparison by = that this view knows.")


def _aggregation(given: MetricAggregation, measure: Measure) -> Aggregation:
    name = _named(given.aggregation_type, ("", *_AGGREGATIONS), "aggregation_type")
    if name not in measure.aggregations:
        raise InvalidParameterValue(
            f"Invalid aggregation {shown(name)}: it must be one of {', '.join(sorted(measure.aggregations))}."
        )
    if name != PERCENTILE:
        return Aggregation(name)
    percent = given.percentile_value
    if percent is None or not 0 <= percent <= 100:
        raise InvalidParameterValue("A percentile needs a percentile_value from 0 to 100.")
    return Aggregation(name, percent)


def _named(given: str | int | None, names: Sequence[str], at: str) -> str:
    """A name, or its number, which count from 1 where the first name is one."""
    first = 0 if names[0] == "" else 1
    if isinstance(given, str) and given.isascii() and given.isdigit():
        given = int(given[:3])
    if isinstance(given, int) and first <= given < len(names) + first and names[given - first]:
        return names[given - first]
    if isinstance(given, str) and given and given in names:
        return given
    raise InvalidParameterValue(
        f"Invalid value {shown(str(given))} for parameter '{at}': it must be one of {', '.join(filter(None, names))}."
    )


def _interval_ms(message: QueryTraceMetrics) -> int:
    seconds = message.time_interval_seconds or 0
    if seconds < 0 or seconds > 10**10:
        raise InvalidParameterValue("time_interval_seconds must not be negative.")
    if seconds and (message.start_time_ms is None or message.end_time_ms is None):
        raise InvalidParameterValue("time_interval_seconds needs both start_time_ms and end_time_ms.")
    return seconds * 1000
