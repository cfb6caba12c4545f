"""Events for the projector's tests: short to write, and generated at random."""

from hypothesis import strategies as st

from event_log.memory_event_log import MemoryEventLog
from schemas.dataset_records import record_id_of
from schemas.envelope import Actor, EventData
from schemas.events import (
    AccessDenied,
    AccessGranted,
    AccessRefused,
    AccessTokenCreated,
    AccessTokenRevoked,
    AnyEvent,
    Assessment,
    AssessmentError,
    DatasetInput,
    DatasetName,
    DatasetRecord,
    EvaluationDatasetCreated,
    EvaluationDatasetDeleted,
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
    ExperimentOwnerRemoved,
    ExperimentRenamed,
    ExperimentRestored,
    ExperimentTagDeleted,
    ExperimentTagSet,
    Identity,
    IssueCreated,
    IssueUpdated,
    LabelSchemaCreated,
    LabelSchemaDeleted,
    LabelSchemaUpdated,
    LoggedModelCreated,
    LoggedModelDeleted,
    LoggedModelFinalized,
    LoggedModelParamsLogged,
    LoggedModelRestored,
    LoggedModelTagDeleted,
    LoggedModelTagsSet,
    LoggedModelVersionRegistered,
    MetricSeries,
    ModelMetric,
    ModelOutput,
    ModelVersionCreated,
    ModelVersionDeleted,
    ModelVersionTagDeleted,
    ModelVersionTagSet,
    ModelVersionTransitioned,
    ModelVersionUpdated,
    Param,
    PointCorrection,
    PromptVersion,
    RegisteredModelAliasDeleted,
    RegisteredModelAliasSet,
    RegisteredModelCreated,
    RegisteredModelDeleted,
    RegisteredModelOwnerRemoved,
    RegisteredModelRenamed,
    RegisteredModelTagDeleted,
    RegisteredModelTagSet,
    RegisteredModelUpdated,
    ReviewQueueCreated,
    ReviewQueueDeleted,
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
    ScorerOnlineConfigSet,
    ScorerRegistered,
    Source,
    Span,
    Tag,
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
    WholeRecord,
    stream_of,
)
from schemas.mlflow import IS_PROMPT_TAG, MODEL_VERSIONS_TAG

EXPERIMENTS = (0, 1, 2)
RUNS = ("a" * 32, "b" * 32, "c" * 32)
MODELS = ("m-1", "m-2")


def created(run_id: str = RUNS[0], experiment_id: int = 0) -> RunCreated:
    return RunCreated(
        run_id=run_id,
        experiment_id=experiment_id,
        name="n",
        user_id="u",
        start_time_ms=1,
        artifact_uri=f"mlflow-artifacts:/{experiment_id}/{run_id}/artifacts",
        tags=[Tag("mlflow.user", "u")],
    )


def experiment(
    experiment_id: int = 0, name: str | None = None, awaits_acknowledgement: bool = False
) -> ExperimentCreated:
    return ExperimentCreated(
        experiment_id=experiment_id,
        name=name or f"e{experiment_id}",
        artifact_location=f"mlflow-artifacts:/{experiment_id}",
        awaits_acknowledgement=awaits_acknowledgement,
    )


def metric(key: str = "loss", *, step: int = 0, value: float | str = 1.0, timestamp_ms: int = 0) -> RunDataLogged:
    return RunDataLogged(run_id=RUNS[0], metrics=[MetricSeries(key, [value], [timestamp_ms], [step])])


def param(key: str, value: str) -> RunDataLogged:
    return RunDataLogged(run_id=RUNS[0], params=[Param(key, value)])


def envelope(index: int, payload: AnyEvent) -> EventData:
    """An envelope that depends on `index` alone, so that a history is the same each time."""
    return EventData(index.to_bytes(16, "big"), stream_of(payload), 1_000_000 + index, Actor(), "r", payload)


async def log_of(*history: AnyEvent) -> MemoryEventLog:
    log = MemoryEventLog()
    for index, payload in enumerate(history):
        await log.append([envelope(index, payload)])
    return log


_experiment_ids = st.sampled_from(EXPERIMENTS)
_run_ids = st.sampled_from(RUNS)
_revisions = st.sampled_from([None, 0, 1, 2])
_keys = st.sampled_from(["k", "x/y", "long key"])
_tag_keys = st.sampled_from(["t", "mlflow.runName", "mlflow.log-model.history"])
_values = st.sampled_from(["", "v", "w"])
_numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["NaN", "Infinity", "-Infinity"])
)


