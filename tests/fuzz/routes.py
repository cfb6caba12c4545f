"""Every route of tracking and of the registry with the message it takes, and one good request to spoil."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ingest.undo.commands import NOTHING_FOUND
from ingest.undo.plan import LeftOut, UndoPlan
from schemas.messages import (
    artifacts,
    corrections,
    erasures,
    evaluation_datasets,
    experiments,
    frames,
    history,
    imports,
    issues,
    label_schemas,
    logged_models,
    metrics,
    model_versions,
    registered_models,
    review_queues,
    run_data,
    runs,
    scorers,
    traces,
    undo,
    webhooks,
)
from schemas.messages.message import Message


@dataclass(frozen=True, slots=True)
class Subject:
    """What good requests are about."""

    experiment_id: str
    run_id: str
    model_id: str
    registered_model: str
    """A name, of a model with versions 1 to 3; the second has a file `file`."""
    trace_id: str
    webhook_id: str
    """Of a webhook that leads to where nobody answers."""
    told_webhook_id: str
    delivery_id: str
    """Of another such, and of what it was told of, which all tests share."""
    dataset_id: str
    issue_id: str
    schema_id: str
    """Of a label schema that wants a text."""
    queue_id: str
    """Of a review queue with the name `n`, in which the trace is an item."""
    empty_queue_id: str
    """Of another, whose questions may be changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzedRoute:
    """`example` holds the fields of a good request; `<name>` stands for a field of the Subject."""

    method: str
    path: str
    message: type[Message]
    example: Mapping[str, Any]
    prefix: str = "/api/2.0/mlflow/"
    is_file: bool = False
    """Whether what is answered is a file, and no JSON unless it is an error."""
    is_page: bool = False
    """Whether what is answered is HTML, an error too."""

    def __str__(self) -> str:
        return f"{self.method}-{self.path}"

    @property
    def has_body(self) -> bool:
        return self.method != "GET"


OURS: Final = "/api/tracklog/v1/"
"""Before the paths of our own routes."""

V3: Final = "/api/3.0/mlflow/"

QUEUE: Final = {"queue_id": "<queue_id>"}
SCORER: Final = {"experiment_id": "<experiment_id>", "name": "kept"}
RUN: Final = {"run_id": "<run_id>"}
EXPERIMENT: Final = {"experiment_id": "<experiment_id>"}
METRIC: Final = {
    "key": "m",
    "value": 0.5,
    "timestamp": 1700000000000,
    "step": 3,
    "model_id": "<model_id>",
    "dataset_name": "d",
    "dataset_digest": "1",
}
REGISTERED_MODEL: Final = {"name": "<registered_model>"}
MODEL_VERSION: Final = {**REGISTERED_MODEL, "version": "1"}
WEBHOOK: Final = {"name": "w", "url": "http://127.0.0.1:9/", "secret": "s", "description": "d", "status": "DISABLED"}
PAIR: Final = {"key": "k", "value": "v"}
LOCATION: Final = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "<experiment_id>"}}
ASSESSMENT: Final = {
    "assessment_name": "good",
    "span_id": "00000000000000aa",
    "source": {"source_type": "HUMAN", "source_id": "ada"},
    "create_time": "2026-01-01T00:00:00Z",
    "feedback": {"value": "yes", "error": {"error_code": "E", "error_message": "m", "stack_trace": "s"}},
    "rationale": "r",
    "metadata": {"k": "v"},
}
TRACE_INFO: Final = {
    "trace_id": "<trace_id>",
    "client_request_id": "c",
    "trace_location": LOCATION,
    "request_time": "2026-01-01T00:00:00.5Z",
    "execution_duration": "1.5s",
    "state": "OK",
    "request_preview": "q",
    "response_preview": "a",
    "trace_metadata": {"mlflow.trace.session": "s"},
    "tags": {"mlflow.traceName": "n"},
    "assessments": [ASSESSMENT],
}
DATASET: Final = {
    "name": "n",
    "digest": "d",
    "source_type": "local",
    "source": "s",
    "schema": "{}",
    "profile": "{}",
}


