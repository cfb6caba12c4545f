"""Evaluation datasets, the experiments that they are for, their tags and records."""

from sqlalchemy import BigInteger, Column, Index, PrimaryKeyConstraint, Table

from read_model.tables.columns import TEXT, metadata

evaluation_datasets = Table(
    "evaluation_datasets",
    metadata,
    Column("dataset_id", TEXT, primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("tags", TEXT, nullable=False),  # a JSON object, as it is answered; those that are searched are rows too
    Column("schema", TEXT),  # a JSON object; NULL before the first records
    Column("profile", TEXT),  # the same
    Column("record_count", BigInteger, nullable=False),
    Column("digest", TEXT, nullable=False),
    Column("created_time_ms", BigInteger, nullable=False),
    Column("last_update_time_ms", BigInteger, nullable=False),
    Column("created_by", TEXT),
    Column("last_updated_by", TEXT),
)
Index(
    "evaluation_datasets_listed", evaluation_datasets.c.created_time_ms.desc(), evaluation_datasets.c.dataset_id.desc()
)
Index("evaluation_datasets_by_name", evaluation_datasets.c.name)

evaluation_dataset_experiments = Table(
    "evaluation_dataset_experiments",
    metadata,
    Column("dataset_id", TEXT, nullable=False),
    Column("experiment_id", BigInteger, nullable=False),
    PrimaryKeyConstraint("dataset_id", "experiment_id"),
    sqlite_with_rowid=False,
)
Index(
    "evaluation_dataset_experiments_by_experiment",
    evaluation_dataset_experiments.c.experiment_id,
    evaluation_dataset_experiments.c.dataset_id,
)

evaluation_dataset_tags = Table(
    "evaluation_dataset_tags",
    metadata,
    Column("dataset_id", TEXT, nullable=False),
    Column("key", TEXT, nullable=False),
    Column("value", TEXT, nullable=False),
    PrimaryKeyConstraint("dataset_id", "key"),
    sqlite_with_rowid=False,
)

evaluation_dataset_records = Table(
    "evaluation_dataset_records",
    metadata,
    Column("dataset_id", TEXT, nullable=False),
    Column("record_id", TEXT, nullable=False),
    Column("input_hash", TEXT, nullable=False),
    Column("inputs", TEXT, nullable=False),  # a JSON object
    Column("outputs", TEXT),  # JSON; NULL where there are none
    Column("expectations", TEXT),  # a JSON object
    Column("tags", TEXT, nullable=False),  # a JSON object
    Column("source", TEXT),  # a JSON object
    Column("source_id", TEXT),
    Column("source_type", TEXT),
    Column("created_time_ms", BigInteger, nullable=False),
    Column("last_update_time_ms", BigInteger, nullable=False),
    Column("created_by", TEXT),
    Column("last_updated_by", TEXT),
    PrimaryKeyConstraint("dataset_id", "record_id"),
)
Index(
    "evaluation_dataset_records_by_input",
    evaluation_dataset_records.c.dataset_id,
    evaluation_dataset_records.c.input_hash,
    unique=True,
)
Index(
    "evaluation_dataset_records_listed",
    evaluation_dataset_records.c.dataset_id,
    evaluation_dataset_records.c.created_time_ms,
    evaluation_dataset_records.c.record_id,
)
