"""Every fact the log can hold: a file for each aggregate, united here.

A new aggregate is a new file with a union of its events, which AnyEvent takes up; all else follows from that.
"""

from typing import Final, get_args

from schemas.events.access import AccessDenied, AccessGranted, AccessRefused, AnyAccessEvent
from schemas.events.artifacts import AnyArtifactEvent, ArtifactDeleted, ArtifactUploaded, artifact_folder
from schemas.events.erasures import Erasure
from schemas.events.evaluation_datasets import (
    AnyEvaluationDatasetEvent,
    DatasetRecord,
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
    WholeRecord,
)
from schemas.events.event import Event, Origin, Param, StreamKind, Tag, Undo
from schemas.events.experiments import (
    EXPERIMENTS_ORDERING_UNIT,
    AnyExperimentEvent,
    ExperimentAcknowledged,
    ExperimentCreated,
    ExperimentDeleted,
    ExperimentErased,
    ExperimentOwnerRemoved,
    ExperimentRenamed,
    ExperimentRestored,
    ExperimentTagDeleted,
    ExperimentTagSet,
)
from schemas.events.issues import AnyIssueEvent, IssueCreated, IssueErased, IssueUpdated
from schemas.events.label_schemas import (
    AnyLabelSchemaEvent,
    LabelSchemaCreated,
    LabelSchemaDeleted,
    LabelSchemaErased,
    LabelSchemaUpdated,
)
from schemas.events.logged_models import (
    AnyLoggedModelEvent,
    LoggedModelCreated,
    LoggedModelDeleted,
    LoggedModelErased,
    LoggedModelFinalized,
    LoggedModelParamsLogged,
    LoggedModelRestored,
    LoggedModelTagDeleted,
    LoggedModelTagsSet,
    LoggedModelVersionRegistered,
)
from schemas.events.model_versions import (
    AnyModelVersionEvent,
    ModelVersionCreated,
    ModelVersionDeleted,
    ModelVersionRestored,
    ModelVersionTagDeleted,
    ModelVersionTagSet,
    ModelVersionTransitioned,
    ModelVersionUpdated,
)
from schemas.events.registered_models import (
    REGISTERED_MODELS,
    REGISTERED_MODELS_ORDERING_UNIT,
    AnyRegisteredModelEvent,
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
)
from schemas.events.review_queues import (
    AnyReviewQueueEvent,
    ReviewQueueCreated,
    ReviewQueueDeleted,
    ReviewQueueErased,
    ReviewQueueItemsAdded,
    ReviewQueueItemsRemoved,
    ReviewQueueItemStatusSet,
    ReviewQueueUpdated,
)
from schemas.events.roles import (
    AnyRoleEvent,
    RoleAssigned,
    RoleCreated,
    RoleDeleted,
    RoleGrantChanged,
    RoleGranted,
    RoleRevoked,
    RoleUnassigned,
    RoleUpdated,
)
from schemas.events.run_data import (
    AnyRunDataEvent,
    DatasetInput,
    DatasetName,
    MetricSeries,
    ModelMetric,
    ModelOutput,
    PointCorrection,
    RunDataLogged,
    RunInputsLogged,
    RunInputsRemoved,
    RunMetricCorrected,
    RunModelLogged,
    RunOutputsLogged,
    RunOutputsRemoved,
    RunParamCorrected,
    RunTagDeleted,
)
from schemas.events.runs import AnyRunEvent, RunCreated, RunDeleted, RunErased, RunRestored, RunUpdated
from schemas.events.scorers import (
    AnyScorerEvent,
    ScorerDeleted,
    ScorerErased,
    ScorerOnlineConfigSet,
    ScorerRegistered,
)
from schemas.events.traces import (
    TRACES,
    AnyTraceEvent,
    Assessment,
    AssessmentError,
    PromptVersion,
    Source,
    Span,
    SpanEvent,
    SpanLink,
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
)
from schemas.events.users import (
    USERS_ORDERING_UNIT,
    AccessTokenCreated,
    AccessTokenRevoked,
    AnyUserEvent,
    Identity,
    UserAdminChanged,
    UserCreated,
    UserDeleted,
    UserGrantChanged,
    UserGranted,
    UserPasswordChanged,
    UserRevoked,
)
from schemas.events.webhooks import AnyWebhookEvent, WebhookCreated, WebhookDeleted, WebhookUpdated

AnyBelongingErased = ScorerErased | IssueErased | LabelSchemaErased | ReviewQueueErased | EvaluationDatasetErased
"""Of what goes with an experiment, beside its runs, logged models and traces."""

AnyErased = RunErased | LoggedModelErased | ExperimentErased | TraceDeleted | AnyBelongingErased
"""After them nothing of their streams is there any more. Each has an `erasure`."""

AnyEvent = (
    AnyExperimentEvent
    | AnyRunEvent
    | AnyRunDataEvent
    | AnyLoggedModelEvent
    | AnyRegisteredModelEvent
    | AnyModelVersionEvent
    | AnyScorerEvent
    | AnyEvaluationDatasetEvent
    | AnyIssueEvent
    | AnyLabelSchemaEvent
    | AnyReviewQueueEvent
    | AnyArtifactEvent
    | AnyWebhookEvent
    | AnyUserEvent
    | AnyRoleEvent
    | AnyAccessEvent
    | AnyTraceEvent
)

EVENT_TYPES: Final[dict[str, type[AnyEvent]]] = {event.event_type: event for event in get_args(AnyEvent)}
"""Stored type name to class."""

STREAM_KINDS: Final[dict[str, StreamKind]] = {event.kind.name: event.kind for event in EVENT_TYPES.values()}
"""What a stream's name begins with, before its first slash, to the kind."""


ERASED_BY: Final[dict[str, type[AnyErased]]] = {event.kind.name: event for event in get_args(AnyErased)}
"""By the kind of the stream that they erase."""


def stream_of(event: AnyEvent) -> str:
    """The stream an event belongs to, as `kind/key`."""
    return f"{event.kind.name}/{event.stream_key}"


def ordering_unit_of(stream: str) -> str:
    """What the partition is chosen by: the stream, or the unit it shares with the streams it is ordered with."""
    kind = STREAM_KINDS.get(stream.partition("/")[0])
    return (kind and kind.shared_unit) or stream