def _post(path: str, message: type[Message], /, **example: Any) -> FuzzedRoute:
    return FuzzedRoute(method="POST", path=path, message=message, example=example)


def _sent(method: str, path: str, message: type[Message], /, **example: Any) -> FuzzedRoute:
    return FuzzedRoute(method=method, path=path, message=message, example=example)


def _get(path: str, message: type[Message], /, **example: Any) -> FuzzedRoute:
    return FuzzedRoute(method="GET", path=path, message=message, example=example)


def _ours(method: str, path: str, message: type[Message], /, **example: Any) -> FuzzedRoute:
    return FuzzedRoute(method=method, path=path, message=message, example=example, prefix=OURS)


def _v3(method: str, path: str, message: type[Message], /, **example: Any) -> FuzzedRoute:
    return FuzzedRoute(method=method, path=path, message=message, example=example, prefix=V3)


def _page(path: str, message: type[Message], /, **example: Any) -> FuzzedRoute:
    return FuzzedRoute(method="GET", path=path, message=message, example=example, prefix="/history/", is_page=True)


WRITES: Final = (
    _post(
        "experiments/create",
        experiments.CreateExperiment,
        name="<new>",
        artifact_location="s3://bucket/path",
        tags=[PAIR],
    ),
    _post("experiments/update", experiments.UpdateExperiment, **EXPERIMENT, new_name="<new>"),
    _post("experiments/delete", experiments.DeleteExperiment, **EXPERIMENT),
    _post("experiments/restore", experiments.RestoreExperiment, **EXPERIMENT),
    _post("experiments/set-experiment-tag", experiments.SetExperimentTag, **EXPERIMENT, **PAIR),
    _post("experiments/delete-experiment-tag", experiments.DeleteExperimentTag, **EXPERIMENT, key="k"),
    _post(
        "runs/create",
        runs.CreateRun,
        **EXPERIMENT,
        user_id="u",
        run_name="n",
        start_time=1700000000000,
        tags=[PAIR],
    ),
    _post("runs/update", runs.UpdateRun, **RUN, status="FINISHED", end_time=1700000000001, run_name="n"),
    _post("runs/delete", runs.DeleteRun, **RUN),
    _post("runs/restore", runs.RestoreRun, **RUN),
    _post("runs/log-metric", run_data.LogMetric, **RUN, **METRIC),
    _post("runs/log-parameter", run_data.LogParam, **RUN, **PAIR),
    _post("runs/set-tag", run_data.SetTag, **RUN, **PAIR),
    _post("runs/delete-tag", run_data.DeleteTag, **RUN, key="k"),
    _post("runs/log-batch", run_data.LogBatch, **RUN, metrics=[METRIC], params=[PAIR], tags=[PAIR]),
    _post(
        "runs/log-inputs",
        run_data.LogInputs,
        **RUN,
        datasets=[{"dataset": DATASET, "tags": [PAIR]}],
        models=[{"model_id": "<model_id>"}],
    ),
    _post("runs/outputs", run_data.LogOutputs, **RUN, models=[{"model_id": "<new>", "step": 1}]),
    _post(
        "logged-models",
        logged_models.CreateLoggedModel,
        **EXPERIMENT,
        name="n",
        model_type="t",
        source_run_id="<run_id>",
        params=[PAIR],
        tags=[PAIR],
    ),
    FuzzedRoute(
        method="PATCH",
        path="logged-models/<model_id>",
        message=logged_models.FinalizeLoggedModel,
        example={"status": "LOGGED_MODEL_READY"},
    ),
    _post(
        "logged-models/<model_id>/params", logged_models.LogLoggedModelParams, params=[{"key": "<new>", "value": "v"}]
    ),
    FuzzedRoute(
        method="PATCH",
        path="logged-models/<model_id>/tags",
        message=logged_models.SetLoggedModelTags,
        example={"tags": [PAIR]},
    ),
    FuzzedRoute(
        method="DELETE",
        path="logged-models/<model_id>/tags/k",
        message=logged_models.DeleteLoggedModelTag,
        example={},
    ),
    _post("traces", traces.StartTrace, **EXPERIMENT, timestamp_ms=1, request_metadata=[PAIR], tags=[PAIR]),
    FuzzedRoute(
        method="PATCH",
        path="traces/<trace_id>",
        message=traces.EndTrace,
        example={"timestamp_ms": 2, "status": "OK", "request_metadata": [PAIR], "tags": [PAIR]},
    ),
    FuzzedRoute(method="PATCH", path="traces/<trace_id>/tags", message=traces.SetTraceTag, example=PAIR),
    FuzzedRoute(method="PATCH", path="traces/<trace_id>/tags", message=traces.SetTraceTagV3, example=PAIR, prefix=V3),
    FuzzedRoute(method="DELETE", path="traces/<trace_id>/tags", message=traces.DeleteTraceTag, example={"key": "k"}),
    FuzzedRoute(
        method="DELETE", path="traces/<trace_id>/tags", message=traces.DeleteTraceTagV3, example={"key": "k"}, prefix=V3
    ),
    _post("traces/link-to-run", traces.LinkTracesToRun, trace_ids=["<trace_id>"], run_id="<run_id>"),
    _post(
        "traces/link-prompts",
        traces.LinkPromptsToTrace,
        trace_id="<trace_id>",
        prompt_versions=[{"name": "p", "version": "1"}],
    ),
    _post("traces/delete-traces", traces.DeleteTraces, **EXPERIMENT, max_timestamp_millis=0, max_traces=1),
    FuzzedRoute(
        method="POST",
        path="traces",
        message=traces.StartTraceV3,
        example={"trace": {"trace_info": TRACE_INFO}},
        prefix=V3,
    ),
    FuzzedRoute(
        method="POST",
        path="traces/<trace_id>/assessments",
        message=traces.CreateAssessment,
        example={"assessment": ASSESSMENT},
        prefix=V3,
    ),
    FuzzedRoute(
        method="PATCH",
        path="traces/<trace_id>/assessments/a-1",
        message=traces.UpdateAssessment,
        example={"assessment": ASSESSMENT, "update_mask": "feedback"},
        prefix=V3,
    ),
    FuzzedRoute(
        method="DELETE",
        path="traces/<trace_id>/assessments/a-1",
        message=traces.DeleteAssessment,
        example={},
        prefix=V3,
    ),
    FuzzedRoute(method="DELETE", path="logged-models/<model_id>", message=logged_models.DeleteLoggedModel, example={}),
    _post(
        "runs/log-model",
        run_data.LogModel,
        **RUN,
        model_json='{"run_id": "r", "artifact_path": "m", "utc_time_created": "2026", "flavors": {}}',
    ),
    _post(
        "registered-models/create",
        registered_models.CreateRegisteredModel,
        name="<new>",
        tags=[PAIR],
        description="d",
    ),
    _sent(
        "PATCH",
        "registered-models/update",
        registered_models.UpdateRegisteredModel,
        **REGISTERED_MODEL,
        description="d",
    ),
    _post("registered-models/rename", registered_models.RenameRegisteredModel, **REGISTERED_MODEL, new_name="<new>"),
    _sent("DELETE", "registered-models/delete", registered_models.DeleteRegisteredModel, **REGISTERED_MODEL),
    _post("registered-models/set-tag", registered_models.SetRegisteredModelTag, **REGISTERED_MODEL, **PAIR),
    _sent(
        "DELETE",
        "registered-models/delete-tag",
        registered_models.DeleteRegisteredModelTag,
        **REGISTERED_MODEL,
        key="k",
    ),
    _post("registered-models/alias", registered_models.SetRegisteredModelAlias, **MODEL_VERSION, alias="a"),
    _sent(
        "DELETE",
        "registered-models/alias",
        registered_models.DeleteRegisteredModelAlias,
        **REGISTERED_MODEL,
        alias="a",
    ),
    _post(
        "model-versions/create",
        model_versions.CreateModelVersion,
        **REGISTERED_MODEL,
        source="models:/<model_id>",
        run_id="<run_id>",
        tags=[PAIR],
        run_link="l",
        description="d",
        model_id="<model_id>",
    ),
    _sent("PATCH", "model-versions/update", model_versions.UpdateModelVersion, **MODEL_VERSION, description="d"),
    _post(
        "model-versions/transition-stage",
        model_versions.TransitionModelVersionStage,
        **MODEL_VERSION,
        stage="Staging",
        archive_existing_versions=True,
    ),
    _sent("DELETE", "model-versions/delete", model_versions.DeleteModelVersion, **MODEL_VERSION),
    _post("model-versions/set-tag", model_versions.SetModelVersionTag, **MODEL_VERSION, **PAIR),
    _sent("DELETE", "model-versions/delete-tag", model_versions.DeleteModelVersionTag, **MODEL_VERSION, key="k"),
)

