"""The tables of the delivery store: what webhooks are owed, what became of it, and who sends it.

Times are microseconds since the Unix epoch.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

metadata: Final = MetaData()

deliveries = Table(
    "deliveries",
    metadata,
    Column("delivery_id", Text, primary_key=True),
    Column("webhook_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),  # of the event that it tells of; -1 of a test
    Column("event", Text, nullable=False),
    Column("stream", Text, nullable=False),
    Column("lane", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("first_us", BigInteger),  # when it was first tried
    Column("due_us", BigInteger, nullable=False),  # when it is to be tried next
    Column("finished_us", BigInteger),  # when it was delivered or parked
    Column("attempts", Integer, nullable=False),
    Column("history", Text, nullable=False),  # a JSON list of the last attempts
)
Index(
    "deliveries_pending",
    deliveries.c.webhook_id,
    deliveries.c.partition,
    deliveries.c.offset,
    sqlite_where=text("state = 'pending'"),
    postgresql_where=text("state = 'pending'"),
)
Index("deliveries_listed", deliveries.c.webhook_id, deliveries.c.created_us, deliveries.c.delivery_id)
Index("deliveries_by_state", deliveries.c.webhook_id, deliveries.c.state, deliveries.c.created_us)
Index(
    "deliveries_tests",
    deliveries.c.webhook_id,
    sqlite_where=text("state = 'pending' AND kind = 'test'"),
    postgresql_where=text("state = 'pending' AND kind = 'test'"),
)
Index("deliveries_finished", deliveries.c.state, deliveries.c.finished_us)

cursors = Table(
    "cursors",
    metadata,
    Column("webhook_id", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    # Rows of the outbox before it have become deliveries, or were not for this webhook.
    Column("next_offset", BigInteger, nullable=False),
    # Of the newest delivery there is; -1 before the first.
    Column("last_offset", BigInteger, nullable=False),
    # The newest checkpoint of a read model that was looked at. One that is behind it is being folded anew.
    Column("seen", BigInteger, nullable=False),
    PrimaryKeyConstraint("webhook_id", "partition"),
)

states = Table(
    "states",
    metadata,
    Column("webhook_id", Text, primary_key=True),
    Column("set_aside_us", BigInteger),
    Column("reason", Text, nullable=False),
    Column("parked_in_row", Integer, nullable=False),
    Column("since", Text, nullable=False),  # a JSON list: from where on it was last said to be told of events
    Column("rewound", Integer, nullable=False),  # grows when deliveries that were finished are pending again
    Column("failing_since_us", BigInteger),  # the first failure since a success
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("until_us", BigInteger, nullable=False),
)

senders = Table(
    "senders",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("until_us", BigInteger, nullable=False),
)
