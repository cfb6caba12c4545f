"""Tombstones: which streams were erased; and which were deleted, to be erased with their experiments."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table

from read_model.tables.columns import TEXT, metadata

erased = Table(
    "erased",
    metadata,
    Column("stream", TEXT, primary_key=True),
    Column("partition", Integer, nullable=False),
    # Of the erasure; NULL as long as only events that were forgotten tell of it.
    Column("offset", BigInteger),
    # Of the last event of the stream, whose payload has to go too: the erasure itself, or one that came after it.
    Column("last_offset", BigInteger, nullable=False),
)
Index("erased_by_last_offset", erased.c.partition, erased.c.last_offset)

deleted_streams = Table(
    "deleted_streams",
    metadata,
    Column("stream", TEXT, primary_key=True),
    Column("experiment_id", BigInteger, primary_key=True),
)
Index("deleted_streams_by_experiment", deleted_streams.c.experiment_id)
