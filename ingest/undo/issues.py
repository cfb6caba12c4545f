"""How changes of an issue are undone."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ingest.admission.known_entities import KnownEntities
from ingest.undo.trace import Change
from ingest.undo.undoing import ERASED, Judged, Undoing, Wanted, undo_of
from schemas.events import AnyEvent, IssueCreated, IssueErased, IssueUpdated
from schemas.fields.field import Held
from schemas.levels import Level
from schemas.messages.issues import UpdateIssue
from schemas.rest.access import ISSUE, On, Rule

_NOT_UNDONE: Final[Mapping[type, str]] = {
    IssueCreated: "An issue that was created stays: give it the status rejected.",
    IssueErased: ERASED,
}

_STAYS: Final = "What has a severity keeps one: give it another."
_EDIT: Final[Rule] = (On(Level.EDIT, ISSUE, "issue_id"),)


async def _hindrance(_known: KnownEntities, _key: str, _held: Held, change: Change, _wanted: Wanted) -> str | None:
    return _STAYS if change.wanted is None else None


async def _events(_known: KnownEntities, issue_id: str, _held: Held, changes: Sequence[Change]) -> list[AnyEvent]:
    wanted: dict[str, Any] = {change.field: str(change.wanted) for change in changes}
    return [IssueUpdated(issue_id=issue_id, undo=undo_of(changes), **wanted)]


ISSUES_UNDOING: Final = Undoing(
    not_undone=_NOT_UNDONE,
    judged=Judged(lambda _field: _EDIT, lambda issue_id, _field: UpdateIssue(issue_id=issue_id)),
    hindrance=_hindrance,
    events=_events,
)