@st.composite
def _series(draw: st.DrawFn) -> MetricSeries:
    count = draw(st.sampled_from([1, 1, 2, 5, 20, 300, 600]))
    start = draw(st.integers(-5, 5))
    first = draw(_numbers)
    return MetricSeries(
        draw(_keys),
        [first] + [float(one) for one in range(count - 1)],
        [start + one for one in range(count)],
        [start] * count,
    )


@st.composite
def _data(draw: st.DrawFn) -> RunDataLogged:
    return RunDataLogged(
        run_id=draw(_run_ids),
        params=[Param(key, draw(_values)) for key in draw(st.sets(_keys, max_size=2))],
        metrics=draw(st.lists(_series(), max_size=2)),
        model_metrics=draw(
            st.lists(
                st.builds(
                    ModelMetric,
                    model_id=st.sampled_from(MODELS),
                    key=_keys,
                    value=_numbers,
                    timestamp_ms=st.integers(0, 3),
                    step=st.integers(0, 3),
                ),
                max_size=1,
            )
        ),
        tags=[Tag(key, draw(_values)) for key in draw(st.lists(_tag_keys, max_size=2))],
    )


_datasets = st.builds(
    DatasetInput,
    name=st.sampled_from(["d1", "d2"]),
    digest=st.just("1"),
    source=_values,
    tags=st.sampled_from([[], [Tag("mlflow.data.context", "train")]]),
)

_names = st.sampled_from(["a", "b", "c"])
_aliases = st.sampled_from(["champion", "challenger"])
_versions = st.integers(1, 3)
_ids = st.uuids().map(lambda one: one.hex)
_token_ids = st.sampled_from(["t1", "t2"])
_webhook_ids = st.sampled_from(["w1", "w2"])
_lists = st.lists(st.sampled_from(["model_version.created", "run.finished"]), max_size=2)
_offsets = st.lists(st.integers(0, 3), max_size=2)
_dataset = {"dataset_id": st.sampled_from(["d-1", "d-2"])}
_some_experiments = st.lists(_experiment_ids, max_size=2)
_parts = st.sampled_from([None, "{}", '{"a":1}', '{"mlflow.user":"u","b":"NaN"}'])
_records = st.lists(
    st.builds(
        DatasetRecord,
        inputs=st.sampled_from(['{"q":1}', '{"q":1.0}', '{"q":1,"r":[]}', '{"r":[],"q":1}']),
        outputs=st.sampled_from([None, "null", "NaN", '"x"', '{"o":true}']),
        expectations=_parts,
        tags=_parts,
        source=st.sampled_from([None, '{"source_type":"TRACE","source_data":{"trace_id":"tr-1"}}']),
    ),
    min_size=1,
    max_size=3,
)
_record_ids = st.lists(
    st.integers(0, 9).flatmap(
        lambda index: st.integers(0, 2).map(lambda place: record_id_of(index.to_bytes(16, "big"), place))
    ),
    max_size=3,
)
_queue_users = st.lists(_names, max_size=2)
_queue_items = st.lists(st.sampled_from(["tr-1", "tr-2", "tr-3"]), max_size=2)
_scorer = {"experiment_id": _experiment_ids, "name": _names}
_registry_tag_keys = st.sampled_from(["k", IS_PROMPT_TAG])
_registry_tag_values = st.sampled_from(["", "true", "TRUE"])
_registry_tags = st.lists(st.builds(Tag, _registry_tag_keys, _registry_tag_values), max_size=1)

