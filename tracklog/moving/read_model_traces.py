"""What a read model of ours holds of traces, evaluation datasets, scorers and webhooks, as records of stores."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Table, func, select

from read_model.spans.chunk import unpack_chunk
from read_model.tables.evaluation_datasets import (
    evaluation_dataset_experiments,
    evaluation_dataset_records,
    evaluation_dataset_tags,
    evaluation_datasets,
)
from read_model.tables.scorers import online_scoring_configs, scorer_versions, scorers
from read_model.tables.traces import (
    assessments,
    span_chunks,
    spans,
    trace_metadata,
    trace_prompts,
    trace_runs,
    trace_tags,
    traces,
)
from read_model.tables.webhooks import webhooks
from schemas.events import Assessment, DatasetRecord, PromptVersion, Tag
from schemas.webhook_events import MLFLOW_PAIRS
from tracklog.moving.records import (
    EvaluatedRecord,
    ExampleRecord,
    OnlineScoringRecord,
    Records,
    ScorerRecord,
    ScorerVersionRecord,
    SizeRecord,
    SpansRecord,
    TraceRecord,
    WebhookRecord,
)

_AT_ONCE: Final = 100

COUNTED: Final = (
    ("traces", traces),
    ("tags of traces", trace_tags),
    ("metadata of traces", trace_metadata),
    ("assessments", assessments),
    ("spans", spans),
    ("links between things", trace_runs),
    ("links between things", trace_prompts),
    ("links between things", evaluation_dataset_experiments),
    ("evaluation datasets", evaluation_datasets),
    ("tags of evaluation datasets", evaluation_dataset_tags),
    ("records of evaluation datasets", evaluation_dataset_records),
    ("scorers", scorers),
    ("versions of scorers", scorer_versions),
    ("webhooks", webhooks),
)

_assessment: Final = msgspec.json.Decoder(Assessment)
_PAIRS: Final = {one.name: pair for pair, one in MLFLOW_PAIRS.items()}

Row = Any


class ReadModelTraceRecords:
    """Reads by a connection, which is in a transaction that sees one moment."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def records(self) -> Records:
        """All of them, with how many there are."""
        for kind, table in COUNTED:
            yield SizeRecord(kind, self._connection.execute(select(func.count()).select_from(table)).scalar_one())
        yield from self._traces()
        yield from self._evaluated()
        yield from self._scorers()
        yield from self._webhooks()

    def _rows(self, table: Table, by: str, key: Any, *order: str) -> Sequence[Row]:
        return self._connection.execute(select(table).where(table.c[by] == key).order_by(*order)).all()

    # --- traces ---------------------------------------------------------------------------------------------------

    def _traces(self) -> Records:
        """Each followed by its spans, in the order of their numbers."""
        last = -1
        while True:
            page = select(traces).where(traces.c.trace_number > last).order_by(traces.c.trace_number).limit(_AT_ONCE)
            found = self._connection.execute(page).all()
            if not found:
                return
            for row in found:
                yield self._trace(row)
                yield from self._spans(row)
            last = found[-1].trace_number

    def _trace(self, row: Row) -> TraceRecord:
        number = row.trace_number
        tags = {one.key: one.value for one in self._rows(trace_tags, "trace_number", number, "key")}
        metadata = {one.key: one.value for one in self._rows(trace_metadata, "trace_number", number, "key")}
        assessed = self._rows(assessments, "trace_number", number, "create_time_ms", "assessment_id")
        prompts = self._rows(trace_prompts, "trace_number", number, "name", "version")
        return TraceRecord(
            where=f"trace {row.trace_id}",
            trace_id=row.trace_id,
            experiment_key=str(row.experiment_id),
            request_time_ms=row.request_time_ms,
            execution_duration_ms=row.execution_duration_ms,
            state=row.state,
            client_request_id=row.client_request_id or "",
            request_preview=row.request_preview,
            response_preview=row.response_preview,
            tags=tags,
            metadata=metadata,
            numbers_of_pairs=(len(tags), len(metadata)),
            assessments=[_assessment.decode(one.document) for one in assessed],
            run_ids=[one.run_id for one in self._rows(trace_runs, "trace_number", number, "run_id")],
            prompts=[PromptVersion(one.name, one.version) for one in prompts],
        )

    def _spans(self, row: Row) -> Iterator[SpansRecord]:
        of_trace = select(span_chunks.c.data).where(span_chunks.c.trace_number == row.trace_number)
        for (data,) in self._connection.execute(of_trace.order_by(span_chunks.c.chunk_number)):
            yield SpansRecord(row.trace_id, unpack_chunk(data).spans)

    # --- the rest -------------------------------------------------------------------------------------------------

    def _evaluated(self) -> Records:
        for row in self._connection.execute(select(evaluation_datasets).order_by("dataset_id")).all():
            by, key = "dataset_id", row.dataset_id
            experiments = self._rows(evaluation_dataset_experiments, by, key, "experiment_id")
            yield EvaluatedRecord(
                where=f"evaluation dataset {key}",
                dataset_id=key,
                name=row.name,
                experiment_keys=[str(one.experiment_id) for one in experiments],
                creation_time_ms=row.created_time_ms,
                last_update_time_ms=row.last_update_time_ms,
                tags=[Tag(one.key, one.value) for one in self._rows(evaluation_dataset_tags, by, key, "key")],
                schema=row.schema,
                profile=row.profile,
                digest=row.digest,
                created_by=row.created_by,
                last_updated_by=row.last_updated_by,
            )
            of = select(evaluation_dataset_records).where(evaluation_dataset_records.c.dataset_id == key)
            for one in self._connection.execute(of.order_by("created_time_ms", "record_id")):
                yield _example(one)

    def _scorers(self) -> Iterator[ScorerRecord]:
        for row in self._connection.execute(select(scorers).order_by("scorer_id")).all():
            configs = self._rows(online_scoring_configs, "scorer_id", row.scorer_id)
            yield ScorerRecord(
                where=f"scorer {row.scorer_id}",
                scorer_id=row.scorer_id,
                experiment_key=str(row.experiment_id),
                name=row.name,
                versions=[
                    ScorerVersionRecord(one.version, one.serialized_scorer, one.creation_time_ms)
                    for one in self._rows(scorer_versions, "scorer_id", row.scorer_id, "version")
                ],
                online=next(
                    (
                        OnlineScoringRecord(one.online_scoring_config_id, one.sample_rate, one.filter_string)
                        for one in configs
                    ),
                    None,
                ),
            )

    def _webhooks(self) -> Iterator[WebhookRecord]:
        for row in self._connection.execute(select(webhooks).order_by("webhook_id")):
            yield WebhookRecord(
                where=f"webhook {row.webhook_id}",
                webhook_id=row.webhook_id,
                name=row.name,
                description=row.description,
                url=row.url,
                events=[_PAIRS[name] for name in json.loads(row.events) if name in _PAIRS],
                has_secret=bool(row.secret_id),
                creation_time_ms=row.creation_timestamp_ms,
                last_update_time_ms=row.last_updated_timestamp_ms,
            )


def _example(row: Row) -> ExampleRecord:
    return ExampleRecord(
        where=f"evaluation dataset {row.dataset_id}, record {row.record_id}",
        dataset_id=row.dataset_id,
        example=DatasetRecord(
            inputs=row.inputs,
            outputs=row.outputs if row.outputs is not None else "null",
            expectations=row.expectations,
            tags=row.tags,
            source=row.source,
            record_id=row.record_id,
        ),
        creation_time_ms=row.created_time_ms,
        last_update_time_ms=row.last_update_time_ms,
        created_by=row.created_by,
        last_updated_by=row.last_updated_by,
    )
