"""What a store of MLflow holds, as plain values: what every reader yields, whatever the store is kept in.

Texts are as they were found, whatever their length. Times are milliseconds since the Unix epoch, as the store has them:
they may be missing, 0, in seconds or in the future. `where` names the row or the file, for the report.

A store is one stream of records in this order: the sizes; experiments, those that are active first; runs, each followed
by its points; logged models; registered models; traces, each followed by its spans; evaluation datasets, each followed
by its examples; webhooks; scorers; issues; label schemas; review queues, each followed by its items; accounts; roles.
Counts and oddities may stand anywhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from schemas.events import (
    Assessment,
    DatasetInput,
    DatasetRecord,
    MetricSeries,
    ModelMetric,
    ModelOutput,
    Param,
    PromptVersion,
    Span,
    Tag,
)

POINTS_PER_RECORD: Final = 8192
"""At most so many points of a run come in one record, and go into one event: some 300 kB of JSON, which Kafka takes
too, and sixteen whole chunks of the read model where they are of one metric."""

SPANS_PER_RECORD: Final = 256
ITEMS_PER_RECORD: Final = 1000

DELETED: Final = "deleted"
"""The lifecycle stage of what is deleted, in every store."""
DELETED_VERSION: Final = "Deleted_Internal"
"""The stage that MLflow gives a version it deletes, which stays so that its number is not given again."""


@dataclass(frozen=True, slots=True)
class SizeRecord:
    """How many things of a kind the source has by its own count, those that cannot be read included."""

    kind: str
    number: int


@dataclass(frozen=True, slots=True)
class UnreadRecord:
    """A part of the source cannot be read, so what was counted there and did not come stays behind."""

    where: str
    what: str


@dataclass(frozen=True, slots=True)
class OddityRecord:
    """Something that is not as it should be, and what was done about it. `lost`: how many things stay behind by it."""

    kind: str
    where: str
    what: str
    lost: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentRecord:
    """`key` is how the runs of this source name it: ids may be there twice."""

    where: str
    key: str
    experiment_id: str
    name: str
    artifact_location: str
    deleted: bool = False
    creation_time_ms: int | None = None
    last_update_time_ms: int | None = None
    tags: Sequence[Tag] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """`name` is empty where the store has one in the tag mlflow.runName alone, or none."""

    where: str
    run_id: str
    experiment_key: str
    name: str
    user_id: str
    status: str
    start_time_ms: int | None
    end_time_ms: int | None
    artifact_uri: str
    deleted: bool = False
    deleted_time_ms: int | None = None
    params: Sequence[Param] = ()
    tags: Sequence[Tag] = ()
    datasets: Sequence[DatasetInput] = ()
    model_inputs: Sequence[str] = ()
    outputs: Sequence[ModelOutput] = ()


@dataclass(frozen=True, slots=True)
class PointsRecord:
    """The next points of a run, at most POINTS_PER_RECORD, of each metric in the order they were logged."""

    run_id: str
    metrics: Sequence[MetricSeries]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedModelRecord:
    """`metrics` are pairs of the run that reported a point, and the point."""

    where: str
    model_id: str
    experiment_key: str
    name: str
    artifact_location: str
    model_type: str
    source_run_id: str
    status: int
    creation_time_ms: int | None
    last_update_time_ms: int | None
    deleted: bool = False
    params: Sequence[Param] = ()
    tags: Sequence[Tag] = ()
    metrics: Sequence[tuple[str, ModelMetric]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRecord:
    """A version of a registered model. Of one that is deleted, only its number counts."""

    where: str
    version: int
    source: str
    storage_location: str
    run_id: str
    run_link: str
    model_id: str
    description: str
    stage: str
    creation_time_ms: int | None
    last_update_time_ms: int | None
    deleted: bool = False
    tags: Sequence[Tag] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredRecord:
    """A registered model with all that is its own; its versions in the order of their numbers."""

    where: str
    name: str
    description: str
    creation_time_ms: int | None
    last_update_time_ms: int | None
    tags: Sequence[Tag] = ()
    aliases: Sequence[tuple[str, int]] = ()
    versions: Sequence[VersionRecord] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceRecord:
    """What is known of a trace, but for its spans. `numbers_of_pairs`: how many tags and metadata the source has.

    `spans_at` is the location of the artifacts among which its spans are in traces.json; empty where they follow.
    """

    where: str
    trace_id: str
    experiment_key: str
    request_time_ms: int
    execution_duration_ms: int | None
    state: str
    client_request_id: str
    request_preview: str | None
    response_preview: str | None
    tags: Mapping[str, str]
    metadata: Mapping[str, str]
    numbers_of_pairs: tuple[int, int]
    assessments: Sequence[Assessment]
    spans_at: str = ""
    run_ids: Sequence[str] = ()
    prompts: Sequence[PromptVersion] = ()


@dataclass(frozen=True, slots=True)
class SpansRecord:
    """The next spans of a trace."""

    trace_id: str
    spans: Sequence[Span]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedRecord:
    """A dataset to evaluate with, of the experiments with these keys, without its examples."""

    where: str
    dataset_id: str
    name: str
    experiment_keys: Sequence[str]
    creation_time_ms: int | None
    last_update_time_ms: int | None
    tags: Sequence[Tag] = ()
    # What follows from the examples, as far as the store says it.
    schema: str | None = None
    profile: str | None = None
    digest: str | None = None
    created_by: str | None = None
    last_updated_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleRecord:
    """The next example of a dataset to evaluate with."""

    where: str
    dataset_id: str
    example: DatasetRecord
    creation_time_ms: int | None
    last_update_time_ms: int | None
    created_by: str | None = None
    last_updated_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRecord:
    """`events` are pairs of an entity and an action, as MLflow names them."""

    where: str
    webhook_id: str
    name: str
    description: str
    url: str
    events: Sequence[tuple[str, str]]
    has_secret: bool
    creation_time_ms: int | None
    last_update_time_ms: int | None
    deleted_time_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ScorerVersionRecord:
    """A version of a scorer; `serialized_scorer` is text that no server reads."""

    version: int
    serialized_scorer: str
    creation_time_ms: int | None


@dataclass(frozen=True, slots=True)
class OnlineScoringRecord:
    """Which share of new traces a scorer scores, from 0 to 1, and of which traces."""

    config_id: str
    sample_rate: float
    filter_string: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerRecord:
    """A scorer of an experiment, with its versions in the order of their numbers."""

    where: str
    scorer_id: str
    experiment_key: str
    name: str
    versions: Sequence[ScorerVersionRecord]
    online: OnlineScoringRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueRecord:
    """A problem that traces of an experiment show; `source_run_id` is the run that found it."""

    where: str
    issue_id: str
    experiment_key: str
    name: str
    description: str
    status: str
    severity: str | None
    root_causes: Sequence[str]
    categories: Sequence[str]
    source_run_id: str | None
    created_by: str | None
    creation_time_ms: int | None
    last_update_time_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSchemaRecord:
    """A question about traces. `type` is in capitals; `input` is a JSON object with the kind of answers as its key."""

    where: str
    schema_id: str
    experiment_key: str
    name: str
    type: str
    input: str
    instruction: str | None
    enable_comment: bool
    is_default: bool
    creation_time_ms: int | None
    last_update_time_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewQueueRecord:
    """Traces that people are asked to look at, without its items. `queue_type` is in capitals."""

    where: str
    queue_id: str
    experiment_key: str
    name: str
    queue_type: str
    users: Sequence[str]
    schema_ids: Sequence[str]
    created_by: str | None
    creation_time_ms: int | None
    last_update_time_ms: int | None


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """A trace in a review queue. `status` is in capitals."""

    item_id: str
    status: str
    completed_by: str | None
    completed_time_ms: int | None
    creation_time_ms: int | None
    last_update_time_ms: int | None


@dataclass(frozen=True, slots=True)
class ReviewItemsRecord:
    """The next items of a review queue, at most ITEMS_PER_RECORD, in the order in which they came."""

    queue_id: str
    items: Sequence[ReviewItem]


@dataclass(frozen=True, slots=True)
class GrantRecord:
    """A right on a resource: of an experiment or a registered model by the id or name that the source has, or `*`."""

    resource_type: str
    resource_pattern: str
    level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRecord:
    """Somebody's account, with what was granted to them alone. `password_hash` is as MLflow keeps it."""

    where: str
    username: str
    password_hash: str = field(repr=False)
    is_admin: bool = False
    grants: Sequence[GrantRecord] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleRecord:
    """A role, with its grants and the names of who holds it. Every workspace has roles of its own."""

    where: str
    name: str
    workspace: str
    description: str = ""
    grants: Sequence[GrantRecord] = ()
    usernames: Sequence[str] = ()


Record: TypeAlias = (
    SizeRecord
    | OddityRecord
    | UnreadRecord
    | ExperimentRecord
    | RunRecord
    | PointsRecord
    | LoggedModelRecord
    | RegisteredRecord
    | TraceRecord
    | SpansRecord
    | EvaluatedRecord
    | ExampleRecord
    | WebhookRecord
    | ScorerRecord
    | IssueRecord
    | LabelSchemaRecord
    | ReviewQueueRecord
    | ReviewItemsRecord
    | AccountRecord
    | RoleRecord
)

Records: TypeAlias = Iterator[Record]
