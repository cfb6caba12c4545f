"""The tables of what cannot be made again, in the schema CONTROL_SCHEMA of a PostgreSQL database.

They are the event log, where PostgreSQL keeps it, and the list of read models. Their names are unqualified, like those
of the read model: `schemas.migrations` makes both in the schema it is given.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)

metadata = MetaData()

_TEXT: Final = Text(collation="C")
"""Text ordered and compared by its bytes, whatever the locale of the database."""

log_end = Table(
    "log_end",
    metadata,
    # One row. An append locks it by updating it, until the commit: so offsets have no gaps and become visible in
    # their order.
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False),
)

log_identity = Table(
    "log_identity",
    metadata,
    # One row, which a dump contains: a restored log has the id of the log that was dumped.
    Column("id", Uuid, primary_key=True),
    Column("created_us", BigInteger, nullable=False),
)

streams = Table(
    "streams",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("name", _TEXT, nullable=False),
    UniqueConstraint("name", name="streams_name_key"),
)

actors = Table(
    "actors",
    metadata,
    Column("number", Integer, Identity(always=True), primary_key=True),
    Column("user", _TEXT, nullable=False),
    Column("address", _TEXT, nullable=False),
    Column("user_agent", _TEXT, nullable=False),
    UniqueConstraint("user", "address", "user_agent", name="actors_user_address_user_agent_key"),
)

event_types = Table(
    "event_types",
    metadata,
    # A type at one version: 2 bytes an event instead of some 20.
    Column("number", SmallInteger, Identity(always=True), primary_key=True),
    Column("type", _TEXT, nullable=False),
    Column("version", Integer, nullable=False),
    UniqueConstraint("type", "version", name="event_types_type_version_key"),
)

events = Table(
    "events",
    metadata,
    # The columns are ordered so that PostgreSQL needs no bytes between them to align them.
    Column("offset", BigInteger, primary_key=True, autoincrement=False),
    Column("stream", BigInteger, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("actor", Integer, nullable=False),
    Column("type", SmallInteger, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("request_id", _TEXT, nullable=False),
    # JSON, or a zstd frame of it: no JSON object begins as a frame does.
    Column("payload", LargeBinary, nullable=False),
    # Of the row, as event_log.checksum computes it; NULL for an event from before there were checksums.
    Column("checksum", BigInteger),
)
# Of the stream alone: PostgreSQL then keeps a stream once with a list of its rows, some 6 bytes an event, not 28.
Index("events_by_stream", events.c.stream)

carried_out = Table(
    "carried_out",
    metadata,
    # Up to which offset the erasures of a log are carried out. The log need not be in this database.
    Column("log_id", Uuid, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("next_offset", BigInteger, nullable=False),
    PrimaryKeyConstraint("log_id", "partition"),
)

log_births = Table(
    "log_births",
    metadata,
    # How a log in Kafka was born that has no event yet which says so.
    Column("log_id", Uuid, primary_key=True),
    Column("seals", Boolean, nullable=False),
)

read_models = Table(
    "read_models",
    metadata,
    Column("generation", Integer, Identity(always=True), primary_key=True),
    Column("schema_version", Integer, nullable=False),
    Column("state", _TEXT, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    # Of the log it is folded from, which need not be in this database; the nil UUID where it is not recorded yet.
    Column("log_id", Uuid, nullable=False, server_default=text("'00000000-0000-0000-0000-000000000000'")),
    CheckConstraint("state IN ('building', 'live', 'retired')", name="read_models_state_check"),
)
Index(
    "read_models_one_live",
    read_models.c.schema_version,
    read_models.c.log_id,
    unique=True,
    postgresql_where=text("state = 'live'"),
)
