"""What an event says, in a sentence a person can read."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from schemas.codec import ForgottenEvent, UndecodableEvent, decode
from schemas.envelope import RecordedEvent
from schemas.event_json import client_time_text
from schemas.events import (
    AccessDenied,
    AccessGranted,
    AccessRefused,
    AccessTokenCreated,
    AccessTokenRevoked,
    AnyEvent,
    ArtifactDeleted,
    ArtifactUploaded,
    EvaluationDatasetCreated,
    EvaluationDatasetDeleted,
    EvaluationDatasetErased,
    EvaluationDatasetExperimentsAdded,
    EvaluationDatasetExperimentsRemoved,
    EvaluationDatasetRecordsDeleted,
    EvaluationDatasetRecordsSet,
    EvaluationDatasetRecordsUpserted,
    EvaluationDatasetRestored,
    EvaluationDatasetTagDeleted,
    EvaluationDatasetTagsSet,
    ExperimentAcknowledged,
    ExperimentCreated,
    ExperimentDeleted,
    ExperimentErased,
    ExperimentOwnerRemoved,
    ExperimentRenamed,
    ExperimentRestored,
    ExperimentTagDeleted,
    ExperimentTagSet,
    IssueCreated,
    IssueErased,
    IssueUpdated,
    LabelSchemaCreated,
    LabelSchemaDeleted,
    LabelSchemaErased,
    LabelSchemaUpdated,
    LoggedModelCreated,
    LoggedModelDeleted,
    LoggedModelErased,
    LoggedModelFinalized,
    LoggedModelParamsLogged,
    LoggedModelRestored,
    LoggedModelTagDeleted,
    LoggedModelTagsSet,
    LoggedModelVersionRegistered,
    ModelVersionCreated,
    ModelVersionDeleted,
    ModelVersionRestored,
    ModelVersionTagDeleted,
    ModelVersionTagSet,
    ModelVersionTransitioned,
    ModelVersionUpdated,
    RegisteredModelAliasDeleted,
    RegisteredModelAliasSet,
    RegisteredModelCreated,
    RegisteredModelDeleted,
    RegisteredModelOwnerRemoved,
    RegisteredModelRenamed,
    RegisteredModelRestored,
    RegisteredModelTagDeleted,
    RegisteredModelTagSet,
    RegisteredModelUpdated,
    ReviewQueueCreated,
    ReviewQueueDeleted,
    ReviewQueueErased,
    ReviewQueueItemsAdded,
    ReviewQueueItemsRemoved,
    ReviewQueueItemStatusSet,
    ReviewQueueUpdated,
    RoleAssigned,
    RoleCreated,
    RoleDeleted,
    RoleGrantChanged,
    RoleGranted,
    RoleRevoked,
    RoleUnassigned,
    RoleUpdated,
    RunCreated,
    RunDataLogged,
    RunDeleted,
    RunErased,
    RunInputsLogged,
    RunInputsRemoved,
    RunMetricCorrected,
    RunModelLogged,
    RunOutputsLogged,
    RunOutputsRemoved,
    RunParamCorrected,
    RunRestored,
    RunTagDeleted,
    RunUpdated,
    ScorerDeleted,
    ScorerErased,
    ScorerOnlineConfigSet,
    ScorerRegistered,
    TraceAssessmentCreated,
    TraceAssessmentDeleted,
    TraceAssessmentUpdated,
    TraceDeleted,
    TraceEnded,
    TraceLinkedToRun,
    TracePromptsLinked,
    TracePromptsUnlinked,
    TraceSpansLogged,
    TraceStarted,
    TraceTagDeleted,
    TraceTagSet,
    TraceUnlinkedFromRun,
    UserAdminChanged,
    UserCreated,
    UserDeleted,
    UserGrantChanged,
    UserGranted,
    UserPasswordChanged,
    UserRevoked,
    WebhookCreated,
    WebhookDeleted,
    WebhookUpdated,
)
from schemas.touched_fields import METRIC, TouchedField, touched_fields

SHOWN_FIELDS: Final = 3
"""So many of the fields of an event are in its sentence. All of them are in its data."""

SHOWN_CHARACTERS: Final = 80

E = TypeVar("E")

_DESCRIBED: dict[type, Callable[[Any], str]] = {}

_MODEL_STATUS: Final = {1: "pending", 2: "ready", 3: "failed to upload"}


def described(recorded: RecordedEvent) -> str:
    """The sentence of an event, without who and when."""
    try:
        event = decode(recorded)
        return sentence_of(event) + _undoing(event)
    except ForgottenEvent:
        return "was forgotten"
    except UndecodableEvent as error:
        return f"cannot be read: {error}"


def sentence_of(event: AnyEvent) -> str:
    return _DESCRIBED[type(event)](event)


def _undoing(event: AnyEvent) -> str:
    return "" if event.undo is None else f", undoing {_number(len(event.undo.events), 'event')}"


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _records(count: int) -> str:
    return _number(count, "record")


def _says(event_type: type[E], sentence: Callable[[E], str]) -> None:
    _DESCRIBED[event_type] = sentence


def shown(value: object) -> str:
    """A text in quotes, cut where it is long."""
    text = str(value)
    return f'"{text}"' if len(text) <= SHOWN_CHARACTERS else f'"{text[:SHOWN_CHARACTERS]}…"'


def _some(texts: Sequence[str]) -> str:
    more = len(texts) - SHOWN_FIELDS
    return ", ".join(texts[:SHOWN_FIELDS]) + (f" and {more} more" if more > 0 else "")


def _set_fields(event: AnyEvent) -> str:
    return _some([_set(one) for one in touched_fields(event)])


def _set(field: TouchedField) -> str:
    value = field.value if field.kind == METRIC else shown(field.value)
    return f"{field.kind} {field.key} = {value}"


def _with_fields(sentence: str, event: AnyEvent) -> str:
    fields = _set_fields(event)
    return f"{sentence} with {fields}" if fields else sentence


def _run_data(event: RunDataLogged) -> str:
    points = sum(len(one.value) for one in event.metrics)
    several = f" ({points} points)" if points > len(event.metrics) else ""
    return f"logged {_set_fields(event) or 'metrics of models'}{several}"


def _changed(what: str, **fields: object) -> str:
    found = [f"{name} = {shown(value)}" for name, value in fields.items() if value is not None]
    return f"changed the {what}: {', '.join(found)}" if found else f"changed nothing of the {what}"


def _or_nothing(value: str | None) -> str:
    return "nothing" if value is None else shown(value)


def _time(time_ms: int | None) -> str | None:
    return None if time_ms is None else client_time_text(time_ms)


def _why(reason: str) -> str:
    """Of a correction, where one is given: one that undoes something has none."""
    return f": {shown(reason)}" if reason else ""


def _grant(event: UserGranted | UserGrantChanged | RoleGranted | RoleGrantChanged) -> str:
    return f"{event.level} on the {event.resource_type} {event.resource_pattern}"


def _experiments(experiment_ids: Sequence[int]) -> str:
    return f"the experiment{'s' if len(experiment_ids) > 1 else ''} {_some([str(one) for one in experiment_ids])}"


def _bytes(event: ArtifactUploaded) -> str:
    return f"uploaded the artifact {event.path} ({event.size} bytes)"


_says(ExperimentCreated, lambda e: _with_fields(f"created the experiment {shown(e.name)}", e))
_says(ExperimentAcknowledged, lambda _: "was told that the experiment is created")
_says(ExperimentRenamed, lambda e: f"renamed the experiment to {shown(e.name)}")
_says(ExperimentDeleted, lambda _: "deleted the experiment")
_says(ExperimentRestored, lambda _: "restored the experiment")
_says(ExperimentTagSet, lambda e: f"set {_set_fields(e)} of the experiment")
_says(ExperimentTagDeleted, lambda e: f"deleted the tag {e.key} of the experiment")
_says(ExperimentErased, lambda e: f"erased the experiment: {shown(e.erasure.reason)}")
_says(ExperimentOwnerRemoved, lambda _: "took the experiment from who had created it")
_says(RunCreated, lambda e: _with_fields(f"created the run {shown(e.name)} in the experiment {e.experiment_id}", e))
_says(RunUpdated, lambda e: _changed("run", status=e.status, end_time=_time(e.end_time_ms), name=e.name))
_says(RunDeleted, lambda _: "deleted the run")
_says(RunRestored, lambda _: "restored the run")
_says(RunErased, lambda e: f"erased the run: {shown(e.erasure.reason)}")
_says(RunTagDeleted, lambda e: f"deleted the tag {e.key} of the run")
_says(RunDataLogged, _run_data)
_says(RunParamCorrected, lambda e: f"corrected the param {e.key} to {_or_nothing(e.value)}{_why(e.reason)}")
_says(RunMetricCorrected, lambda e: f"corrected the metric {e.key}{_why(e.reason)}")
_says(RunModelLogged, lambda _: "noted a model of the run")
_says(RunInputsLogged, lambda e: f"logged inputs: {_some([*(one.name for one in e.datasets), *e.model_ids])}")
_says(RunOutputsLogged, lambda e: f"logged outputs: {_some([one.model_id for one in e.models])}")
_says(RunInputsRemoved, lambda e: f"took back inputs: {_some([*(one.name for one in e.datasets), *e.model_ids])}")
_says(RunOutputsRemoved, lambda e: f"took back outputs: {_some(e.model_ids)}")
_says(LoggedModelCreated, lambda e: _with_fields(f"created the logged model {shown(e.name)}", e))
_says(LoggedModelFinalized, lambda e: f"made the logged model {_MODEL_STATUS.get(e.status, e.status)}")
_says(LoggedModelParamsLogged, lambda e: f"logged {_set_fields(e)} of the logged model")
_says(LoggedModelTagsSet, lambda e: f"set {_set_fields(e)} of the logged model")
_says(LoggedModelTagDeleted, lambda e: f"deleted the tag {e.key} of the logged model")
_says(LoggedModelVersionRegistered, lambda e: f"registered the logged model as {shown(e.name)}, version {e.version}")
_says(LoggedModelDeleted, lambda _: "deleted the logged model")
_says(LoggedModelRestored, lambda _: "restored the logged model")
_says(LoggedModelErased, lambda e: f"erased the logged model: {shown(e.erasure.reason)}")
_says(RegisteredModelCreated, lambda e: _with_fields(f"created the registered model {shown(e.name)}", e))
_says(RegisteredModelUpdated, lambda e: _changed("registered model", description=e.description))
_says(RegisteredModelRenamed, lambda e: f"renamed the registered model {shown(e.name)} to {shown(e.new_name)}")
_says(RegisteredModelDeleted, lambda e: f"deleted the registered model {shown(e.name)}")
_says(RegisteredModelRestored, lambda e: _with_fields(f"restored the registered model {shown(e.name)}", e))
_says(RegisteredModelTagSet, lambda e: f"set {_set_fields(e)} of the registered model")
_says(RegisteredModelTagDeleted, lambda e: f"deleted the tag {e.key} of the registered model")
_says(RegisteredModelAliasSet, lambda e: f"set the alias {e.alias} to version {e.version}")
_says(RegisteredModelAliasDeleted, lambda e: f"deleted the alias {e.alias}")
_says(RegisteredModelOwnerRemoved, lambda _: "took the registered model from who had created it")
_says(ModelVersionCreated, lambda e: _with_fields(f"created a version of {shown(e.name)} from {shown(e.source)}", e))
_says(ModelVersionUpdated, lambda e: _changed(f"version {e.version}", description=e.description))
_says(ModelVersionTransitioned, lambda e: f"moved version {e.version} to the stage {e.stage}")
_says(ModelVersionDeleted, lambda e: f"deleted version {e.version}")
_says(ModelVersionRestored, lambda e: _with_fields(f"restored version {e.version}", e))
_says(ModelVersionTagSet, lambda e: f"set {_set_fields(e)} of version {e.version}")
_says(ModelVersionTagDeleted, lambda e: f"deleted the tag {e.key} of version {e.version}")
_says(EvaluationDatasetCreated, lambda e: _with_fields(f"created the evaluation dataset {shown(e.name)}", e))
_says(EvaluationDatasetDeleted, lambda _: "deleted the evaluation dataset")
_says(EvaluationDatasetErased, lambda e: f"erased the evaluation dataset: {shown(e.erasure.reason)}")
_says(EvaluationDatasetTagsSet, lambda e: f"set {_set_fields(e)} of the evaluation dataset")
_says(EvaluationDatasetTagDeleted, lambda e: f"deleted the tag {e.key} of the evaluation dataset")
_says(EvaluationDatasetExperimentsAdded, lambda e: f"added the evaluation dataset to {_experiments(e.experiment_ids)}")
_says(
    EvaluationDatasetExperimentsRemoved,
    lambda e: f"removed the evaluation dataset from {_experiments(e.experiment_ids)}",
)
_says(EvaluationDatasetRecordsUpserted, lambda e: f"put {_records(len(e.records))} into the evaluation dataset")
_says(
    EvaluationDatasetRecordsDeleted,
    lambda e: f"deleted {_records(len(e.record_ids))} of the evaluation dataset",
)
_says(EvaluationDatasetRecordsSet, lambda e: f"set {_records(len(e.records))} of the evaluation dataset back")
_says(EvaluationDatasetRestored, lambda e: _with_fields(f"restored the evaluation dataset {shown(e.name)}", e))
_says(IssueCreated, lambda e: f"created the issue {shown(e.name)} of the experiment {e.experiment_id}")
_says(IssueUpdated, lambda e: _changed("issue", name=e.name, status=e.status, severity=e.severity))
_says(IssueErased, lambda e: f"erased the issue: {shown(e.erasure.reason)}")
_says(LabelSchemaCreated, lambda e: f"created the label schema {shown(e.name)} of the experiment {e.experiment_id}")
_says(LabelSchemaUpdated, lambda e: _changed("label schema", name=e.name, instruction=e.instruction, input=e.input))
_says(LabelSchemaDeleted, lambda _: "deleted the label schema")
_says(LabelSchemaErased, lambda e: f"erased the label schema: {shown(e.erasure.reason)}")
_says(ReviewQueueCreated, lambda e: f"created the review queue {shown(e.name)} of the experiment {e.experiment_id}")
_says(ReviewQueueUpdated, lambda e: _changed("review queue", name=e.name, users=e.users, created_by=e.created_by))
_says(ReviewQueueDeleted, lambda _: "deleted the review queue")
_says(ReviewQueueErased, lambda e: f"erased the review queue: {shown(e.erasure.reason)}")
_says(ReviewQueueItemsAdded, lambda e: f"put {_some(e.item_ids)} into the review queue")
_says(ReviewQueueItemsRemoved, lambda e: f"took {_some(e.item_ids)} out of the review queue")
_says(ReviewQueueItemStatusSet, lambda e: f"made {e.item_id} in the review queue {e.status}")
_says(ScorerRegistered, lambda e: f"registered a version of the scorer {shown(e.name)}")
_says(
    ScorerDeleted,
    lambda e: f"deleted {'' if e.version is None else f'version {e.version} of '}the scorer {shown(e.name)}",
)
_says(
    ScorerOnlineConfigSet,
    lambda e: f"set the share of traces that the scorer {shown(e.name)} judges to {e.sample_rate}",
)
_says(ScorerErased, lambda e: f"erased the scorer {shown(e.name)}: {shown(e.erasure.reason)}")
_says(ArtifactUploaded, _bytes)
_says(ArtifactDeleted, lambda e: f"deleted the artifacts at {e.path}")
_says(WebhookCreated, lambda e: f"created the webhook {shown(e.name)}, told of {_some(e.events)}")
_says(WebhookUpdated, lambda e: _changed("webhook", name=e.name, description=e.description, status=e.status))
_says(WebhookDeleted, lambda _: "deleted the webhook")
_says(UserCreated, lambda e: f"created the user {e.username}{' as an administrator' if e.is_admin else ''}")
_says(UserPasswordChanged, lambda e: f"changed the password of {e.username}")
_says(UserAdminChanged, lambda e: f"{'made' if e.is_admin else 'no longer has'} {e.username} an administrator")
_says(UserDeleted, lambda e: f"deleted the user {e.username}")
_says(AccessTokenCreated, lambda e: f"created the access token {shown(e.name)} of {e.username}")
_says(AccessTokenRevoked, lambda e: f"revoked an access token of {e.username}")
_says(UserGranted, lambda e: f"granted {e.username} {_grant(e)}")
_says(UserGrantChanged, lambda e: f"changed what {e.username} is granted to {_grant(e)}")
_says(UserRevoked, lambda e: f"revoked what {e.username} was granted on the {e.resource_type} {e.resource_pattern}")
_says(RoleCreated, lambda e: f"created the role {shown(e.name)}")
_says(RoleUpdated, lambda e: _changed("role", name=e.name, description=e.description))
_says(RoleDeleted, lambda _: "deleted the role")
_says(RoleGranted, lambda e: f"granted the role {_grant(e)}")
_says(RoleGrantChanged, lambda e: f"changed what the role is granted to {_grant(e)}")
_says(RoleRevoked, lambda e: f"revoked what the role was granted on the {e.resource_type} {e.resource_pattern}")
_says(RoleAssigned, lambda e: f"assigned the role to {e.username}")
_says(RoleUnassigned, lambda e: f"took the role from {e.username}")
_says(AccessGranted, lambda e: f"was let in as {e.username} by {e.by}")
_says(AccessDenied, lambda e: f"was denied {e.method} {e.route}")
_says(AccessRefused, lambda e: f"was refused as {e.username or 'somebody unknown'}: {e.reason}")
_says(TraceStarted, lambda e: _with_fields(f"told of the trace {e.trace_id}, {e.state}", e))
_says(TraceEnded, lambda e: f"ended the trace: {e.state}")
_says(TraceSpansLogged, lambda e: f"logged {_number(len(e.spans), 'span')}: {_some([one.name for one in e.spans])}")
_says(TraceTagSet, lambda e: f"set {_set_fields(e)} of the trace")
_says(TraceTagDeleted, lambda e: f"deleted the tag {e.key} of the trace")
_says(TraceLinkedToRun, lambda e: f"linked the trace to the run {e.run_id}")
_says(TracePromptsLinked, lambda e: f"linked the trace to prompts: {_some([one.name for one in e.prompts])}")
_says(TraceUnlinkedFromRun, lambda e: f"took back that the trace is linked to the run {e.run_id}")
_says(
    TracePromptsUnlinked,
    lambda e: f"took back that the trace is linked to prompts: {_some([one.name for one in e.prompts])}",
)
_says(TraceDeleted, lambda _: "deleted the trace")
_says(TraceAssessmentCreated, lambda e: f"said {shown(e.assessment.name)} of the trace: {shown(e.assessment.value)}")
_says(TraceAssessmentUpdated, lambda e: _changed("assessment", name=e.name, value=e.value, rationale=e.rationale))
_says(TraceAssessmentDeleted, lambda _: "deleted an assessment of the trace")
