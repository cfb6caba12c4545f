"""How far the log is folded, what was refused or set aside of it, and what the read model is."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table

from read_model.tables.columns import TEXT, metadata

checkpoints = Table(
    "checkpoints",
    metadata,
    # The offset of the next event to fold. A worker that does not find the value it expects was fenced off.
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False),
    # The id of the event before it: a log that has another one there went another way since it was folded.
    Column("last_event_id", LargeBinary),
)

refusals = Table(
    "refusals",
    metadata,
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("error_code", TEXT, nullable=False),
    Column("message", TEXT, nullable=False),
    Column("stream", TEXT, nullable=False),
    PrimaryKeyConstraint("partition", "offset"),
)
Index("refusals_by_stream", refusals.c.stream)

set_aside = Table(
    "set_aside",
    metadata,
    # Events that could not be folded, and every later event of their streams, until they can be.
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("stream", TEXT, nullable=False),
    Column("event_id", TEXT, nullable=False),
    Column("event_type", TEXT, nullable=False),
    Column("reason", TEXT, nullable=False),
    PrimaryKeyConstraint("partition", "offset"),
)
Index("set_aside_by_stream", set_aside.c.stream)

imported_events = Table(
    "imported_events",
    metadata,
    # The ids, in hexadecimal, of the events that were brought in from elsewhere, each of which counts once however
    # often it is in the log; and what the fold refused them with.
    Column("event_id", TEXT, primary_key=True),
    Column("error_code", TEXT),
    Column("message", TEXT),
    Column("stream", TEXT, nullable=False),
)
Index("imported_events_by_stream", imported_events.c.stream)

facts = Table(
    "facts",
    metadata,
    # About the read model itself: 'schema_version' (in SQLite), and belonging.LOG_ID.
    Column("name", TEXT, primary_key=True),
    Column("value", TEXT, nullable=False),
)
