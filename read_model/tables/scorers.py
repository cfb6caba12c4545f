"""Scorers of experiments, their versions, and how they are to be scored online."""

from sqlalchemy import BigInteger, Column, Double, Index, PrimaryKeyConstraint, Table

from read_model.tables.columns import TEXT, metadata

scorers = Table(
    "scorers",
    metadata,
    Column("scorer_id", TEXT, primary_key=True),
    Column("reference", TEXT, nullable=False),  # '<experiment id>/<name in percent-encoding>'
    Column("experiment_id", BigInteger, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("last_version", BigInteger, nullable=False),  # the highest number that any version ever had
)
Index("scorers_by_reference", scorers.c.reference, unique=True)
Index("scorers_by_experiment", scorers.c.experiment_id, scorers.c.name)

scorer_versions = Table(
    "scorer_versions",
    metadata,
    Column("scorer_id", TEXT, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("version_id", TEXT, nullable=False),
    Column("serialized_scorer", TEXT, nullable=False),
    Column("creation_time_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("scorer_id", "version"),
)
Index("scorer_versions_by_id", scorer_versions.c.version_id, unique=True)

online_scoring_configs = Table(
    "online_scoring_configs",
    metadata,
    Column("scorer_id", TEXT, primary_key=True),
    Column("online_scoring_config_id", TEXT, nullable=False),
    Column("sample_rate", Double, nullable=False),  # from 0 to 1
    Column("filter_string", TEXT),
)