registry_payloads = st.one_of(
    st.builds(RegisteredModelCreated, name=_names, registered_model_id=_ids, description=_values, tags=_registry_tags),
    st.builds(RegisteredModelCreated, name=_names, registered_model_id=_ids, owner=st.sampled_from([None, 3])),
    st.builds(RegisteredModelUpdated, name=_names, description=_values),
    st.builds(RegisteredModelRenamed, name=_names, new_name=_names),
    st.builds(RegisteredModelDeleted, name=_names),
    st.builds(RegisteredModelOwnerRemoved, name=_names),
    st.builds(RegisteredModelTagSet, name=_names, key=_registry_tag_keys, value=_registry_tag_values),
    st.builds(RegisteredModelTagDeleted, name=_names, key=_registry_tag_keys),
    st.builds(RegisteredModelAliasSet, name=_names, alias=_aliases, version=_versions),
    st.builds(RegisteredModelAliasSet, name=_names, alias=_aliases, version=_versions),
    st.builds(RegisteredModelAliasDeleted, name=_names, alias=_aliases),
    st.builds(ModelVersionCreated, name=_names, version_id=_ids, source=_values, storage_location=_values),
    st.builds(
        ModelVersionCreated,
        name=_names,
        version_id=_ids,
        source=_values,
        storage_location=_values,
        run_id=_run_ids,
        description=_values,
        logged_model_id=st.sampled_from(["", *MODELS]),
        tags=_registry_tags,
    ),
    st.builds(ModelVersionUpdated, name=_names, version=_versions, description=st.none() | _values),
    st.builds(
        ModelVersionTransitioned,
        name=_names,
        version=_versions,
        stage=st.sampled_from(["Staging", "Production"]),
        archive_existing=st.booleans(),
    ),
    st.builds(ModelVersionDeleted, name=_names, version=_versions),
    st.builds(ModelVersionTagSet, name=_names, version=_versions, key=_registry_tag_keys, value=_registry_tag_values),
    st.builds(ModelVersionTagDeleted, name=_names, version=_versions, key=_registry_tag_keys),
)
"""Of the registry, in which names are few so that most events meet a model."""

