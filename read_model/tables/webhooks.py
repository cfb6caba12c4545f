"""Webhooks, and the outbox: what there is to tell them, at the position of the event that said it.

What became of each delivery is no row of the read model, because no event says it.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, Table

from read_model.tables.columns import TEXT, metadata

webhooks = Table(
    "webhooks",
    metadata,
    Column("webhook_id", TEXT, primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("description", TEXT, nullable=False),
    Column("url", TEXT, nullable=False),
    Column("events", TEXT, nullable=False),  # a JSON list of names, in order
    Column("status", TEXT, nullable=False),
    Column("secret_id", TEXT, nullable=False),  # '' without a secret
    Column("since", TEXT, nullable=False),  # a JSON list: the first offset of each partition that it is told of
    # A JSON list of [from, to]: it is not told of what came between, while it was disabled. Both are lists of offsets
    # by partition; `to` is null as long as it is disabled.
    Column("pauses", TEXT, nullable=False),
    Column("creation_timestamp_ms", BigInteger, nullable=False),
    Column("last_updated_timestamp_ms", BigInteger, nullable=False),
)
Index("webhooks_listed", webhooks.c.creation_timestamp_ms.desc(), webhooks.c.webhook_id)

outbox = Table(
    "outbox",
    metadata,
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("event", TEXT, nullable=False),  # its name for webhooks, such as model_version.created
    Column("stream", TEXT, nullable=False),  # within which order is kept
    Column("time_us", BigInteger, nullable=False),
    Column("data", TEXT, nullable=False),  # a JSON object
    PrimaryKeyConstraint("partition", "offset"),
)
Index("outbox_by_stream", outbox.c.stream)