PLAN_OF_NOTHING: Final = UndoPlan(left_out=[LeftOut(NOTHING_FOUND)]).digest
"""Of an event that is not there."""

PLAN_OF_NO_ERASURE: Final = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

IMPORTED_EVENT: Final = {
    "id": "01a227be-132c-769d-915f-0be723e8b906",
    "type": "run.updated",
    "version": 2,
    "time": "2026-11-29T14:45:02.084977Z",
    "actor": {"user": "ann", "address": "10.0.0.7", "user_agent": "python"},
    "request_id": "q",
    "data": {"run_id": "<run_id>", "status": "RUNNING"},
    "stream": "run/<run_id>",
    "partition": 0,
    "offset": 1,
}

CORRECTING_WRITES: Final = (
    _ours(
        "POST",
        "runs/<run_id>/corrections",
        corrections.CorrectRun,
        reason="r",
        params=[{"key": "corrected", "value": "v"}],
    ),
    _ours("POST", "undo/plan", undo.PlanUndo, event="0:0", over_later=False),
    _ours("POST", "undo/plan", undo.PlanUndo, request_id="nobody"),
    _ours("POST", "undo/plan", undo.PlanUndo, actor="anonymous", since="2026-11-29T00:00Z", until="2026-11-29T00:01Z"),
    _ours("POST", "undo/plan", undo.PlanUndo, stream="run/<run_id>", to="2026-11-29T00:00Z"),
    _ours("POST", "undo", undo.ApplyUndo, event="0:99999999", digest=PLAN_OF_NOTHING),
    _ours("POST", "erasures/plan", erasures.PlanErasure, run_ids=[], older_than="3650d"),
    _ours("POST", "erasures", erasures.Erase, older_than="3650d", digest=PLAN_OF_NO_ERASURE, reason="r"),
    _ours("POST", "erasures/carry-out", erasures.CarryOutErasures, begin=True),
    _ours("POST", "events", imports.ImportEvents, source="elsewhere", events=[IMPORTED_EVENT]),
)