payloads = st.one_of(
    registry_payloads,
    st.builds(experiment, _experiment_ids, st.sampled_from(["one", "two", "three", "four"]), st.booleans()),
    st.builds(ExperimentAcknowledged, experiment_id=_experiment_ids),
    st.builds(ExperimentRenamed, experiment_id=_experiment_ids, name=st.sampled_from(["one", "two", "five"])),
    st.builds(ExperimentDeleted, experiment_id=_experiment_ids),
    st.builds(ExperimentOwnerRemoved, experiment_id=_experiment_ids),
    st.builds(ExperimentRestored, experiment_id=_experiment_ids),
    st.builds(ExperimentTagSet, experiment_id=_experiment_ids, key=_keys, value=_values),
    st.builds(ExperimentTagDeleted, experiment_id=_experiment_ids, key=_keys),
    st.builds(created, _run_ids, _experiment_ids),
    st.builds(
        RunUpdated,
        run_id=_run_ids,
        status=st.sampled_from([None, "FINISHED", "FAILED", "RUNNING"]),
        end_time_ms=st.sampled_from([None, 9]),
        name=st.sampled_from([None, "renamed"]),
    ),
    st.builds(RunDeleted, run_id=_run_ids, experiment_revision=_revisions),
    st.builds(RunRestored, run_id=_run_ids, experiment_revision=_revisions),
    st.builds(RunTagDeleted, run_id=_run_ids, key=_tag_keys),
    _data(),
    _data(),
    st.builds(
        RunInputsLogged,
        run_id=_run_ids,
        datasets=st.lists(_datasets, max_size=2),
        model_ids=st.lists(st.sampled_from(MODELS), max_size=2),
    ),
    st.builds(
        RunOutputsLogged,
        run_id=_run_ids,
        models=st.lists(st.builds(ModelOutput, model_id=st.sampled_from(MODELS), step=st.integers(0, 2)), max_size=2),
    ),
    st.builds(
        RunInputsRemoved,
        run_id=_run_ids,
        datasets=st.lists(st.builds(DatasetName, name=st.sampled_from("de"), digest=st.sampled_from("12")), max_size=2),
        model_ids=st.lists(st.sampled_from(MODELS), max_size=2),
    ),
    st.builds(RunOutputsRemoved, run_id=_run_ids, model_ids=st.lists(st.sampled_from(MODELS), max_size=2)),
    st.builds(
        LoggedModelCreated,
        model_id=st.sampled_from(MODELS),
        experiment_id=_experiment_ids,
        name=_keys,
        artifact_location=st.just("x"),
        params=st.sampled_from([[], [Param("a", "b")]]),
        tags=st.sampled_from([[], [Tag("a", "b")]]),
    ),
    st.builds(LoggedModelFinalized, model_id=st.sampled_from(MODELS), status=st.sampled_from([1, 2, 3])),
    st.builds(
        LoggedModelParamsLogged,
        model_id=st.sampled_from(MODELS),
        params=st.lists(st.builds(Param, _keys, _values), max_size=2, unique_by=lambda param: param.key),
    ),
    st.builds(
        LoggedModelTagsSet,
        model_id=st.sampled_from(MODELS),
        tags=st.lists(st.builds(Tag, _keys, _values), max_size=2, unique_by=lambda tag: tag.key),
    ),
    st.builds(LoggedModelTagDeleted, model_id=st.sampled_from(MODELS), key=_keys),
    st.builds(
        LoggedModelTagsSet,
        model_id=st.sampled_from(MODELS),
        tags=st.sampled_from([[Tag(MODEL_VERSIONS_TAG, text)] for text in ('[{"name": "n", "version": "1"}]', "x")]),
    ),
    st.builds(LoggedModelTagDeleted, model_id=st.sampled_from(MODELS), key=st.just(MODEL_VERSIONS_TAG)),
    st.builds(
        LoggedModelVersionRegistered,
        model_id=st.sampled_from(MODELS),
        name=st.sampled_from(["n", "o"]),
        version=st.integers(1, 2),
    ),
    st.builds(LoggedModelDeleted, model_id=st.sampled_from(MODELS)),
    st.builds(LoggedModelRestored, model_id=st.sampled_from(MODELS)),
    st.builds(
        WebhookCreated, webhook_id=_webhook_ids, name=_names, url=_values, events=_lists, since=_offsets, status=_values
    ),
    st.builds(
        WebhookUpdated,
        webhook_id=_webhook_ids,
        name=st.none() | _names,
        events=st.none() | _lists,
        since=st.none() | _offsets,
        status=st.none() | st.sampled_from(["ACTIVE", "DISABLED"]),
        secret_id=st.none() | _values,
        until=st.none() | _offsets,
    ),
    st.builds(WebhookDeleted, webhook_id=_webhook_ids),
    st.builds(ScorerRegistered, **_scorer, scorer_id=_ids, version_id=_ids, serialized_scorer=_values),
    st.builds(ScorerRegistered, **_scorer, scorer_id=_ids, version_id=_ids, serialized_scorer=_values),
    st.builds(ScorerDeleted, **_scorer, version=st.none() | _versions),
    st.builds(
        ScorerOnlineConfigSet,
        **_scorer,
        online_scoring_config_id=_ids,
        sample_rate=st.sampled_from([0.0, 0.5]),
        filter_string=st.none() | _values,
    ),
    st.builds(EvaluationDatasetCreated, **_dataset, name=_names, experiment_ids=_some_experiments, tags=_registry_tags),
    st.builds(EvaluationDatasetDeleted, **_dataset),
    st.builds(EvaluationDatasetTagsSet, **_dataset, tags=_registry_tags),
    st.builds(EvaluationDatasetTagDeleted, **_dataset, key=_registry_tag_keys),
    st.builds(EvaluationDatasetExperimentsAdded, **_dataset, experiment_ids=_some_experiments),
    st.builds(EvaluationDatasetExperimentsRemoved, **_dataset, experiment_ids=_some_experiments),
    st.builds(EvaluationDatasetRecordsUpserted, **_dataset, records=_records),
    st.builds(EvaluationDatasetRecordsUpserted, **_dataset, records=_records),
    st.builds(EvaluationDatasetRecordsDeleted, **_dataset, record_ids=_record_ids),
    st.builds(
        EvaluationDatasetRecordsSet,
        **_dataset,
        records=st.lists(
            st.builds(
                WholeRecord,
                record_id=st.sampled_from(["dr-1", "dr-2"]),
                inputs=st.sampled_from(['{"a":1}', '{"b":1}']),
                outputs=st.none() | st.just('{"o":1}'),
                created_time_ms=st.integers(1, 2),
                last_update_time_ms=st.integers(1, 2),
            ),
            unique_by=(lambda one: one.record_id, lambda one: one.inputs),
        ),
    ),
    st.builds(
        EvaluationDatasetRestored,
        **_dataset,
        name=_names,
        created_time_ms=st.integers(1, 2),
        experiment_ids=_some_experiments,
        tags=_registry_tags,
    ),
    st.builds(
        IssueCreated,
        issue_id=_token_ids,
        experiment_id=_experiment_ids,
        name=_names,
        description=_values,
        severity=st.sampled_from([None, "low", "other"]),
        root_causes=st.lists(_values, max_size=2),
    ),
    st.builds(IssueUpdated, issue_id=_token_ids, name=st.none() | _names, severity=st.sampled_from([None, "high"])),
    st.builds(
        LabelSchemaCreated,
        schema_id=_token_ids,
        experiment_id=_experiment_ids,
        name=_names,
        type=st.just("FEEDBACK"),
        input=st.just('{"text":{}}'),
        enable_comment=st.booleans(),
    ),
    st.builds(
        LabelSchemaUpdated,
        schema_id=_token_ids,
        name=st.none() | _names,
        instruction=st.none() | _values,
        enable_comment=st.none() | st.booleans(),
    ),
    st.builds(LabelSchemaDeleted, schema_id=_token_ids),
    st.builds(
        ReviewQueueCreated,
        queue_id=_token_ids,
        experiment_id=_experiment_ids,
        name=st.sampled_from(["a", "A", "b"]),
        queue_type=st.just("CUSTOM"),
        users=_queue_users,
    ),
    st.builds(
        ReviewQueueUpdated,
        queue_id=_token_ids,
        name=st.none() | st.sampled_from(["a", "A", "b"]),
        users=st.none() | _queue_users,
        schema_ids=st.none() | _queue_users,
    ),
    st.builds(ReviewQueueDeleted, queue_id=_token_ids),
    st.builds(ReviewQueueItemsAdded, queue_id=_token_ids, item_ids=_queue_items),
    st.builds(ReviewQueueItemsAdded, queue_id=_token_ids, item_ids=_queue_items),
    st.builds(ReviewQueueItemsRemoved, queue_id=_token_ids, item_ids=_queue_items),
    st.builds(
        ReviewQueueItemStatusSet,
        queue_id=_token_ids,
        item_id=st.sampled_from(["tr-1", "tr-2"]),
        status=st.sampled_from(["PENDING", "COMPLETE"]),
        completed_by=st.none() | _names,
    ),
    st.builds(RunParamCorrected, run_id=_run_ids, key=_keys, value=st.none() | _values),
    st.builds(
        RunMetricCorrected,
        run_id=_run_ids,
        key=_keys,
        points=st.lists(
            st.builds(
                PointCorrection,
                step=st.just(0),
                timestamp_ms=st.integers(0, 2),
                old=st.none() | st.sampled_from([0.0, 1.0]),
                new=st.none() | _numbers,
            ),
            min_size=1,
            max_size=2,
        ),
        every=st.booleans(),
    ),
    st.builds(RunModelLogged, run_id=_run_ids, model_json=st.sampled_from(['{"artifact_path": "m"}', "{}"])),
)

