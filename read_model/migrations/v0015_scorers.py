"""Makes the tables of scorers."""

import sqlalchemy as sa
from alembic import op

revision = "read_model_0015"
down_revision = "read_model_0014"

TEXT = sa.Text(collation="C")


def upgrade() -> None:
    op.create_table(
        "scorers",
        sa.Column("scorer_id", TEXT, nullable=False),
        sa.Column("reference", TEXT, nullable=False),
        sa.Column("experiment_id", sa.BigInteger(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("last_version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scorer_id"),
    )
    op.create_index("scorers_by_reference", "scorers", ["reference"], unique=True)
    op.create_index("scorers_by_experiment", "scorers", ["experiment_id", "name"], unique=False)
    op.create_table(
        "scorer_versions",
        sa.Column("scorer_id", TEXT, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("version_id", TEXT, nullable=False),
        sa.Column("serialized_scorer", TEXT, nullable=False),
        sa.Column("creation_time_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scorer_id", "version"),
    )
    op.create_index("scorer_versions_by_id", "scorer_versions", ["version_id"], unique=True)
    op.create_table(
        "online_scoring_configs",
        sa.Column("scorer_id", TEXT, nullable=False),
        sa.Column("online_scoring_config_id", TEXT, nullable=False),
        sa.Column("sample_rate", sa.Double(), nullable=False),
        sa.Column("filter_string", TEXT),
        sa.PrimaryKeyConstraint("scorer_id"),
    )