WEBHOOK_WRITES: Final = (
    _post("webhooks", webhooks.CreateWebhook, **WEBHOOK, events=[{"entity": "PROMPT", "action": "CREATED"}]),
    _sent(
        "PATCH",
        "webhooks/<webhook_id>",
        webhooks.UpdateWebhook,
        **WEBHOOK,
        events=[{"entity": "PROMPT_TAG", "action": "SET"}],
    ),
    _sent("DELETE", "webhooks/<webhook_id>", webhooks.DeleteWebhook),
    _ours("POST", "webhooks", webhooks.CreateNamedWebhook, **WEBHOOK, events=["run.finished"]),
    _ours("PATCH", "webhooks/<webhook_id>", webhooks.UpdateNamedWebhook, **WEBHOOK, events=["run.failed"]),
    _ours("DELETE", "webhooks/<webhook_id>", webhooks.DeleteNamedWebhook),
)

WEBHOOK_READS: Final = (
    _get("webhooks", webhooks.ListWebhooks, max_results=10),
    _get("webhooks/<webhook_id>", webhooks.GetWebhook),
    _ours("GET", "webhooks", webhooks.ListWholeWebhooks, max_results=10),
    _ours("GET", "webhooks/<webhook_id>", webhooks.GetWholeWebhook),
    _ours("GET", "webhooks/<webhook_id>/deliveries", webhooks.ListDeliveries, state="parked", max_results=10),
    # What changes the store of deliveries alone makes no event.
    _ours("POST", "webhooks/<webhook_id>/redeliver", webhooks.RedeliverDeliveries, since_ms=1_700_000_000_000),
    _ours("POST", "webhooks/<webhook_id>/resume", webhooks.ResumeWebhook),
    _post("webhooks/<webhook_id>/test", webhooks.TestWebhook, event={"entity": "PROMPT", "action": "CREATED"}),
    _ours("POST", "webhooks/<webhook_id>/test", webhooks.TestNamedWebhook, event="run.finished"),
    _ours("GET", "webhooks/<told_webhook_id>/deliveries/<delivery_id>", webhooks.GetDelivery),
    _ours("POST", "webhooks/<told_webhook_id>/deliveries/<delivery_id>/redeliver", webhooks.RedeliverDelivery),
)

