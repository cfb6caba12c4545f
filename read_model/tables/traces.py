"""Traces, their tags and metadata, their spans, and what was said about them.

`trace_number` stands for a trace's id as `run_number` does for a run's.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
)

from read_model.tables.columns import TEXT, IndexedValue, metadata

traces = Table(
    "traces",
    metadata,
    Column("trace_number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("trace_id", TEXT, nullable=False, unique=True),
    Column("experiment_id", BigInteger, nullable=False),
    Column("request_time_ms", BigInteger, nullable=False),
    Column("execution_duration_ms", BigInteger),
    Column("state", TEXT, nullable=False),  # the name of MLflow's TraceState
    Column("name", TEXT),  # the tag mlflow.traceName
    Column("client_request_id", TEXT),
    Column("request_preview", TEXT),
    Column("response_preview", TEXT),
    # Of the metadata mlflow.trace.tokenUsage, whoever said it.
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("total_tokens", BigInteger),
    Column("cache_read_input_tokens", BigInteger),
    Column("cache_creation_input_tokens", BigInteger),
    Column("span_count", BigInteger, nullable=False),
    # What each of the two writers said, as JSON: the columns above are what it comes to.
    Column("told", TEXT),
    Column("from_spans", TEXT),
    Column("session", TEXT),  # the metadata mlflow.trace.session, 250 characters at most
)
# The default order of a search.
Index("traces_by_time", traces.c.experiment_id, traces.c.request_time_ms.desc(), traces.c.trace_id)

# What is counted and summed of traces, without their rows, which are twenty times as large. Names are not in it:
# they may be longer than what PostgreSQL indexes.
Index(
    "traces_measured",
    traces.c.experiment_id,
    traces.c.request_time_ms,
    traces.c.state,
    traces.c.execution_duration_ms,
    traces.c.input_tokens,
    traces.c.output_tokens,
    traces.c.total_tokens,
    traces.c.cache_read_input_tokens,
    traces.c.cache_creation_input_tokens,
    traces.c.session,
)

trace_tags = Table(
    "trace_tags",
    metadata,
    Column("trace_number", BigInteger, nullable=False),
    Column("key", TEXT, nullable=False),
    Column("value", TEXT, nullable=False),
    Column("told", SmallInteger, nullable=False),  # 1 if a client said it of the trace, 0 if its spans do
    PrimaryKeyConstraint("trace_number", "key"),
    sqlite_with_rowid=False,
)
Index("trace_tags_by_value", trace_tags.c.key, IndexedValue(), trace_tags.c.trace_number)

trace_metadata = Table(
    "trace_metadata",
    metadata,
    Column("trace_number", BigInteger, nullable=False),
    Column("key", TEXT, nullable=False),
    Column("value", TEXT, nullable=False),
    Column("told", SmallInteger, nullable=False),
    PrimaryKeyConstraint("trace_number", "key"),
    sqlite_with_rowid=False,
)
Index("trace_metadata_by_value", trace_metadata.c.key, IndexedValue(), trace_metadata.c.trace_number)

spans = Table(
    "spans",
    metadata,
    # What searches and sums ask of a span. All of it is in the chunk `ordinal` // SPANS_PER_CHUNK of its trace.
    Column("trace_number", BigInteger, nullable=False),
    Column("span_id", TEXT, nullable=False),
    Column("ordinal", BigInteger, nullable=False),
    Column("parent_id", TEXT),
    Column("name", TEXT, nullable=False),
    Column("type", TEXT),
    Column("status", SmallInteger, nullable=False),  # 0 UNSET, 1 OK, 2 ERROR
    Column("start_ns", BigInteger, nullable=False),
    Column("end_ns", BigInteger),
    Column("model", TEXT),
    Column("provider", TEXT),
    Column("usage", TEXT),  # JSON, the items of MLflow's token usage
    Column("input_cost", Double),
    Column("output_cost", Double),
    Column("total_cost", Double),
    # A bit for what a span above tells, which hides what this one does from the sum: 1 its usage, 2 its costs.
    Column("hidden", SmallInteger, nullable=False),
    PrimaryKeyConstraint("trace_number", "span_id"),
    sqlite_with_rowid=False,
)
Index("spans_by_parent", spans.c.trace_number, spans.c.parent_id)

span_chunks = Table(
    "span_chunks",
    metadata,
    # Spans n * SPANS_PER_CHUNK up to the next multiple, in the order of the log, by `read_model.spans.chunk`.
    Column("trace_number", BigInteger, nullable=False),
    Column("chunk_number", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("trace_number", "chunk_number"),
)

span_signatures = Table(
    "span_signatures",
    metadata,
    # Beside each chunk what attributes its spans have, by `read_model.spans.signature`: small, to be looked through.
    Column("trace_number", BigInteger, nullable=False),
    Column("chunk_number", BigInteger, nullable=False),
    Column("attributes", LargeBinary, nullable=False),
    PrimaryKeyConstraint("trace_number", "chunk_number"),
    sqlite_with_rowid=False,
)

span_trigrams = Table(
    "span_trigrams",
    metadata,
    # Beside each chunk which trigrams its texts have, by `read_model.spans.trigrams`: to be looked through as well.
    Column("trace_number", BigInteger, nullable=False),
    Column("chunk_number", BigInteger, nullable=False),
    Column("bits", LargeBinary, nullable=False),
    PrimaryKeyConstraint("trace_number", "chunk_number"),
    sqlite_with_rowid=False,
)

assessments = Table(
    "assessments",
    metadata,
    Column("trace_number", BigInteger, nullable=False),
    Column("assessment_id", TEXT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("value", TEXT, nullable=False),  # JSON
    Column("number", Double),  # the value if it is a number; of feedback also 1 and 0 for yes and no
    Column("is_numeric", SmallInteger, nullable=False),
    Column("create_time_ms", BigInteger, nullable=False),
    Column("last_update_time_ms", BigInteger, nullable=False),
    Column("overrides", TEXT, nullable=False),
    Column("session", TEXT),  # all traces of which it speaks, if not of its own alone
    Column("document", TEXT, nullable=False),  # everything that was said, as JSON
    PrimaryKeyConstraint("trace_number", "assessment_id"),
)
Index("assessments_by_session", assessments.c.session)
Index("assessments_by_name", assessments.c.kind, assessments.c.name, assessments.c.trace_number)

trace_runs = Table(
    "trace_runs",
    metadata,
    Column("trace_number", BigInteger, nullable=False),
    Column("run_id", TEXT, nullable=False),
    PrimaryKeyConstraint("trace_number", "run_id"),
    sqlite_with_rowid=False,
)
Index("trace_runs_by_run", trace_runs.c.run_id, trace_runs.c.trace_number)

trace_prompts = Table(
    "trace_prompts",
    metadata,
    Column("trace_number", BigInteger, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("version", BigInteger, nullable=False),
    PrimaryKeyConstraint("trace_number", "name", "version"),
    sqlite_with_rowid=False,
)
Index("trace_prompts_by_prompt", trace_prompts.c.name, trace_prompts.c.version, trace_prompts.c.trace_number)
