"""The requests about runs themselves."""

from typing import ClassVar

from schemas.messages.bounds import ExperimentIds, Filter, Id, Name, Orders, PageToken, RunName, Word
from schemas.messages.message import Int32, Int64, Message, NewPairs, Required

RUN: Required = (("run_id", "run_uuid"),)


class RunMessage(Message):
    """A request about one run, which clients of every age name either way."""

    required: ClassVar[Required] = RUN

    run_id: Id = ""
    run_uuid: Id = ""

    @property
    def run(self) -> str:
        """The run's id, however it was named."""
        return self.run_id or self.run_uuid


class CreateRun(Message):
    experiment_id: Id = ""
    user_id: Name = ""
    run_name: RunName = ""
    start_time: Int64 = 0
    tags: NewPairs = []


class UpdateRun(RunMessage):
    status: Word | int | None = None
    end_time: Int64 | None = None
    run_name: RunName = ""


class DeleteRun(Message):
    required: ClassVar[Required] = ("run_id",)

    run_id: Id = ""


class RestoreRun(Message):
    required: ClassVar[Required] = ("run_id",)

    run_id: Id = ""


class GetRun(RunMessage):
    pass


class SearchRuns(Message):
    experiment_ids: ExperimentIds = []
    filter: Filter = ""
    run_view_type: Word | int | None = None
    max_results: Int32 = 1000
    order_by: Orders = []
    page_token: PageToken = ""
