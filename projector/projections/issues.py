"""The projection of issues."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from typing import Final, get_args

import orjson

from projector.changes import Change, Delete, Read, Upsert
from projector.projection import Loading, Projection
from schemas.envelope import RecordedEvent
from schemas.errors import ResourceAlreadyExists
from schemas.events import AnyIssueEvent, IssueCreated, IssueErased
from schemas.fields import refuse_if_changed
from schemas.fields.field import DESCRIPTION, NAME, STATUS, Value
from schemas.fields.issues import SEVERITY
from schemas.messages.issues import issue_not_found
from schemas.mlflow import ISSUE_SEVERITIES


@dataclass(slots=True)
class Issue:
    """A row of `issues`."""

    issue_id: str
    experiment_id: int
    name: str
    description: str
    status: str
    severity: str | None
    severity_rank: int
    root_causes: str | None
    categories: str | None
    source_run_id: str | None
    created_by: str | None
    created_timestamp_ms: int
    last_updated_timestamp_ms: int


@dataclass(slots=True)
class Issues:
    """The issues that a batch is about, and those of them that it changes."""

    issues: dict[str, Issue] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)


_COLUMNS: Final = tuple(Issue.__dataclass_fields__)
_ROW: Final = attrgetter(*_COLUMNS)


def _load(events: Sequence[AnyIssueEvent]) -> Loading[Issues]:
    rows = yield Read("issues", _COLUMNS, "issue_id", {event.issue_id for event in events})
    return Issues({row[0]: Issue(*row) for row in rows})


def _fold(state: Issues, recorded: RecordedEvent, event: AnyIssueEvent) -> None:
    issue, time_ms = state.issues.get(event.issue_id), recorded.time_us // 1000
    if isinstance(event, IssueCreated):
        if issue is not None:
            raise ResourceAlreadyExists(f"Issue id {event.issue_id} is taken.")
        state.issues[event.issue_id] = _created(event, time_ms)
    elif issue is None:
        raise issue_not_found(event.issue_id)
    elif isinstance(event, IssueErased):
        del state.issues[event.issue_id]
        state.changed.discard(event.issue_id)
        state.gone.add(event.issue_id)
        return
    else:
        refuse_if_changed(event.undo, partial(_held, issue))
        for column in ("name", "description", "status", "severity"):
            value = getattr(event, column)
            if value is not None:
                setattr(issue, column, value)
        issue.severity_rank = _rank(issue.severity)
        issue.last_updated_timestamp_ms = max(issue.last_updated_timestamp_ms, time_ms)
    state.changed.add(event.issue_id)


def _held(issue: Issue, name: str) -> Value:
    """What a field of an issue is."""
    fields = {NAME: issue.name, DESCRIPTION: issue.description, STATUS: issue.status, SEVERITY: issue.severity}
    return fields.get(name)


def _created(event: IssueCreated, time_ms: int) -> Issue:
    return Issue(
        issue_id=event.issue_id,
        experiment_id=event.experiment_id,
        name=event.name,
        description=event.description,
        status=event.status,
        severity=event.severity,
        severity_rank=_rank(event.severity),
        root_causes=_list(event.root_causes),
        categories=_list(event.categories),
        source_run_id=event.source_run_id,
        created_by=event.created_by,
        created_timestamp_ms=time_ms,
        last_updated_timestamp_ms=time_ms,
    )


def _rank(severity: str | None) -> int:
    return ISSUE_SEVERITIES.index(severity) if severity in ISSUE_SEVERITIES else -1


def _list(texts: Sequence[str]) -> str | None:
    return orjson.dumps(texts).decode() if texts else None


def _changes(state: Issues) -> Iterator[Change]:
    yield Delete("issues", [(issue_id,) for issue_id in sorted(state.gone)])
    yield Upsert("issues", [_ROW(state.issues[issue_id]) for issue_id in sorted(state.changed)])


ISSUES: Final = Projection(get_args(AnyIssueEvent), _load, _fold, _changes)