user_payloads = st.one_of(
    st.builds(AccessRefused, username=_values, reason=st.just("credentials")),
    st.builds(AccessGranted, username=_names, by=_values, token_id=_ids),
    st.builds(AccessDenied, username=_names, method=_values, route=_values),
    st.builds(UserCreated, username=_names, password_id=_ids, is_admin=st.booleans()),
    st.builds(UserCreated, username=_names, password_id=_ids, is_admin=st.booleans()),
    st.builds(UserCreated, username=_names, identity=st.builds(Identity, st.sampled_from(["i", "j"]), _token_ids)),
    st.builds(UserPasswordChanged, username=_names, password_id=_ids),
    st.builds(UserAdminChanged, username=_names, is_admin=st.booleans()),
    st.builds(UserDeleted, username=_names),
    st.builds(
        AccessTokenCreated, username=_names, token_id=_token_ids, name=_values, scope=st.sampled_from(["all", "read"])
    ),
    st.builds(AccessTokenRevoked, username=_names, token_id=_token_ids),
)
"""Of users, who are few so that most events meet one."""

_role_keys = st.sampled_from(["r1", "r2", "r3"])
_resource = {"resource_type": st.sampled_from(["experiment", "run"]), "resource_pattern": st.sampled_from(["*", "1"])}
_levels = st.sampled_from(["READ", "MANAGE", "DENY"])

right_payloads = st.one_of(
    st.builds(UserCreated, username=_names, password_id=_ids),
    st.builds(UserDeleted, username=_names),
    st.builds(RoleCreated, role_key=_role_keys, name=_names, description=_values),
    st.builds(RoleCreated, role_key=_role_keys, name=_names),
    st.builds(RoleUpdated, role_key=_role_keys, name=st.none() | _names, description=st.none() | _values),
    st.builds(RoleDeleted, role_key=_role_keys),
    st.builds(RoleGranted, role_key=_role_keys, **_resource, level=_levels),
    st.builds(RoleGrantChanged, role_key=_role_keys, **_resource, level=_levels),
    st.builds(RoleRevoked, role_key=_role_keys, **_resource),
    st.builds(RoleAssigned, role_key=_role_keys, username=_names),
    st.builds(RoleAssigned, role_key=_role_keys, username=_names),
    st.builds(RoleUnassigned, role_key=_role_keys, username=_names),
    st.builds(UserGranted, username=_names, **_resource, level=_levels),
    st.builds(UserGrantChanged, username=_names, **_resource, level=_levels),
    st.builds(UserRevoked, username=_names, **_resource),
)
"""Of roles and grants, with the users who hold them."""

