"""How much two filters of traces have to do with one another.

Source: MLflow 3.17: the normalised pointwise mutual information of two filters, plain, and with half a trace added to
each of the four counts.
"""

import math
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from query_api.filter.conditions import Condition, check_filter
from query_api.filter.sql import joined
from query_api.filter.syntax import parse_long_filter
from query_api.filter.value_test import is_one_of
from query_api.port import ReadModel
from query_api.traces.conditions import tests_of
from query_api.traces.search import TRACES_AT_ONCE, passing_among
from query_api.traces.vocabulary import TRACES
from schemas.errors import InvalidParameterValue
from schemas.messages.experiments import experiment_id_of
from schemas.messages.traces import CalculateTraceFilterCorrelation

MOST_LOOKED_INTO: Final = 50_000
"""When something has to be tested that the database does not test."""


async def correlation(read_model: ReadModel, message: CalculateTraceFilterCorrelation) -> bytes:
    """The counts and what they come to. Raises InvalidParameterValue."""
    experiment_ids = sorted({experiment_id_of(one) for one in message.experiment_ids or ()})
    base, first, second = [
        check_filter(await parse_long_filter(text), TRACES)
        for text in (message.base_filter, message.filter_string1, message.filter_string2)
    ]
    total, n1, n2, joint = [
        await _count(read_model, experiment_ids, conditions)
        for conditions in (base, (*base, *first), (*base, *second), (*base, *first, *second))
    ]
    answer: dict[str, Any] = {"filter1_count": n1, "filter2_count": n2, "joint_count": joint, "total_count": total}
    if n1 and n2:
        answer["npmi"] = npmi(joint, n1, n2, total)
        answer["npmi_smoothed"] = npmi(joint + 0.5, n1 + 1, n2 + 1, total + 2)
    return msgspec.json.encode(answer)


def npmi(joint: float, n1: float, n2: float, total: float) -> float:
    """From -1, never together, to 1, always together."""
    if joint == 0:
        return -1.0
    if joint == total:
        return 1.0
    return max(-1.0, min(1.0, math.log(joint * total / (n1 * n2)) / -math.log(joint / total)))


async def _count(read_model: ReadModel, experiment_ids: Sequence[int], conditions: Sequence[Condition]) -> int:
    if not experiment_ids:
        return 0
    dialect = read_model.dialect
    tests = tests_of(dialect, conditions)
    here = is_one_of(dialect, "t.experiment_id", experiment_ids)
    where = joined(" AND ", [here, *tests.where, *tests.narrowed(dialect), *tests.looked_up])
    if tests.are_all_sql:
        sql = where._replace(text=f"SELECT count(*) FROM traces t WHERE {where.text}")
        return int((await read_model.fetch(*dialect.assembled(sql)))[0][0])
    sql = where._replace(
        text=f"SELECT t.trace_number FROM traces t WHERE {where.text} ORDER BY 1 LIMIT {MOST_LOOKED_INTO + 1}"
    )
    numbers = [row[0] for row in await read_model.fetch(*dialect.assembled(sql))]
    if len(numbers) > MOST_LOOKED_INTO:
        raise InvalidParameterValue(
            f"More than {MOST_LOOKED_INTO} traces would have to be looked into: narrow them down by base_filter."
        )
    count = 0
    for start in range(0, len(numbers), TRACES_AT_ONCE):
        count += len(await passing_among(read_model, tests, numbers[start : start + TRACES_AT_ONCE]))
    return count
