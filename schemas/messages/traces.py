"""The requests about traces, and about what was said of them."""

from typing import Annotated, Any, ClassVar, Final

import msgspec

from schemas.messages.bounds import (
    MAX_SEARCHED_EXPERIMENTS,
    MAX_TAG_CHARACTERS,
    Cut,
    ExperimentIds,
    Filter,
    Id,
    Key,
    Name,
    Orders,
    PageToken,
    Word,
)
from schemas.messages.message import Int32, Int64, KeyValue, Message, Required

MAX_PREVIEW_CHARACTERS: Final = 100_000
"""Of a preview that a client sends. Its own have a thousand."""
MAX_TOLD_CHARACTERS: Final = 100_000
"""Of a tag or metadata of a new trace. MLflow checks nothing here, and answers 4,096 and 250 of them."""
MAX_TOLD_KEY_CHARACTERS: Final = 250
MAX_TOLD_PAIRS: Final = 1000
MAX_TRACE_IDS: Final = 1000
MAX_LINKED_TRACES: Final = 100
MAX_DELETED_TRACES: Final = 10_000
"""In one request to delete traces by their ids."""
MAX_PROMPTS: Final = 100
MAX_TRACE_ASSESSMENTS: Final = 1000
MAX_RATIONALE_CHARACTERS: Final = 100_000
MAX_ASSESSMENT_VALUE_CHARACTERS: Final = 1_000_000
MAX_METRIC_LISTS: Final = 20

TraceIds = Annotated[list[Id], msgspec.Meta(max_length=MAX_TRACE_IDS)]
Told = Annotated[
    dict[
        Annotated[str, msgspec.Meta(max_length=MAX_TOLD_KEY_CHARACTERS)],
        Annotated[str, msgspec.Meta(max_length=MAX_TOLD_CHARACTERS)],
    ],
    msgspec.Meta(max_length=MAX_TOLD_PAIRS),
]
Preview = Annotated[str, msgspec.Meta(max_length=MAX_PREVIEW_CHARACTERS)]
Rationale = Annotated[str, msgspec.Meta(max_length=MAX_RATIONALE_CHARACTERS)]


class ExperimentLocation(Message):
    experiment_id: Id = ""


class TraceLocation(Message):
    type: Word | int | None = None
    mlflow_experiment: ExperimentLocation | None = None


# --- assessments --------------------------------------------------------------------------------------------------


class AssessmentFault(Message):
    """Why whoever was to judge could not."""

    error_code: Name = ""
    error_message: Rationale = ""
    stack_trace: Annotated[str, msgspec.Meta(max_length=MAX_ASSESSMENT_VALUE_CHARACTERS)] = ""


class FeedbackGiven(Message):
    value: Any = None
    error: AssessmentFault | None = None


class SerializedValue(Message):
    serialization_format: Word = ""
    value: Annotated[str, msgspec.Meta(max_length=MAX_ASSESSMENT_VALUE_CHARACTERS)] = ""


class ExpectationGiven(Message):
    value: Any = None
    serialized_value: SerializedValue | None = None


class IssueGiven(Message):
    issue_name: Name = ""


class AssessmentSource(Message):
    source_type: Word = ""
    source_id: Name = ""


class AssessmentGiven(Message):
    """An assessment as clients send it. One of feedback, expectation and issue is its value."""

    assessment_id: Id = ""
    assessment_name: Name = ""
    trace_id: Id = ""
    span_id: Id = ""
    source: AssessmentSource | None = None
    create_time: Word | None = None
    last_update_time: Word | None = None
    feedback: FeedbackGiven | None = None
    expectation: ExpectationGiven | None = None
    issue: IssueGiven | None = None
    rationale: Rationale | None = None
    metadata: Told = {}
    overrides: Id = ""
    valid: bool | None = None


class CreateAssessment(Message):
    required: ClassVar[Required] = ("assessment",)

    trace_id: Id = ""
    assessment: AssessmentGiven | None = None


class GetAssessment(Message):
    trace_id: Id = ""
    assessment_id: Id = ""


class UpdateAssessment(Message):
    required: ClassVar[Required] = ("assessment", "update_mask")

    trace_id: Id = ""
    assessment_id: Id = ""
    assessment: AssessmentGiven | None = None
    update_mask: Name = ""


class DeleteAssessment(Message):
    trace_id: Id = ""
    assessment_id: Id = ""


# --- traces -------------------------------------------------------------------------------------------------------


class TraceInfo(Message):
    """What a client of MLflow 3 knows of a trace. Times are RFC 3339, durations seconds with an `s`."""

    trace_id: Id = ""
    client_request_id: Name = ""
    trace_location: TraceLocation | None = None
    request_time: Word = ""
    execution_duration: Word | None = None
    state: Word | int | None = None
    request_preview: Preview | None = None
    response_preview: Preview | None = None
    trace_metadata: Told = {}
    tags: Told = {}
    assessments: Annotated[list[AssessmentGiven], msgspec.Meta(max_length=MAX_TRACE_ASSESSMENTS)] = []


