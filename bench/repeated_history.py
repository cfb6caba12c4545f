"""A log in a file and its index, many times as long: what they have is repeated, of other runs, requests and times.

To append and to index a hundred million events one after another takes an hour and more. So a part that was is copied
within the databases, as events of other runs, made later by other requests. What an index has of a block depends on
that block alone, so the copies are what the worker would have made. Events copied so keep their ids, and have no
checksum.
"""

import sqlite3
from array import array
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from read_model.history.segment import BLOCK_EVENTS, TimesOfBlock, packed_times, request_hash, requests_by_bucket
from read_model.history.terms import stream_term

_EVENTS: Final = """
INSERT INTO log.events
SELECT "offset" + :shift, id, type, version, stream + :streams, time_us + :us, actor, 'request-' || ("offset" + :shift),
  payload, NULL
FROM log.events WHERE "offset" < :events
"""
_POSTINGS: Final = """
INSERT INTO postings
SELECT coalesce(copied.term, p.term), "partition", block + ?, event_count, first_position, last_position, is_inverted,
  positions
FROM original p LEFT JOIN copied ON copied.original = p.term ORDER BY 1, 2, 3
"""


def repeat(folder: Path, copies: int, renamed: Callable[[str, int], str], events: int = 0) -> None:
    """Add copies of what the log and the index in `folder` hold, which are whole blocks, until there are `copies`.

    `renamed` is the stream that one of them is in a copy, by the number of the copy. Where some copies are there
    already, `events` are those of the first.
    """
    with closing(sqlite3.connect(folder / "log.history", isolation_level=None)) as connection:
        run = connection.execute
        run("ATTACH ? AS log", (str(folder / "log"),))
        for database in ("main", "log"):
            run(f"PRAGMA {database}.synchronous = OFF")
            run(f"PRAGMA {database}.cache_size = -200000")
        run("DROP INDEX IF EXISTS log.events_by_stream")  # these pages ask for nothing by it
        [(there,)] = run('SELECT max("offset") + 1 FROM log.events')
        events = events or there
        if events % BLOCK_EVENTS or there % events:
            raise ValueError(f"{there} events are not some times {events}, and these whole blocks of {BLOCK_EVENTS}")
        [(first_us, last_us)] = run('SELECT min(time_us), max(time_us) FROM log.events WHERE "offset" < ?', (events,))
        us = last_us - first_us + 1
        blocks = events // BLOCK_EVENTS
        streams = run(
            'SELECT number, name FROM log.streams WHERE number IN (SELECT stream FROM log.events WHERE "offset" < ?)',
            (events,),
        ).fetchall()
        times = run("SELECT block, times FROM blocks WHERE block < ?", (blocks,)).fetchall()
        run("CREATE TEMP TABLE copied (original INTEGER PRIMARY KEY, term INTEGER NOT NULL)")
        run("CREATE TEMP TABLE original AS SELECT * FROM postings WHERE block < ?", (blocks,))
        for copy in range(there // events, copies + 1):
            run("BEGIN")
            add = connection.executemany
            last = streams[-1][0] * copy
            add("INSERT INTO log.streams VALUES (?, ?)", [(one + last, renamed(name, copy)) for one, name in streams])
            shifts = {"shift": events * copy, "streams": last, "us": us * copy, "events": events}
            run(_EVENTS, shifts)
            run("DELETE FROM copied")
            terms = [(stream_term(name), stream_term(renamed(name, copy))) for _, name in streams]
            add("INSERT INTO copied VALUES (?, ?)", terms)
            run(_POSTINGS, (blocks * copy,))
            add("INSERT INTO blocks VALUES (0, ?, ?, ?, ?)", _times(times, blocks * copy, us * copy))
            for block in range(blocks * copy, blocks * (copy + 1)):
                first = block * BLOCK_EVENTS
                hashes = array("I", [request_hash(f"request-{one}") for one in range(first, first + BLOCK_EVENTS)])
                add("INSERT INTO requests VALUES (?, 0, ?, ?)", [(b, block, p) for b, p in requests_by_bucket(hashes)])
            run("UPDATE checkpoints SET next_offset = ?", (events * (copy + 1),))
            run("COMMIT")


def _times(rows: list[tuple[int, bytes]], blocks: int, us: int) -> Iterator[tuple[int, int, int, bytes]]:
    for block, times in rows:
        yield block + blocks, *shifted_times(TimesOfBlock(times).all(), us)


def shifted_times(times: "array[int]", us: int) -> tuple[int, int, bytes]:
    """The first, the last, and all times of a block that is later by `us`, as they are stored."""
    shifted = array("q", [one + us for one in times])
    return min(shifted), max(shifted), packed_times(shifted)