EVALUATION_WRITES: Final = (
    _v3(
        "POST",
        "review-queues/create",
        review_queues.CreateReviewQueue,
        **EXPERIMENT,
        name="<new>",
        queue_type="CUSTOM",
        created_by="u",
        users=["u"],
        schema_ids=["<schema_id>"],
    ),
    _v3(
        "POST",
        "review-queues/get-or-create-user",
        review_queues.GetOrCreateUserQueue,
        **EXPERIMENT,
        user="u",
        created_by="u",
    ),
    _v3(
        "POST",
        "review-queues/update",
        review_queues.UpdateReviewQueue,
        queue_id="<empty_queue_id>",
        name="<new>",
        new_owner="u",
        update_users=True,
        users=["u"],
        update_schema_ids=True,
        schema_ids=["<schema_id>"],
    ),
    _v3(
        "POST",
        "review-queues/items/add",
        review_queues.AddItemsToReviewQueue,
        **QUEUE,
        item_type="TRACE",
        item_ids=["<trace_id>"],
    ),
    _v3("POST", "review-queues/items/remove", review_queues.RemoveItemsFromReviewQueue, **QUEUE, item_ids=["tr-1"]),
    _v3(
        "POST",
        "review-queues/items/set-status",
        review_queues.SetReviewQueueItemStatus,
        **QUEUE,
        item_id="<trace_id>",
        status="PENDING",
    ),
    _v3("POST", "review-queues/delete", review_queues.DeleteReviewQueue, **QUEUE),
    _v3(
        "POST",
        "issues",
        issues.CreateIssue,
        **EXPERIMENT,
        name="n",
        description="d",
        status="pending",
        severity="low",
        root_causes=["c"],
        categories=["k"],
        source_run_id="<run_id>",
        created_by="u",
    ),
    _v3("PATCH", "issues/<issue_id>", issues.UpdateIssue, name="n", description="d", status="resolved", severity="low"),
    _v3(
        "POST",
        "label-schemas/create",
        label_schemas.CreateLabelSchema,
        **EXPERIMENT,
        name="<new>",
        type="FEEDBACK",
        input={"categorical": {"options": ["a", "b"], "multi_select": True}},
        instruction="i",
        enable_comment=True,
    ),
    _v3(
        "PATCH",
        "label-schemas/update",
        label_schemas.UpdateLabelSchema,
        schema_id="<schema_id>",
        name="<new>",
        input={"text": {"max_length": 5}},
        instruction="i",
        enable_comment=True,
    ),
    _v3("DELETE", "label-schemas/delete", label_schemas.DeleteLabelSchema, schema_id="<schema_id>"),
    _v3(
        "POST",
        "datasets/create",
        evaluation_datasets.CreateEvaluationDataset,
        name="d",
        experiment_ids=["<experiment_id>"],
        tags='{"k":"v"}',
        source_type="HUMAN",
        source="s",
        schema="{}",
        profile="{}",
        created_by="u",
    ),
    _v3("PATCH", "datasets/<dataset_id>/tags", evaluation_datasets.SetEvaluationDatasetTags, tags='{"k":"v"}'),
    _v3("DELETE", "datasets/<dataset_id>/tags/k", evaluation_datasets.DeleteEvaluationDatasetTag),
    _v3(
        "POST",
        "datasets/<dataset_id>/records",
        evaluation_datasets.UpsertDatasetRecords,
        records='[{"inputs":{"a":1},"expectations":{"b":2}}]',
        updated_by="u",
    ),
    _v3(
        "DELETE",
        "datasets/<dataset_id>/records",
        evaluation_datasets.DeleteDatasetRecords,
        dataset_record_ids=["dr-1"],
    ),
    _v3(
        "POST",
        "datasets/<dataset_id>/add-experiments",
        evaluation_datasets.AddDatasetToExperiments,
        experiment_ids=["<experiment_id>"],
    ),
    _v3(
        "POST",
        "datasets/<dataset_id>/remove-experiments",
        evaluation_datasets.RemoveDatasetFromExperiments,
        experiment_ids=["<experiment_id>"],
    ),
    _v3("DELETE", "datasets/<dataset_id>", evaluation_datasets.DeleteEvaluationDataset),
    _v3("POST", "scorers/register", scorers.RegisterScorer, **SCORER, serialized_scorer="{}"),
    _v3("PUT", "scorers/online-config", scorers.SetOnlineScoringConfig, **SCORER, sample_rate=0, filter_string="f"),
    _v3("DELETE", "scorers/delete", scorers.DeleteScorer, **SCORER),
)

