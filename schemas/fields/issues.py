"""What the events of an issue set. Its causes and categories never change."""

from collections.abc import Mapping
from typing import Final, assert_never

from schemas.events import AnyIssueEvent, IssueCreated, IssueErased, IssueUpdated
from schemas.fields.field import DESCRIPTION, NAME, STATUS, Held, Value

SEVERITY: Final = "severity"


def set_by_issue_event(event: AnyIssueEvent, _held: Held) -> Mapping[str, Value]:
    match event:
        case IssueCreated() | IssueUpdated():
            given = {NAME: event.name, DESCRIPTION: event.description, STATUS: event.status, SEVERITY: event.severity}
            return {field: value for field, value in given.items() if value is not None}
        case IssueErased():
            return {}
        case _:
            assert_never(event)
