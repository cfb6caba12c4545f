"""Makes the tables of registered models and of their versions."""

import sqlalchemy as sa
from alembic import op

revision = "read_model_0006"
down_revision = "read_model_0005"

TEXT = sa.Text(collation="C")


def upgrade() -> None:
    op.create_table(
        "registered_models",
        sa.Column("registered_model_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("creation_timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_updated_timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("is_prompt", sa.SmallInteger(), nullable=False),
        sa.Column("last_version", sa.BigInteger(), nullable=False),
        sa.Column("name_since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("registered_model_id"),
    )
    op.create_index("registered_models_by_name", "registered_models", ["name"], unique=True)
    op.create_index("registered_models_listed", "registered_models", ["is_prompt", "name"], unique=False)
    op.create_index(
        "registered_models_by_update",
        "registered_models",
        ["is_prompt", "last_updated_timestamp_ms", "name"],
        unique=False,
    )
    op.create_table(
        "registered_model_names",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("former_name", TEXT, nullable=False),
        sa.Column("former_since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "since"),
    )
    op.create_table(
        "registered_model_tags",
        sa.Column("registered_model_id", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("registered_model_id", "key"),
    )
    op.create_table(
        "model_versions",
        sa.Column("version_id", TEXT, nullable=False),
        sa.Column("registered_model_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("reference", TEXT, nullable=False),
        sa.Column("is_prompt", sa.SmallInteger(), nullable=False),
        sa.Column("creation_timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_updated_timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("current_stage", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("storage_location", TEXT, nullable=False),
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("run_link", TEXT, nullable=False),
        sa.Column("logged_model_id", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("version_id"),
    )
    op.create_index("model_versions_by_reference", "model_versions", ["reference"], unique=True)
    op.create_index("model_versions_by_number", "model_versions", ["registered_model_id", "version"], unique=True)
    op.create_index(
        "model_versions_by_stage",
        "model_versions",
        ["registered_model_id", "current_stage", "version"],
        unique=False,
    )
    op.create_index("model_versions_by_name", "model_versions", ["name", "version"], unique=False)
    op.create_index(
        "model_versions_by_update",
        "model_versions",
        ["is_prompt", sa.literal_column("last_updated_timestamp_ms DESC"), "name", sa.literal_column("version DESC")],
        unique=False,
    )
    op.create_index("model_versions_by_run", "model_versions", ["run_id"], unique=False)
    op.create_table(
        "model_version_tags",
        sa.Column("version_id", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("version_id", "key"),
    )
    op.create_index(
        "model_version_tags_by_value",
        "model_version_tags",
        ["key", sa.literal_column("substr(value, 1, 64)"), "version_id"],
        unique=False,
    )
    op.create_table(
        "registered_model_aliases",
        sa.Column("registered_model_id", TEXT, nullable=False),
        sa.Column("alias", TEXT, nullable=False),
        sa.Column("version_id", TEXT, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("reference", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("registered_model_id", "alias"),
    )
    op.create_index("registered_model_aliases_by_reference", "registered_model_aliases", ["reference"], unique=True)
    op.create_index(
        "registered_model_aliases_by_version", "registered_model_aliases", ["version_id", "alias"], unique=False
    )
