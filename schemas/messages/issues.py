"""The requests about issues."""

from typing import Annotated, ClassVar

import msgspec

from schemas.errors import ResourceDoesNotExist
from schemas.messages.bounds import (
    MAX_ISSUE_CHARACTERS,
    MAX_ISSUE_LIST,
    Filter,
    Id,
    Name,
    PageToken,
    Word,
)
from schemas.messages.message import Int32, Message, Required

Description = Annotated[str, msgspec.Meta(max_length=MAX_ISSUE_CHARACTERS)]


class CreateIssue(Message):
    required: ClassVar[Required] = ("experiment_id", "name", "description")

    experiment_id: Id = ""
    name: Name = ""
    description: Description = ""
    status: Word = ""
    severity: Word = ""
    root_causes: Annotated[list[Description], msgspec.Meta(max_length=MAX_ISSUE_LIST)] = []
    categories: Annotated[list[Name], msgspec.Meta(max_length=MAX_ISSUE_LIST)] = []
    source_run_id: Id = ""
    created_by: Name = ""


class IssueMessage(Message):
    """What is about the issue in the path."""

    issue_id: Id = ""


class UpdateIssue(IssueMessage):
    name: Name = ""
    description: Description = ""
    status: Word = ""
    severity: Word = ""


class GetIssue(IssueMessage):
    pass


class SearchIssues(Message):
    experiment_id: Id = ""
    filter_string: Filter = ""
    max_results: Int32 = 0
    page_token: PageToken = ""
    include_trace_count: bool = False


def issue_not_found(issue_id: str) -> ResourceDoesNotExist:
    return ResourceDoesNotExist(f"Issue with ID '{issue_id}' not found")
