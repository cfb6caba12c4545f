"""Makes the event log and the list of read models."""

import sqlalchemy as sa
from alembic import op

revision = "control_0001"
down_revision = None

TEXT = sa.Text(collation="C")


def upgrade() -> None:
    op.create_table(
        "log_end",
        sa.Column("partition", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
    )
    op.execute("INSERT INTO log_end VALUES (0, 0)")
    op.create_table(
        "streams",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("name", TEXT, nullable=False),
        sa.UniqueConstraint("name", name="streams_name_key"),
    )
    op.create_table(
        "actors",
        sa.Column("number", sa.Integer(), sa.Identity(always=True), primary_key=True),
        sa.Column("user", TEXT, nullable=False),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("user_agent", TEXT, nullable=False),
        sa.UniqueConstraint("user", "address", "user_agent", name="actors_user_address_user_agent_key"),
    )
    op.create_table(
        "event_types",
        sa.Column("number", sa.SmallInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint("type", "version", name="event_types_type_version_key"),
    )
    op.create_table(
        "events",
        sa.Column("offset", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("stream", sa.BigInteger(), nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Integer(), nullable=False),
        sa.Column("type", sa.SmallInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("request_id", TEXT, nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
    )
    op.create_index("events_by_stream", "events", ["stream"])
    # Large payloads come compressed; PostgreSQL would try it again in vain.
    op.execute("ALTER TABLE events ALTER COLUMN payload SET STORAGE EXTERNAL")
    op.create_table(
        "read_models",
        sa.Column("generation", sa.Integer(), sa.Identity(always=True), primary_key=True),
        sa.Column("schema_version", sa.Integer(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint("state IN ('building', 'live', 'retired')", name="read_models_state_check"),
    )
    op.create_index(
        "read_models_one_live",
        "read_models",
        ["schema_version"],
        unique=True,
        postgresql_where=sa.text("state = 'live'"),
    )


def downgrade() -> None:
    raise NotImplementedError("a log is never made smaller; restore a backup instead")