EVALUATION_READS: Final = (
    _v3("GET", "review-queues/get", review_queues.GetReviewQueue, **QUEUE),
    _v3("GET", "review-queues/get-by-name", review_queues.GetReviewQueueByName, **EXPERIMENT, name="n"),
    _v3(
        "GET",
        "review-queues/list",
        review_queues.ListReviewQueues,
        **EXPERIMENT,
        user="u",
        item_id="tr-1",
        max_results=10,
    ),
    _v3(
        "GET", "review-queues/items/list", review_queues.ListReviewQueueItems, **QUEUE, status="PENDING", max_results=10
    ),
    _v3("GET", "issues/<issue_id>", issues.GetIssue),
    _v3(
        "POST",
        "issues/search",
        issues.SearchIssues,
        **EXPERIMENT,
        filter_string="status = 'pending'",
        max_results=10,
        include_trace_count=True,
    ),
    _v3("GET", "label-schemas/get", label_schemas.GetLabelSchema, schema_id="<schema_id>"),
    _v3("GET", "label-schemas/get-by-name", label_schemas.GetLabelSchemaByName, **EXPERIMENT, name="Feedback"),
    _v3("GET", "label-schemas/list", label_schemas.ListLabelSchemas, **EXPERIMENT, max_results=10),
    _v3(
        "POST",
        "datasets/search",
        evaluation_datasets.SearchEvaluationDatasets,
        experiment_ids=["<experiment_id>"],
        filter_string="name LIKE 'd%' AND tags.k = 'v'",
        max_results=10,
        order_by=["name ASC"],
    ),
    _v3("GET", "datasets/search", evaluation_datasets.SearchEvaluationDatasets, max_results=10),
    _v3("GET", "datasets/<dataset_id>", evaluation_datasets.GetEvaluationDataset),
    _v3("GET", "datasets/<dataset_id>/experiment-ids", evaluation_datasets.GetEvaluationDatasetExperimentIds),
    _v3("GET", "datasets/<dataset_id>/records", evaluation_datasets.GetDatasetRecords, max_results=10),
    _v3("GET", "scorers/get", scorers.GetScorer, **SCORER, version=1),
    _v3("GET", "scorers/versions", scorers.ListScorerVersions, **SCORER),
    _v3("GET", "scorers/list", scorers.ListScorers, **EXPERIMENT),
    _v3("GET", "scorers/list", scorers.ListScorers, experiment_ids=["<experiment_id>"]),
    _v3("GET", "scorers/online-configs", scorers.GetOnlineScoringConfigs, scorer_ids=["s"]),
)