_traces = {"trace_id": st.sampled_from(["tr-1", "tr-1", "tr-2"])}
_assessment_ids = st.sampled_from(["a-1", "a-2"])
_span_ids = st.sampled_from([f"{number:016x}" for number in range(6)])
_span_attributes = st.dictionaries(
    st.sampled_from(
        ["mlflow.spanInputs", "session.id", "mlflow.traceTag.t", "gen_ai.usage.input_tokens", "llm.token_count.total"]
    ),
    st.sampled_from([1, "2", '{"a": 1}', [True, None]]),
    max_size=3,
)
_spans = st.builds(
    Span,
    span_id=_span_ids,
    parent_id=st.just("") | _span_ids,
    name=_names,
    start_ns=st.integers(0, 3),
    end_ns=st.integers(0, 9),
    status=st.integers(0, 2),
    attributes=_span_attributes,
)
_texts = st.dictionaries(_tag_keys, _values, max_size=2)
_assessments = st.builds(
    Assessment,
    assessment_id=_assessment_ids,
    name=_names,
    kind=st.sampled_from(["feedback", "expectation", "issue"]),
    value=st.sampled_from(["1.0", "true", '"yes"', "null", '{"a": [1.0]}']),
    create_time_ms=st.integers(0, 2),
    last_update_time_ms=st.integers(0, 2),
    overrides=st.just("") | _assessment_ids,
    metadata=st.dictionaries(st.just("mlflow.trace.session"), _values),
)
_logged_spans = st.builds(
    TraceSpansLogged,
    **_traces,
    experiment_id=_experiment_ids,
    spans=st.lists(_spans, max_size=5),
    resources=st.lists(st.builds(Source, attributes=_texts), max_size=1),
)
trace_payloads = st.one_of(
    _logged_spans,
    _logged_spans,
    st.builds(
        TraceStarted,
        **_traces,
        experiment_id=_experiment_ids,
        request_time_ms=st.integers(0, 5),
        execution_duration_ms=st.none() | st.integers(-1, 5),
        state=st.sampled_from(["OK", "ERROR", "IN_PROGRESS", "STATE_UNSPECIFIED"]),
        request_preview=st.none() | _values,
        tags=_texts,
        metadata=_texts | st.just({"mlflow.trace.tokenUsage": '{"input_tokens": 1}'}),
        assessments=st.lists(_assessments, max_size=1),
        is_final=st.booleans(),
    ),
    st.builds(TraceEnded, **_traces, end_time_ms=st.integers(0, 9), state=st.just("OK"), tags=_texts),
    st.builds(TraceTagSet, **_traces, key=_tag_keys, value=_values),
    st.builds(TraceTagDeleted, **_traces, key=_tag_keys),
    st.builds(TraceDeleted, **_traces),
    st.builds(TraceLinkedToRun, **_traces, run_id=_run_ids),
    st.builds(TraceUnlinkedFromRun, **_traces, run_id=_run_ids),
    st.builds(TracePromptsUnlinked, **_traces, prompts=st.lists(st.builds(PromptVersion, _names, st.integers(1, 2)))),
    st.builds(TracePromptsLinked, **_traces, prompts=st.lists(st.builds(PromptVersion, _names, st.integers(1, 2)))),
    st.builds(TraceAssessmentCreated, **_traces, assessment=_assessments),
    st.builds(
        TraceAssessmentUpdated,
        **_traces,
        assessment_id=_assessment_ids,
        last_update_time_ms=st.integers(0, 3),
        value=st.none() | st.just("2.0"),
        error=st.none() | st.just(AssessmentError("c")),
        metadata=_texts,
    ),
    st.builds(TraceAssessmentDeleted, **_traces, assessment_id=_assessment_ids),
)
"""Of traces, whose tags may also be what their spans show."""

histories = st.one_of(
    *(
        st.lists(one, max_size=40)
        for one in (payloads, registry_payloads, user_payloads, right_payloads, trace_payloads)
    )
)
"""Any events in any order: many are refused, and many are about something that was never created."""
