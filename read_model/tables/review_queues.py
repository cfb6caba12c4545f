"""Review queues, who is to review, and what."""

from sqlalchemy import BigInteger, Column, Index, PrimaryKeyConstraint, Table

from read_model.tables.columns import TEXT, metadata

review_queues = Table(
    "review_queues",
    metadata,
    Column("queue_id", TEXT, primary_key=True),
    Column("experiment_id", BigInteger, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("reference", TEXT, nullable=False),  # '<experiment id>/<name in small letters>'; no two have one
    Column("queue_type", TEXT, nullable=False),
    Column("users", TEXT, nullable=False),  # a JSON list
    Column("schema_ids", TEXT, nullable=False),  # the same
    Column("created_by", TEXT),
    Column("item_count", BigInteger, nullable=False),
    Column("creation_time_ms", BigInteger, nullable=False),
    Column("last_update_time_ms", BigInteger, nullable=False),
)
Index("review_queues_by_reference", review_queues.c.reference)
Index(
    "review_queues_listed",
    review_queues.c.experiment_id,
    review_queues.c.creation_time_ms.desc(),
    review_queues.c.queue_id,
)

review_queue_users = Table(
    "review_queue_users",
    metadata,
    Column("queue_id", TEXT, nullable=False),
    Column("user_id", TEXT, nullable=False),
    PrimaryKeyConstraint("queue_id", "user_id"),
    sqlite_with_rowid=False,
)

review_queue_items = Table(
    "review_queue_items",
    metadata,
    Column("queue_id", TEXT, nullable=False),
    Column("item_id", TEXT, nullable=False),
    Column("status", TEXT, nullable=False),
    Column("completed_by", TEXT),
    Column("completed_time_ms", BigInteger),
    Column("creation_time_ms", BigInteger, nullable=False),
    Column("last_update_time_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("queue_id", "item_id"),
)
Index(
    "review_queue_items_listed",
    review_queue_items.c.queue_id,
    review_queue_items.c.creation_time_ms.desc(),
    review_queue_items.c.item_id,
)
