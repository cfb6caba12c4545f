"""The request to correct what was logged to a run."""

from typing import Annotated, ClassVar

import msgspec

from schemas.messages.bounds import (
    MAX_BATCH_METRICS,
    MAX_BATCH_PARAMS,
    MAX_PARAM_CHARACTERS,
    MAX_TAG_CHARACTERS,
    Id,
    Key,
    NumberText,
)
from schemas.messages.message import Int64, Message, Required


class ParamCorrection(Message):
    """Another value of a param; without one it is removed."""

    required: ClassVar[Required] = ("key",)

    key: Key = ""
    value: Annotated[str, msgspec.Meta(max_length=MAX_PARAM_CHARACTERS)] | None = None


class MetricCorrection(Message):
    """Another value of every point of a metric with this step, timestamp and value; without one they are removed."""

    required: ClassVar[Required] = ("key", "timestamp", "value")

    key: Key = ""
    step: Int64 = 0
    timestamp: Int64 | None = None
    value: float | NumberText | bool | None = None
    new_value: float | NumberText | bool | None = None


class CorrectRun(Message):
    """Why, and what: `metrics` holds a point each, each of which has to be there."""

    required: ClassVar[Required] = ("reason",)

    run_id: Id = ""
    reason: Annotated[str, msgspec.Meta(max_length=MAX_TAG_CHARACTERS)] = ""
    params: Annotated[list[ParamCorrection], msgspec.Meta(max_length=MAX_BATCH_PARAMS)] = []
    metrics: Annotated[list[MetricCorrection], msgspec.Meta(max_length=MAX_BATCH_METRICS)] = []