READS: Final = (
    _get("experiments/get", experiments.GetExperiment, **EXPERIMENT),
    _get("experiments/get-by-name", experiments.GetExperimentByName, experiment_name="Default"),
    _post(
        "experiments/search",
        experiments.SearchExperiments,
        max_results=10,
        filter="name LIKE 'D%'",
        order_by=["name ASC"],
        view_type="ALL",
    ),
    _get(
        "experiments/search",
        experiments.SearchExperiments,
        max_results=10,
        filter="tags.k = 'v'",
        order_by=["experiment_id DESC"],
        view_type="ACTIVE_ONLY",
    ),
    FuzzedRoute(
        method="POST",
        path="experiments/search-datasets",
        message=experiments.SearchDatasets,
        example={"experiment_ids": ["<experiment_id>"]},
        prefix="/ajax-api/2.0/mlflow/",
    ),
    _get("runs/get", runs.GetRun, **RUN),
    _post(
        "runs/search",
        runs.SearchRuns,
        experiment_ids=["<experiment_id>"],
        filter="metrics.m > 0.1 AND params.k = 'v'",
        run_view_type="ALL",
        max_results=10,
        order_by=["metrics.m DESC"],
    ),
    FuzzedRoute(
        method="POST",
        path="frames/runs",
        message=frames.GetFrame,
        example={
            "experiment_ids": ["<experiment_id>"],
            "run_ids": ["<run_id>"],
            "filter": "params.k = 'v'",
            "run_view_type": "ALL",
            "keys": ["metrics.m"],
            "since": "0:0",
        },
        prefix=OURS,
        is_file=True,
    ),
    _ours("GET", "history", history.ReadHistory, **RUN, type=["run.created"], field="params.p", value="1", limit=10),
    _ours("GET", "diff", history.GetDiff, **RUN, **{"from": "1d"}),
    _page("event", history.ReadOneEvent, at="0:0"),
    _get("metrics/get-history", metrics.GetMetricHistory, **RUN, metric_key="m", max_results=10),
    _get(
        "metrics/get-history-bulk-interval",
        metrics.GetMetricHistoryBulkInterval,
        run_ids=["<run_id>"],
        metric_key="m",
        start_step=0,
        end_step=10,
        max_results=10,
    ),
    _get("traces/<trace_id>/info", traces.GetTraceInfo),
    _get("traces", traces.SearchTraces, experiment_ids="<experiment_id>", filter="trace.status = 'OK'", max_results=5),
    FuzzedRoute(method="GET", path="traces/<trace_id>", message=traces.GetTraceInfoV3, example={}, prefix=V3),
    FuzzedRoute(
        method="GET",
        path="traces/get",
        message=traces.GetTrace,
        example={"trace_id": "<trace_id>", "allow_partial": True},
        prefix=V3,
    ),
    FuzzedRoute(
        method="GET",
        path="traces/batchGet",
        message=traces.BatchGetTraces,
        example={"trace_ids": "<trace_id>"},
        prefix=V3,
    ),
    FuzzedRoute(
        method="POST",
        path="traces/batchGetInfos",
        message=traces.BatchGetTraceInfos,
        example={"trace_ids": ["<trace_id>"], "experiment_ids": ["<experiment_id>"]},
        prefix=V3,
    ),
    FuzzedRoute(
        method="GET",
        path="traces/<trace_id>/assessments/a-1",
        message=traces.GetAssessment,
        example={},
        prefix=V3,
    ),
    FuzzedRoute(
        method="POST",
        path="traces/search",
        message=traces.SearchTracesV3,
        example={
            "locations": [LOCATION],
            "filter": "span.attributes.a LIKE '%b%' AND name RLIKE '^n'",
            "max_results": 5,
            "order_by": ["timestamp DESC"],
        },
        prefix=V3,
    ),
    FuzzedRoute(
        method="POST",
        path="traces/metrics",
        message=traces.QueryTraceMetrics,
        example={
            "experiment_ids": ["<experiment_id>"],
            "view_type": "TRACES",
            "metric_name": "latency",
            "aggregations": [{"aggregation_type": "PERCENTILE", "percentile_value": 50.0}],
            "dimensions": ["trace_name"],
            "filters": ['trace.status = "OK"'],
            "time_interval_seconds": 60,
            "start_time_ms": 0,
            "end_time_ms": 9,
        },
        prefix=V3,
    ),
    FuzzedRoute(
        method="POST",
        path="traces/calculate-filter-correlation",
        message=traces.CalculateTraceFilterCorrelation,
        example={
            "experiment_ids": ["<experiment_id>"],
            "filter_string1": "trace.status = 'OK'",
            "filter_string2": "name = 'n'",
            "base_filter": "timestamp_ms > 0",
        },
        prefix=V3,
    ),
    _get("logged-models/<model_id>", logged_models.GetLoggedModel),
    _post(
        "logged-models/search",
        logged_models.SearchLoggedModels,
        experiment_ids=["<experiment_id>"],
        filter="name = 'n'",
        datasets=[{"dataset_name": "d", "dataset_digest": "1"}],
        max_results=10,
        order_by=[{"field_name": "name", "ascending": True}],
    ),
    _get("artifacts/list", artifacts.ListArtifacts, **RUN, path="a/b"),
    FuzzedRoute(
        method="GET",
        path="/model-versions/get-artifact",
        message=artifacts.GetModelVersionArtifact,
        example={**REGISTERED_MODEL, "version": "2", "path": "file"},
        prefix="",
        is_file=True,
    ),
    _get("registered-models/get", registered_models.GetRegisteredModel, **REGISTERED_MODEL),
    _get(
        "registered-models/search",
        registered_models.SearchRegisteredModels,
        filter="name LIKE 'a%' AND tags.k = 'v'",
        max_results=10,
        order_by=["last_updated_timestamp DESC"],
    ),
    _post(
        "registered-models/get-latest-versions",
        registered_models.GetLatestVersions,
        **REGISTERED_MODEL,
        stages=["Staging"],
    ),
    _get(
        "registered-models/get-latest-versions",
        registered_models.GetLatestVersions,
        **REGISTERED_MODEL,
        stages=["Staging"],
    ),
    _get("registered-models/alias", registered_models.GetModelVersionByAlias, **REGISTERED_MODEL, alias="kept"),
    _get("model-versions/get", model_versions.GetModelVersion, **MODEL_VERSION),
    _get("model-versions/get-download-uri", model_versions.GetModelVersionDownloadUri, **MODEL_VERSION),
    _get(
        "model-versions/search",
        model_versions.SearchModelVersions,
        filter="name = 'a' AND version_number > 1 AND tags.k = 'v'",
        max_results=10,
        order_by=["version_number DESC"],
    ),
)

ALL_WRITES: Final = (*WRITES, *CORRECTING_WRITES, *WEBHOOK_WRITES, *EVALUATION_WRITES)

ROUTES: Final = (*ALL_WRITES, *READS, *WEBHOOK_READS, *EVALUATION_READS)
