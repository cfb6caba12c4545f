"""Experiments and their tags."""

from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, Table

from read_model.tables.columns import TEXT, metadata

experiments = Table(
    "experiments",
    metadata,
    Column("experiment_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("name", TEXT, nullable=False, unique=True),
    Column("artifact_location", TEXT, nullable=False),
    # 'active' or 'deleted', set at `lifecycle_us`, which grows with each change.
    Column("lifecycle_stage", TEXT, nullable=False),
    Column("lifecycle_us", BigInteger, nullable=False),
    Column("creation_time_ms", BigInteger, nullable=False),
    Column("last_update_time_ms", BigInteger, nullable=False),
    # How many times it was deleted or restored.
    Column("lifecycle_revision", BigInteger, nullable=False),
    # Until a request to create it was acknowledged, by whom and how it was created: `schemas.claims.claim_of`.
    Column("claim", TEXT),
)

experiment_tags = Table(
    "experiment_tags",
    metadata,
    Column("experiment_id", BigInteger, nullable=False),
    Column("key", TEXT, nullable=False),
    Column("value", TEXT, nullable=False),
    PrimaryKeyConstraint("experiment_id", "key"),
    sqlite_with_rowid=False,
)
