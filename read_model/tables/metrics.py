"""The metrics of runs: the newest value of each, and its history in chunks and a tail."""

from sqlalchemy import BigInteger, Column, Double, Index, LargeBinary, PrimaryKeyConstraint, Table

from read_model.tables.columns import TEXT, metadata

latest_metrics = Table(
    "latest_metrics",
    metadata,
    Column("run_number", BigInteger, nullable=False),
    Column("key", TEXT, nullable=False),
    Column("experiment_id", BigInteger, nullable=False),
    # NULL is NaN. Infinities are kept as the largest finite double, as MLflow returns them.
    Column("value", Double),
    # The value as JSON, exact to the last bit, because SQLite prints doubles with 15 digits: '0.1', '"NaN"'.
    Column("value_json", TEXT, nullable=False),
    Column("timestamp_ms", BigInteger, nullable=False),
    Column("step", BigInteger, nullable=False),
    # How many points were ever reported; one alone has no other row than this.
    Column("points", BigInteger, nullable=False),
    PrimaryKeyConstraint("run_number", "key"),
    sqlite_with_rowid=False,
)
# The order and the ranges of a run search by a metric.
Index(
    "latest_metrics_by_value",
    latest_metrics.c.experiment_id,
    latest_metrics.c.key,
    latest_metrics.c.value,
    latest_metrics.c.run_number,
)

metric_tails = Table(
    "metric_tails",
    metadata,
    # The points of a metric after its last full chunk, in the order of the log, as `metric_points.pack_segment`
    # lays them out. No row for a metric of one point, nor when the last chunk took every point.
    Column("run_number", BigInteger, nullable=False),
    Column("key", TEXT, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("run_number", "key"),
    sqlite_with_rowid=False,
)

metric_chunks = Table(
    "metric_chunks",
    metadata,
    # Points n * POINTS_PER_CHUNK up to the next multiple, in the order of the log, compressed by
    # `read_model.metric_points.pack_chunk`. The ranges let a reader skip a chunk, or see that
    # its neighbours are in order.
    Column("run_number", BigInteger, nullable=False),
    Column("key", TEXT, nullable=False),
    Column("chunk_number", BigInteger, nullable=False),
    Column("min_step", BigInteger, nullable=False),
    Column("max_step", BigInteger, nullable=False),
    Column("min_timestamp_ms", BigInteger, nullable=False),
    Column("max_timestamp_ms", BigInteger, nullable=False),
    # NULL when every value is NaN; NaN is left out of both.
    Column("min_value", Double),
    Column("max_value", Double),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("run_number", "key", "chunk_number"),
)
