"""The requests for the history of metrics."""

from typing import ClassVar

from schemas.messages.bounds import Key, PageToken, RunIds
from schemas.messages.message import Int32, Message, Required
from schemas.messages.runs import RUN, RunMessage


class GetMetricHistory(RunMessage):
    required: ClassVar[Required] = (*RUN, "metric_key")

    metric_key: Key = ""
    page_token: PageToken = ""
    max_results: Int32 | None = None


class GetMetricHistoryBulkInterval(Message):
    required: ClassVar[Required] = ("run_ids", "metric_key")

    run_ids: RunIds | None = None
    metric_key: Key = ""
    start_step: Int32 | None = None
    end_step: Int32 | None = None
    max_results: Int32 | None = None
