"""The statements of the history index that both databases carry out: `{prefix}` comes before the name of each table."""

from typing import Final

CHECKPOINTS: Final = 'SELECT "partition", next_offset FROM {prefix}checkpoints'

SEGMENTS: Final = """
SELECT c."partition", c.next_offset, s.content{of_which} FROM {prefix}checkpoints c LEFT JOIN {kept}
  ON kept."partition" = c."partition" LEFT JOIN {prefix}segments s
  ON s."partition" = c."partition" AND s.first_offset >= coalesce(kept.next_offset, 0)
ORDER BY c."partition", s.first_offset
"""

PARTITION: Final = 'SELECT next_offset, last_event_id FROM {prefix}checkpoints WHERE "partition" = $1'
PARTITION_SEGMENTS: Final = 'SELECT content FROM {prefix}segments WHERE "partition" = $1 ORDER BY first_offset'

POSTINGS: Final = """
SELECT block, term, event_count, first_position, last_position, is_inverted, positions FROM {prefix}postings
WHERE term = $1 AND "partition" = $2 AND block {reach} $3 ORDER BY block {order} LIMIT $4
"""
REQUESTS: Final = """
SELECT block, pairs FROM {prefix}requests
WHERE "partition" = $1 AND block BETWEEN $2 AND $3 AND bucket = $4 AND {place} > 0
"""
BETWEEN: Final = """
SELECT "partition", min(block), max(block) FROM {prefix}blocks WHERE last_us >= $1 AND first_us < $2
GROUP BY "partition"
"""
TIMES: Final = 'SELECT times FROM {prefix}blocks WHERE "partition" = $1 AND block = $2'

OWNERS: Final = "SELECT stream, owner FROM {prefix}owners WHERE stream = ANY($1)"

BEGIN: Final = """
INSERT INTO {prefix}checkpoints ("partition", next_offset, last_event_id) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING
"""
MOVE: Final = """
UPDATE {prefix}checkpoints SET next_offset = $1, last_event_id = $2 WHERE "partition" = $3 AND next_offset = $4
"""
PUT_SEGMENT: Final = """
INSERT INTO {prefix}segments ("partition", first_offset, content) VALUES ($1, $2, $3)
ON CONFLICT ("partition", first_offset) DO UPDATE SET content = excluded.content
"""
DROP_SEGMENTS: Final = 'DELETE FROM {prefix}segments WHERE "partition" = $1 AND first_offset < $2'
ADD_BLOCK: Final = """
INSERT INTO {prefix}blocks ("partition", block, first_us, last_us, times) VALUES ($1, $2, $3, $4, $5)
"""
ADD_POSTING: Final = """
INSERT INTO {prefix}postings
  ("partition", block, term, event_count, first_position, last_position, is_inverted, positions)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
ADD_REQUESTS: Final = 'INSERT INTO {prefix}requests ("partition", block, bucket, pairs) VALUES ($1, $2, $3, $4)'
ADD_OWNER: Final = """
INSERT INTO {prefix}owners (stream, owner) VALUES ($1, $2) ON CONFLICT DO NOTHING
"""

EARLIEST_US: Final = -(2**63)
LATEST_US: Final = 2**63 - 1


def ordered(statement: str, *, newest_first: bool) -> str:
    """A statement with the blocks before or after one, the nearest first."""
    reach, order = ("<=", "DESC") if newest_first else (">=", "ASC")
    return statement.replace("{reach}", reach).replace("{order}", order)
