"""Datasets, once for each experiment, and the runs that read them."""

from sqlalchemy import BigInteger, Column, Index, PrimaryKeyConstraint, Table

from read_model.tables.columns import TEXT, metadata

datasets = Table(
    "datasets",
    metadata,
    Column("experiment_id", BigInteger, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("digest", TEXT, nullable=False),
    Column("source_type", TEXT, nullable=False),
    Column("source", TEXT, nullable=False),
    Column("schema", TEXT),
    Column("profile", TEXT),
    # When and by which event it was first logged: runs of one experiment lie in different partitions, and the earliest
    # (time, id) wins whatever order they are folded in.
    Column("first_us", BigInteger, nullable=False),
    Column("first_event_id", TEXT, nullable=False),
    PrimaryKeyConstraint("experiment_id", "name", "digest"),
)

dataset_inputs = Table(
    "dataset_inputs",
    metadata,
    Column("run_number", BigInteger, nullable=False),
    Column("ordinal", BigInteger, nullable=False),  # 0 for the first that was logged in the run, and so on
    Column("name", TEXT, nullable=False),
    Column("digest", TEXT, nullable=False),
    Column("experiment_id", BigInteger, nullable=False),
    # JSON list of {"key", "value"}, and the value of tag mlflow.data.context taken out of it.
    Column("tags", TEXT, nullable=False),
    Column("context", TEXT),
    PrimaryKeyConstraint("run_number", "ordinal"),
    sqlite_with_rowid=False,
)
Index("dataset_inputs_by_name", dataset_inputs.c.experiment_id, dataset_inputs.c.name, dataset_inputs.c.digest)
