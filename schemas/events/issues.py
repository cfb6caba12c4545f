"""The events of an issue, in the stream issue/<id>: a problem that traces of an experiment show."""

from typing import Final

from schemas.events.erasures import Erasure
from schemas.events.event import Event, StreamKind

ISSUES: Final = StreamKind("issue")


class IssueEvent(Event, frozen=True):
    kind = ISSUES

    issue_id: str

    @property
    def stream_key(self) -> str:
        return self.issue_id


class IssueCreated(IssueEvent, frozen=True):
    """`source_run_id` is the run that found it; `created_by` is what the client says."""

    event_type = "issue.created"

    experiment_id: int
    name: str
    description: str
    status: str = "pending"
    severity: str | None = None
    root_causes: list[str] = []
    categories: list[str] = []
    source_run_id: str | None = None
    created_by: str | None = None


class IssueUpdated(IssueEvent, frozen=True):
    """What is None stays as it was."""

    event_type = "issue.updated"

    name: str | None = None
    description: str | None = None
    status: str | None = None
    severity: str | None = None


class IssueErased(IssueEvent, frozen=True):
    """Nothing of the issue is there any more, for good: it goes with its experiment."""

    event_type = "issue.erased"

    erasure: Erasure


AnyIssueEvent = IssueCreated | IssueUpdated | IssueErased
