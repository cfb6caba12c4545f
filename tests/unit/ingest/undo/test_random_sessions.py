"""Of random sessions: what is undone is what was planned, and undoing that gives the state before."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import (
    EvaluationDatasetCreated,
    IssueCreated,
    LabelSchemaCreated,
    LoggedModelCreated,
    ReviewQueueCreated,
    ScorerRegistered,
    TraceStarted,
)
from schemas.messages.corrections import CorrectRun, MetricCorrection, ParamCorrection
from schemas.messages.evaluation_datasets import (
    AddDatasetToExperiments,
    DeleteDatasetRecords,
    DeleteEvaluationDataset,
    DeleteEvaluationDatasetTag,
    RemoveDatasetFromExperiments,
    SetEvaluationDatasetTags,
    UpsertDatasetRecords,
)
from schemas.messages.experiments import (
    DeleteExperiment,
    DeleteExperimentTag,
    RestoreExperiment,
    SetExperimentTag,
    UpdateExperiment,
)
from schemas.messages.issues import UpdateIssue
from schemas.messages.label_schemas import UpdateLabelSchema
from schemas.messages.logged_models import (
    DeleteLoggedModel,
    DeleteLoggedModelTag,
    FinalizeLoggedModel,
    SetLoggedModelTags,
)
from schemas.messages.message import KeyValue
from schemas.messages.model_versions import (
    CreateModelVersion,
    DeleteModelVersion,
    SetModelVersionTag,
    TransitionModelVersionStage,
    UpdateModelVersion,
)
from schemas.messages.registered_models import (
    CreateRegisteredModel,
    DeleteRegisteredModel,
    DeleteRegisteredModelAlias,
    RenameRegisteredModel,
    SetRegisteredModelAlias,
    SetRegisteredModelTag,
    UpdateRegisteredModel,
)
from schemas.messages.review_queues import (
    AddItemsToReviewQueue,
    RemoveItemsFromReviewQueue,
    SetReviewQueueItemStatus,
    UpdateReviewQueue,
)
from schemas.messages.run_data import DeleteTag, LogBatch, LogInputs, LogOutputs, Metric, ModelOutput, SetTag
from schemas.messages.runs import CreateRun, DeleteRun, RestoreRun, UpdateRun
from schemas.messages.scorers import SetOnlineScoringConfig
from schemas.messages.traces import (
    AssessmentGiven,
    CreateAssessment,
    DeleteAssessment,
    DeleteTraceTagV3,
    FeedbackGiven,
    LinkPromptsToTrace,
    LinkTracesToRun,
    PromptVersionRef,
    SetTraceTagV3,
    UpdateAssessment,
)
from schemas.mlflow import MODEL_VERSIONS_TAG
from tests.unit.ingest.doubles import ANN, close_what_is_open
from tests.unit.ingest.undo.session import Session

Step = Callable[[Session, str, str], Awaitable[bytes]]
"""A command of a session, about its run, of a request."""

LOGGED_MODEL: Final = "m-1"
DATASET: Final = "d-1"
TRACE: Final = "tr-1"
ISSUE: Final = "iss-1"
LABEL_SCHEMA: Final = "ls-1"
QUEUE: Final = "rq-1"

_values: Final = st.sampled_from(["", "v", "w"])
_numbers: Final = st.sampled_from([0.0, 1.0])
_keys: Final = st.sampled_from(["t", "mlflow.runName", "x/y"])
_model_keys: Final = st.sampled_from(["t", MODEL_VERSIONS_TAG])
_names: Final = st.sampled_from(["m", "n"])
_versions: Final = st.sampled_from(["1", "2"])
_assessments: Final = st.sampled_from(["a-1", "a-2"])
_stages: Final = st.sampled_from(["None", "Staging", "Production"])


def _data(values: list[float], value: str) -> Step:
    """Points of one metric, each a step later, and a param."""
    metrics = [Metric(key="m", value=one, timestamp=5, step=step) for step, one in enumerate(values)]
    params = [KeyValue(key="p", value=value)]
    return lambda s, run, q: s.ingest.run_data.log_batch(
        LogBatch(run_id=run, metrics=metrics, params=params if value else []), ANN, q
    )


def _correction(step: int, old: float, new: float | None, value: str | None) -> Step:
    metrics = [MetricCorrection(key="m", step=step, timestamp=5, value=old, new_value=new)]
    params = [ParamCorrection(key="p", value=value)]
    return lambda s, run, q: s.ingest.corrections.correct(
        CorrectRun(run_id=run, reason="r", metrics=metrics if value != "w" else [], params=params if value else []),
        ANN,
        q,
    )


def _inputs(digest: str, context: str, model_id: str) -> Step:
    given = {
        "datasets": [{"dataset": {"name": "d", "digest": digest}, "tags": [{"key": "t", "value": context}]}],
        "models": [{"model_id": model_id}],
    }
    return lambda s, run, q: s.ingest.run_data.log_inputs(msgspec.convert({"run_id": run, **given}, LogInputs), ANN, q)


def _outputs(model_id: str, step: int) -> Step:
    models = [ModelOutput(model_id=model_id, step=step)]
    return lambda s, run, q: s.ingest.run_data.log_outputs(LogOutputs(run_id=run, models=models), ANN, q)


async def _delete_a_record(session: Session, _run: str, request_id: str) -> bytes:
    """The one with the last id of those that there are."""
    ids = [row[1] for row in (await session.rows())["dataset records"]]
    deleting = DeleteDatasetRecords(dataset_id=DATASET, dataset_record_ids=[max(ids, default="none")])
    return await session.ingest.evaluation_datasets.delete_records(deleting, ANN, request_id)


STEPS: Final[st.SearchStrategy[Step]] = st.one_of(
    st.builds(
        lambda k, v: lambda s, run, q: s.ingest.run_data.set_tag(SetTag(run_id=run, key=k, value=v), ANN, q),
        _keys,
        _values,
    ),
    st.builds(lambda k: lambda s, run, q: s.ingest.run_data.delete_tag(DeleteTag(run_id=run, key=k), ANN, q), _keys),
    st.builds(
        lambda status, end, name: (
            lambda s, run, q: s.ingest.runs.update(
                UpdateRun(run_id=run, status=status, end_time=end, run_name=name), ANN, q
            )
        ),
        st.sampled_from([None, "FINISHED", "FAILED"]),
        st.sampled_from([None, 5, 6]),
        _values,
    ),
    st.builds(_data, st.lists(_numbers, max_size=3), _values),
    st.builds(_correction, st.integers(0, 2), _numbers, st.none() | _numbers, st.none() | _values),
    st.builds(_inputs, _versions, _values, st.sampled_from(["m-1", "m-2"])),
    st.builds(_outputs, st.sampled_from(["m-1", "m-2"]), st.integers(0, 1)),
    st.just(lambda s, run, q: s.ingest.runs.delete(DeleteRun(run_id=run), ANN, q)),
    st.just(lambda s, run, q: s.ingest.runs.restore(RestoreRun(run_id=run), ANN, q)),
    st.builds(
        lambda v: (
            lambda s, _, q: s.ingest.experiments.set_tag(SetExperimentTag(experiment_id="0", key="t", value=v), ANN, q)
        ),
        _values,
    ),
    st.just(lambda s, _, q: s.ingest.experiments.delete_tag(DeleteExperimentTag(experiment_id="0", key="t"), ANN, q)),
    st.builds(
        lambda n: lambda s, _, q: s.ingest.experiments.rename(UpdateExperiment(experiment_id="0", new_name=n), ANN, q),
        _names,
    ),
    st.just(lambda s, _, q: s.ingest.experiments.delete(DeleteExperiment(experiment_id="0"), ANN, q)),
    st.just(lambda s, _, q: s.ingest.experiments.restore(RestoreExperiment(experiment_id="0"), ANN, q)),
    st.builds(
        lambda k, v: (
            lambda s, _, q: s.ingest.logged_models.set_tags(
                SetLoggedModelTags(model_id=LOGGED_MODEL, tags=[KeyValue(key=k, value=v)]), ANN, q
            )
        ),
        _model_keys,
        _values,
    ),
    st.builds(
        lambda k: (
            lambda s, _, q: s.ingest.logged_models.delete_tag(
                DeleteLoggedModelTag(model_id=LOGGED_MODEL, tag_key=k), ANN, q
            )
        ),
        _model_keys,
    ),
    st.builds(
        lambda status: (
            lambda s, _, q: s.ingest.logged_models.finalize(
                FinalizeLoggedModel(model_id=LOGGED_MODEL, status=status), ANN, q
            )
        ),
        st.integers(1, 3),
    ),
    st.just(lambda s, _, q: s.ingest.logged_models.delete(DeleteLoggedModel(model_id=LOGGED_MODEL), ANN, q)),
    st.builds(
        lambda v: (
            lambda s, _, q: s.ingest.evaluation_datasets.set_tags(
                SetEvaluationDatasetTags(dataset_id=DATASET, tags=f'{{"t": "{v}"}}'), ANN, q
            )
        ),
        _values,
    ),
    st.just(
        lambda s, _, q: s.ingest.evaluation_datasets.delete_tag(
            DeleteEvaluationDatasetTag(dataset_id=DATASET, key="t"), ANN, q
        )
    ),
    st.builds(
        lambda inputs, part, v: (
            lambda s, _, q: s.ingest.evaluation_datasets.upsert_records(
                UpsertDatasetRecords(dataset_id=DATASET, records=f'[{{"inputs": {{"q": {inputs}}}, "{part}": {v}}}]'),
                ANN,
                q,
            )
        ),
        _versions,
        st.sampled_from(["outputs", "expectations", "tags"]),
        st.sampled_from(['{"k": "v"}', '{"l": "w", "mlflow.user": "ann"}']),
    ),
    st.just(_delete_a_record),
    st.just(
        lambda s, _, q: s.ingest.evaluation_datasets.add_experiments(
            AddDatasetToExperiments(dataset_id=DATASET, experiment_ids=["0"]), ANN, q
        )
    ),
    st.just(
        lambda s, _, q: s.ingest.evaluation_datasets.remove_experiments(
            RemoveDatasetFromExperiments(dataset_id=DATASET, experiment_ids=["0"]), ANN, q
        )
    ),
    st.just(lambda s, _, q: s.ingest.evaluation_datasets.delete(DeleteEvaluationDataset(dataset_id=DATASET), ANN, q)),
    st.builds(
        lambda k, v: lambda s, _, q: s.ingest.traces.set_tag_v3(SetTraceTagV3(trace_id=TRACE, key=k, value=v), ANN, q),
        _keys,
        _values,
    ),
    st.builds(
        lambda k: lambda s, _, q: s.ingest.traces.delete_tag_v3(DeleteTraceTagV3(trace_id=TRACE, key=k), ANN, q),
        _keys,
    ),
    st.builds(
        lambda one, v, before: (
            lambda s, _, q: s.ingest.traces.create_assessment(
                CreateAssessment(
                    trace_id=TRACE,
                    assessment=AssessmentGiven(
                        assessment_id=one, assessment_name="n", feedback=FeedbackGiven(value=v), overrides=before
                    ),
                ),
                ANN,
                q,
            )
        ),
        _assessments,
        _values,
        st.just("") | _assessments,
    ),
    st.builds(
        lambda one, v: (
            lambda s, _, q: s.ingest.traces.update_assessment(
                UpdateAssessment(
                    trace_id=TRACE,
                    assessment_id=one,
                    assessment=AssessmentGiven(rationale=v, feedback=FeedbackGiven(value=v), metadata={v: v}),
                    update_mask="feedback,rationale,metadata",
                ),
                ANN,
                q,
            )
        ),
        _assessments,
        _values,
    ),
    st.builds(
        lambda one: (
            lambda s, _, q: s.ingest.traces.delete_assessment(
                DeleteAssessment(trace_id=TRACE, assessment_id=one), ANN, q
            )
        ),
        _assessments,
    ),
    st.builds(
        lambda: lambda s, run, q: s.ingest.traces.link_to_run(LinkTracesToRun(trace_ids=[TRACE], run_id=run), ANN, q)
    ),
    st.builds(
        lambda names, version: (
            lambda s, _, q: s.ingest.traces.link_prompts(
                LinkPromptsToTrace(
                    trace_id=TRACE, prompt_versions=[PromptVersionRef(name=one, version=version) for one in names]
                ),
                ANN,
                q,
            )
        ),
        st.lists(_names, max_size=2),
        _versions,
    ),
    st.builds(
        lambda n, severity: (
            lambda s, _, q: s.ingest.issues.update(UpdateIssue(issue_id=ISSUE, name=n, severity=severity), ANN, q)
        ),
        st.just("") | _names,
        st.sampled_from(["", "low", "high"]),
    ),
    st.builds(
        lambda n, text, comments: (
            lambda s, _, q: s.ingest.label_schemas.update(
                UpdateLabelSchema(schema_id=LABEL_SCHEMA, name=n, instruction=text, enable_comment=comments), ANN, q
            )
        ),
        st.none() | _names,
        st.none() | _values,
        st.none() | st.booleans(),
    ),
    st.builds(
        lambda n, users, schemas: (
            lambda s, _, q: s.ingest.review_queues.update(
                UpdateReviewQueue(
                    queue_id=QUEUE,
                    name=n,
                    update_users=True,
                    users=users,
                    update_schema_ids=schemas is not None,
                    schema_ids=schemas or [],
                ),
                ANN,
                q,
            )
        ),
        st.none() | _names,
        st.lists(_names, max_size=2),
        st.none() | st.sampled_from([[], [LABEL_SCHEMA]]),
    ),
    st.just(
        lambda s, _, q: s.ingest.review_queues.add_items(
            AddItemsToReviewQueue(queue_id=QUEUE, item_type="TRACE", item_ids=[TRACE]), ANN, q
        )
    ),
    st.just(
        lambda s, _, q: s.ingest.review_queues.remove_items(
            RemoveItemsFromReviewQueue(queue_id=QUEUE, item_ids=[TRACE]), ANN, q
        )
    ),
    st.builds(
        lambda status, who: (
            lambda s, _, q: s.ingest.review_queues.set_status(
                SetReviewQueueItemStatus(queue_id=QUEUE, item_id=TRACE, status=status, completed_by=who), ANN, q
            )
        ),
        st.sampled_from(["PENDING", "COMPLETE", "DECLINED"]),
        _names,
    ),
    st.builds(
        lambda rate: (
            lambda s, _, q: s.ingest.scorers.set_online_config(
                SetOnlineScoringConfig(experiment_id="0", name="s", sample_rate=rate), ANN, q
            )
        ),
        _numbers,
    ),
    st.builds(
        lambda n: lambda s, _, q: s.ingest.registered_models.create(CreateRegisteredModel(name=n), ANN, q), _names
    ),
    st.builds(
        lambda n, d: (
            lambda s, _, q: s.ingest.registered_models.update(UpdateRegisteredModel(name=n, description=d), ANN, q)
        ),
        _names,
        _values,
    ),
    st.builds(
        lambda n, o: (
            lambda s, _, q: s.ingest.registered_models.rename(RenameRegisteredModel(name=n, new_name=o), ANN, q)
        ),
        _names,
        _names,
    ),
    st.builds(
        lambda n: lambda s, _, q: s.ingest.registered_models.delete(DeleteRegisteredModel(name=n), ANN, q), _names
    ),
    st.builds(
        lambda n, v: (
            lambda s, _, q: s.ingest.registered_models.set_tag(SetRegisteredModelTag(name=n, key="t", value=v), ANN, q)
        ),
        _names,
        _values,
    ),
    st.builds(
        lambda n, v: (
            lambda s, _, q: s.ingest.registered_models.set_alias(
                SetRegisteredModelAlias(name=n, alias="a", version=v), ANN, q
            )
        ),
        _names,
        _versions,
    ),
    st.builds(
        lambda n: (
            lambda s, _, q: s.ingest.registered_models.delete_alias(
                DeleteRegisteredModelAlias(name=n, alias="a"), ANN, q
            )
        ),
        _names,
    ),
    st.builds(
        lambda n: lambda s, _, q: s.ingest.model_versions.create(CreateModelVersion(name=n, source="s3://b/x"), ANN, q),
        _names,
    ),
    st.builds(
        lambda n, v, stage, archive: (
            lambda s, _, q: s.ingest.model_versions.transition(
                TransitionModelVersionStage(name=n, version=v, stage=stage, archive_existing_versions=archive), ANN, q
            )
        ),
        _names,
        _versions,
        _stages,
        st.booleans(),
    ),
    st.builds(
        lambda n, v, d: (
            lambda s, _, q: s.ingest.model_versions.update(UpdateModelVersion(name=n, version=v, description=d), ANN, q)
        ),
        _names,
        _versions,
        _values,
    ),
    st.builds(
        lambda n, v, t: (
            lambda s, _, q: s.ingest.model_versions.set_tag(
                SetModelVersionTag(name=n, version=v, key="t", value=t), ANN, q
            )
        ),
        _names,
        _versions,
        _values,
    ),
    st.builds(
        lambda n, v: lambda s, _, q: s.ingest.model_versions.delete(DeleteModelVersion(name=n, version=v), ANN, q),
        _names,
        _versions,
    ),
)


async def _run(steps: list[tuple[Step, bool]], over_later: bool) -> None:
    session = Session()
    await session.ingest.ensure_default_experiment()
    answer = await session.do(session.ingest.runs.create(CreateRun(experiment_id="0", run_name="n"), ANN, "create"))
    run_id = answer["run"]["info"]["run_id"]
    await session.deployment.append(
        LoggedModelCreated(model_id=LOGGED_MODEL, experiment_id=0, name="m", artifact_location="x")
    )
    await session.deployment.append(EvaluationDatasetCreated(dataset_id=DATASET, name="d"))
    for event in (
        IssueCreated(issue_id=ISSUE, experiment_id=0, name="i", description="d"),
        LabelSchemaCreated(schema_id=LABEL_SCHEMA, experiment_id=0, name="l", type="FEEDBACK", input='{"text":{}}'),
        ReviewQueueCreated(queue_id=QUEUE, experiment_id=0, name="q", queue_type="CUSTOM", created_by="ann"),
        ScorerRegistered(experiment_id=0, name="s", scorer_id="s", version_id="v", serialized_scorer="{}"),
    ):
        await session.deployment.append(event)
    await session.deployment.append(TraceStarted(trace_id=TRACE, experiment_id=0, request_time_ms=1, tags={"t": "u"}))
    for step, is_chosen in steps:
        await session.do(step(session, run_id, "chosen" if is_chosen else "other"))
    before = await session.rows()
    plan = await session.plan(request_id="chosen", over_later=over_later)
    answer = await session.undo("undo", plan["digest"], request_id="chosen", over_later=over_later)
    assert answer["refused"] == []
    after = await session.rows()
    assert (after == before) == (not plan["changes"])
    again = await session.plan(request_id="chosen", over_later=over_later)
    assert again["changes"] == []
    back = await session.undo("back", request_id="undo")
    assert (back["refused"], await session.rows()) == ([], before)


@pytest.mark.slow
@given(st.lists(st.tuples(STEPS, st.booleans()), max_size=25), st.booleans())
def test_an_undo_is_what_was_planned_and_is_undone_itself(steps: list[tuple[Any, bool]], over_later: bool) -> None:
    try:
        asyncio.run(_run(steps, over_later))
    finally:
        close_what_is_open()
