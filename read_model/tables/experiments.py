"""Experiments and their tags."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, Table, text

from read_model.tables.columns import TEXT, metadata

LOCATION_CHARACTERS: Final = 128
FIRST_CHARACTERS: Final = f"substr(artifact_location, 1, {LOCATION_CHARACTERS})"
"""Of a location, as it is indexed: PostgreSQL refuses index rows over 2.7 kB."""

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

Index("experiments_by_location", text(FIRST_CHARACTERS), experiments.c.experiment_id)

experiment_owners = Table(  # of those that somebody has for having created them
    "experiment_owners",
    metadata,
    Column("experiment_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("user_id", BigInteger, nullable=False),
)
Index("experiment_owners_by_user", experiment_owners.c.user_id, experiment_owners.c.experiment_id)

experiment_tags = Table(
    "experiment_tags",
    metadata,
    Column("experiment_id", BigInteger, nullable=False),
    Column("key", TEXT, nullable=False),
    Column("value", TEXT, nullable=False),
    PrimaryKeyConstraint("experiment_id", "key"),
    sqlite_with_rowid=False,
)
