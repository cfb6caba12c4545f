"""Keeps who owns experiments and registered models, and finds experiments by where their artifacts lie.

The tables are empty: no read model of a released schema version is brought to this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "read_model_0013"
down_revision = "read_model_0012"

TEXT = sa.Text(collation="C")


def upgrade() -> None:
    op.create_index(
        "experiments_by_location",
        "experiments",
        [sa.literal_column("substr(artifact_location, 1, 128)"), "experiment_id"],
        unique=False,
    )
    op.create_table(
        "experiment_owners",
        sa.Column("experiment_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("experiment_id"),
    )
    op.create_index("experiment_owners_by_user", "experiment_owners", ["user_id", "experiment_id"], unique=False)
    op.create_table(
        "registered_model_owners",
        sa.Column("registered_model_id", TEXT, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("registered_model_id"),
    )
    op.create_index(
        "registered_model_owners_by_user", "registered_model_owners", ["user_id", "registered_model_id"], unique=False
    )