class TraceGiven(Message):
    trace_info: TraceInfo | None = None


class StartTraceV3(Message):
    required: ClassVar[Required] = ("trace",)

    trace: TraceGiven | None = None


class TracePair(KeyValue):
    """A tag or metadata of a trace, as clients of MLflow 2 send it."""

    value: Annotated[str, msgspec.Meta(max_length=MAX_TOLD_CHARACTERS)] = ""


Pairs = Annotated[list[TracePair], msgspec.Meta(max_length=MAX_TOLD_PAIRS)]


class StartTrace(Message):
    required: ClassVar[Required] = ("experiment_id",)

    experiment_id: Id = ""
    timestamp_ms: Int64 = 0
    request_metadata: Pairs = []
    tags: Pairs = []


class EndTrace(Message):
    required: ClassVar[Required] = ("status",)

    request_id: Id = ""
    timestamp_ms: Int64 = 0
    status: Word | int | None = None
    request_metadata: Pairs = []
    tags: Pairs = []


class SetTraceTag(Message):
    required: ClassVar[Required] = ("key",)

    request_id: Id = ""
    key: Key = ""
    value: Annotated[str, Cut(MAX_TAG_CHARACTERS)] = ""


class SetTraceTagV3(Message):
    required: ClassVar[Required] = ("key",)

    trace_id: Id = ""
    key: Key = ""
    value: Annotated[str, Cut(MAX_TAG_CHARACTERS)] = ""


class DeleteTraceTag(Message):
    required: ClassVar[Required] = ("key",)

    request_id: Id = ""
    key: Key = ""


class DeleteTraceTagV3(Message):
    required: ClassVar[Required] = ("key",)

    trace_id: Id = ""
    key: Key = ""


class LinkTracesToRun(Message):
    required: ClassVar[Required] = ("run_id",)

    trace_ids: TraceIds = []
    run_id: Id = ""


class PromptVersionRef(Message):
    name: Name = ""
    version: Word = ""


class LinkPromptsToTrace(Message):
    required: ClassVar[Required] = ("trace_id",)

    trace_id: Id = ""
    prompt_versions: Annotated[list[PromptVersionRef], msgspec.Meta(max_length=MAX_PROMPTS)] = []


class DeleteTraces(Message):
    required: ClassVar[Required] = ("experiment_id",)

    experiment_id: Id = ""
    max_timestamp_millis: Int64 | None = None
    max_traces: Int32 | None = None
    request_ids: Annotated[list[Id], msgspec.Meta(max_length=MAX_DELETED_TRACES)] = []


# --- reads --------------------------------------------------------------------------------------------------------


class GetTraceInfo(Message):
    request_id: Id = ""


class GetTraceInfoV3(Message):
    trace_id: Id = ""


class GetTrace(Message):
    required: ClassVar[Required] = ("trace_id",)

    trace_id: Id = ""
    allow_partial: bool = False


class BatchGetTraces(Message):
    required: ClassVar[Required] = ("trace_ids",)

    trace_ids: TraceIds | None = None
    experiment_ids: ExperimentIds | None = None


class BatchGetTraceInfos(Message):
    required: ClassVar[Required] = ("trace_ids",)

    trace_ids: TraceIds | None = None
    experiment_ids: ExperimentIds | None = None


class SearchTraces(Message):
    required: ClassVar[Required] = ("experiment_ids",)

    experiment_ids: ExperimentIds | None = None
    filter: Filter = ""
    max_results: Int32 = 100
    order_by: Orders = []
    page_token: PageToken = ""


class SearchTracesV3(Message):
    required: ClassVar[Required] = ("locations",)

    locations: Annotated[list[TraceLocation], msgspec.Meta(max_length=MAX_SEARCHED_EXPERIMENTS)] | None = None
    filter: Filter = ""
    max_results: Int32 = 100
    order_by: Orders = []
    page_token: PageToken = ""


class CalculateTraceFilterCorrelation(Message):
    required: ClassVar[Required] = ("experiment_ids", "filter_string1", "filter_string2")

    experiment_ids: ExperimentIds | None = None
    filter_string1: Filter = ""
    filter_string2: Filter = ""
    base_filter: Filter = ""


class MetricAggregation(Message):
    aggregation_type: Word | int | None = None
    percentile_value: float | None = None


class QueryTraceMetrics(Message):
    required: ClassVar[Required] = ("experiment_ids", "view_type", "metric_name", "aggregations")

    experiment_ids: ExperimentIds | None = None
    view_type: Word | int | None = None
    metric_name: Name = ""
    aggregations: Annotated[list[MetricAggregation], msgspec.Meta(max_length=MAX_METRIC_LISTS)] | None = None
    dimensions: Annotated[list[Name], msgspec.Meta(max_length=MAX_METRIC_LISTS)] = []
    filters: Annotated[list[Filter], msgspec.Meta(max_length=MAX_METRIC_LISTS)] = []
    time_interval_seconds: Int64 | None = None
    start_time_ms: Int64 | None = None
    end_time_ms: Int64 | None = None
    max_results: Int32 = 1000
    page_token: PageToken = ""
