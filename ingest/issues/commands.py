"""The commands about issues.

Each takes a request message, the actor and the id of the request, and answers with the issue when its event is
projected. Raises InvalidParameterValue, ResourceDoesNotExist for what a request names and there is not, and what
KnownEntities and LogWriter raise.
"""

import uuid
from typing import Any, Final, NamedTuple

from ingest.admission.known_entities import KnownEntities
from ingest.admission.lookups import Lookup, Row
from ingest.experiments.lookups import EXPERIMENTS
from ingest.experiments.state import require_active_experiment
from ingest.log_writer import LogWriter, in_the_log
from ingest.runs.lookups import RUNS
from schemas.documents.issues import ISSUE_ANSWER
from schemas.documents.rendering import Renderer
from schemas.envelope import Actor
from schemas.errors import InvalidParameterValue
from schemas.events import IssueCreated, IssueUpdated
from schemas.messages.bounds import shown
from schemas.messages.experiments import experiment_id_of
from schemas.messages.issues import CreateIssue, UpdateIssue, issue_not_found
from schemas.mlflow import ISSUE_SEVERITIES, ISSUE_STATUSES

_ANSWER: Final = Renderer(ISSUE_ANSWER)


class IssueInfo(NamedTuple):
    """An issue as it is answered."""

    issue_id: str
    experiment_id: int
    name: str
    description: str
    status: str
    severity: str | None
    root_causes: str | None
    categories: str | None
    source_run_id: str | None
    created_by: str | None
    created_timestamp_ms: int
    last_updated_timestamp_ms: int


def _info(row: Row) -> IssueInfo:
    return IssueInfo._make(row)


ISSUE: Final = Lookup(f"SELECT {', '.join(IssueInfo._fields)} FROM issues WHERE issue_id = $1", _info)


class IssueCommands:
    def __init__(self, writer: LogWriter, known: KnownEntities) -> None:
        self._writer = writer
        self._known = known

    async def create(self, command: CreateIssue, actor: Actor, request_id: str) -> bytes:
        """An issue of an active experiment."""
        status, severity = status_of(command.status), severity_of(command.severity)
        experiment = await self._known.existing(EXPERIMENTS, experiment_id_of(command.experiment_id))
        require_active_experiment(experiment)
        if command.source_run_id:
            await self._known.existing(RUNS, command.source_run_id)
        event = IssueCreated(
            issue_id=f"iss-{uuid.uuid4().hex}",
            experiment_id=experiment.experiment_id,
            name=command.name,
            description=command.description,
            status=status or ISSUE_STATUSES[0],
            severity=severity,
            root_causes=command.root_causes,
            categories=command.categories,
            source_run_id=command.source_run_id or None,
            created_by=command.created_by or None,
        )
        await self._writer.append_and_wait(event, actor, request_id)
        return await self._answer(event.issue_id)

    async def update(self, command: UpdateIssue, actor: Actor, request_id: str) -> bytes:
        """Change what is said; what is empty stays. Nothing said moves the time of the last change alone."""
        event = IssueUpdated(
            issue_id=command.issue_id,
            name=command.name or None,
            description=command.description or None,
            status=status_of(command.status),
            severity=severity_of(command.severity),
        )
        if await self._known.look_up(ISSUE, command.issue_id) is None:
            raise issue_not_found(command.issue_id)
        await self._writer.append_and_wait(event, actor, request_id)
        return await self._answer(command.issue_id)

    async def _answer(self, issue_id: str) -> bytes:
        with in_the_log():
            issue = await self._known.look_up(ISSUE, issue_id)
        assert issue is not None, "issues stay in the read model"
        return _ANSWER.render(issue)


def status_of(status: str) -> str | None:
    """Raises InvalidParameterValue."""
    return _known("status", status, ISSUE_STATUSES)


def severity_of(severity: str) -> str | None:
    """Raises InvalidParameterValue."""
    return _known("severity", severity, ISSUE_SEVERITIES)


def _known(field: str, word: str, words: Any) -> str | None:
    if word and word not in words:
        raise InvalidParameterValue(
            f"Invalid value {shown(word)} for parameter '{field}': it is one of {', '.join(words)}."
        )
    return word or None
