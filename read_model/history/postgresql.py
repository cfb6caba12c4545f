"""The history index in a schema of its own beside the read model in PostgreSQL, which can be dropped at any time."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from read_model.connections import ReadModelConnections
from read_model.history import statements
from read_model.history.open_blocks import KeptSegments
from read_model.history.port import (
    FORMAT_VERSION,
    Blocks,
    HistoryIndex,
    HistoryIndexWriter,
    IndexCommit,
    IndexDamaged,
    IndexedPartition,
    IndexFenced,
    IndexUnavailable,
    PostingsAsked,
    TermPosting,
)
from read_model.history.segment import OpenBlock, PostingList, TimesOfBlock, decode_segment, encode_segment
from schemas.envelope import Positions
from schemas.errors import TemporarilyUnavailable
from schemas.postgresql import FLUSH_CHANNEL, Connection
from schemas.postgresql_errors import CONNECT_ERRORS, DAMAGE_ERRORS, MISSING_ERRORS, PASSING_ERRORS, describe_error

SCHEMA: Final = "tracklog_history"

_TABLES: Final = f"""
CREATE SCHEMA {SCHEMA};
CREATE TABLE {SCHEMA}.origin (log_id text NOT NULL, format integer NOT NULL);
CREATE TABLE {SCHEMA}.checkpoints (
  "partition" integer PRIMARY KEY, next_offset bigint NOT NULL, last_event_id bytea NOT NULL
);
CREATE TABLE {SCHEMA}.owners (stream bigint PRIMARY KEY, owner bigint NOT NULL);
CREATE TABLE {SCHEMA}.segments (
  "partition" integer NOT NULL, first_offset bigint NOT NULL, content bytea NOT NULL,
  PRIMARY KEY ("partition", first_offset)
);
CREATE TABLE {SCHEMA}.blocks (
  "partition" integer NOT NULL, block bigint NOT NULL, first_us bigint NOT NULL, last_us bigint NOT NULL,
  times bytea NOT NULL, PRIMARY KEY ("partition", block)
);
CREATE TABLE {SCHEMA}.postings (
  term bigint NOT NULL, "partition" integer NOT NULL, block bigint NOT NULL, event_count integer NOT NULL,
  first_position integer NOT NULL, last_position integer NOT NULL, is_inverted boolean NOT NULL,
  positions bytea NOT NULL, PRIMARY KEY (term, "partition", block)
);
CREATE TABLE {SCHEMA}.requests (
  bucket integer NOT NULL, "partition" integer NOT NULL, block bigint NOT NULL, pairs bytea NOT NULL,
  PRIMARY KEY (bucket, "partition", block)
);
"""
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtext('tracklog_history'))"
"""Two projectors that start make the schema one after the other."""

_CONNECT_S: Final = 2.0
_COMMAND_S: Final = 30.0


def _sql(statement: str) -> str:
    return statement.replace("{prefix}", f"{SCHEMA}.")


def _of_each(statement: str, *names: str) -> str:
    """A statement of one question, for many: each of its first parameters is a list, with one for each question.

    Rows begin with the number of the question.
    """
    for number, name in enumerate(names, start=1):
        statement = statement.replace(f"${number}", f"asked.{name}")
    lists = ", ".join(f"${number}::bigint[]" for number in range(1, len(names) + 1))
    return _sql(
        f"SELECT asked.number, found.* FROM unnest({lists}) WITH ORDINALITY AS asked({', '.join(names)}, number)"
        f" CROSS JOIN LATERAL ({statement}) AS found"
    )


_SEGMENTS: Final = _sql(
    statements.SEGMENTS.replace("{of_which}", ", c.tableoid").replace(
        "{kept}", """unnest($1::integer[], $2::bigint[]) AS kept("partition", next_offset)"""
    )
)
_POSTINGS: Final = {
    newest: _of_each(statements.ordered(statements.POSTINGS, newest_first=newest), "term", "part", "block")
    + f" ORDER BY found.block {'DESC' if newest else 'ASC'}"
    for newest in (True, False)
}
_REQUESTS: Final = _of_each(
    statements.REQUESTS.replace("{place}", "position($5::bytea in pairs)"), "part", "first", "last"
)
_TIMES: Final = _of_each(statements.TIMES, "part", "block")


def _columns(rows: Iterable[tuple[int, ...]]) -> list[list[int]]:
    return [list(column) for column in zip(*rows, strict=True)]


class PostgresqlHistoryIndex(HistoryIndex):
    """Reads the index over connections to the read model."""

    def __init__(self, connections: ReadModelConnections) -> None:
        self._connections = connections
        self._kept: tuple[int | None, KeptSegments] = (None, KeptSegments())
        """With the table that has them: an index that is made anew has another."""
        self._flushing: asyncio.Task[None] | None = None

    async def checkpoints(self) -> Positions:
        return dict(await self._fetch(_sql(statements.CHECKPOINTS)))

    async def open_blocks(self) -> Mapping[int, OpenBlock]:
        table, kept = self._kept
        rows = await self._fetch(_SEGMENTS, list(kept.ends), list(kept.ends.values()))
        if kept.ends and (not rows or rows[0][-1] != table):
            kept = KeptSegments()
            rows = await self._fetch(_SEGMENTS, [], [])
        blocks, kept = kept.with_rows(row[:3] for row in rows)
        self._kept = (rows[0][-1] if rows else None), kept
        return blocks

    async def postings(
        self, asked: Sequence[PostingsAsked], *, newest_first: bool, limit: int
    ) -> Sequence[Sequence[TermPosting]]:
        each = [(number, term, one) for number, one in enumerate(asked) for term in one.terms]
        found: list[list[TermPosting]] = [[] for _ in asked]
        for nth, block, *posting in await self._fetch(
            _POSTINGS[newest_first],
            [term for _, term, _ in each],
            [one.partition for _, _, one in each],
            [one.block for _, _, one in each],
            limit,
        ):
            found[each[nth - 1][0]].append(TermPosting(block, PostingList(*posting)))
        return found

    async def requests(
        self, asked: Sequence[Blocks], bucket: int, mark: bytes
    ) -> Sequence[Sequence[tuple[int, bytes]]]:
        found: list[list[tuple[int, bytes]]] = [[] for _ in asked]
        for nth, block, pairs in await self._fetch(_REQUESTS, *_columns(asked), bucket, mark):
            found[nth - 1].append((block, pairs))
        return found

    async def blocks_between(self, since_us: int | None, until_us: int | None) -> Mapping[int, tuple[int, int]]:
        since = statements.EARLIEST_US if since_us is None else since_us
        until = statements.LATEST_US if until_us is None else until_us
        rows = await self._fetch(_sql(statements.BETWEEN), since, until)
        return {partition: (first, last) for partition, first, last in rows}

    async def times(self, asked: Sequence[tuple[int, int]]) -> Sequence[TimesOfBlock]:
        found = dict(await self._fetch(_TIMES, *_columns(asked)))
        if len(found) < len(asked):
            raise TemporarilyUnavailable("The history index is being made anew.")
        return [TimesOfBlock(found[nth]) for nth in range(1, len(asked) + 1)]

    async def close(self) -> None:
        if self._flushing is not None:
            self._flushing.cancel()
            await asyncio.wait([self._flushing])

    def request_flush(self) -> None:
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())

    async def _flush(self) -> None:
        await self._fetch(f"NOTIFY {FLUSH_CHANNEL}")

    async def _fetch(self, statement: str, *parameters: Any) -> list[Any]:
        async with self._connections.acquire() as connection:
            try:
                return [tuple(row) for row in await connection.fetch(statement, *parameters)]
            except MISSING_ERRORS as error:
                raise TemporarilyUnavailable("There is no history index yet; it is made from the log.") from error


class PostgresqlHistoryIndexWriter(HistoryIndexWriter):
    """Writes the index in the database `dsn`. Several may, each in partitions of its own."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    async def open(self, log_id: str) -> None:
        await self._let_go()
        async with self._answering():
            self._connection = connection = await asyncpg.connect(
                self._dsn,
                timeout=_CONNECT_S,
                command_timeout=_COMMAND_S,
                # What a crash of the server takes is indexed again: rows and checkpoints are lost together.
                server_settings={
                    "application_name": "tracklog history index",
                    "synchronous_commit": "off",
                    "jit": "off",
                },
            )
            async with connection.transaction():
                await connection.execute(_LOCK)
                if await connection.fetchval("SELECT to_regclass($1)", f"{SCHEMA}.origin") is None:
                    await connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
                    await connection.execute(_TABLES)
                    await connection.execute(f"INSERT INTO {SCHEMA}.origin VALUES ($1, $2)", log_id, FORMAT_VERSION)
            found = await connection.fetchrow(f"SELECT log_id, format FROM {SCHEMA}.origin")
            if found is None or tuple(found) != (log_id, FORMAT_VERSION):
                raise IndexDamaged(
                    f"the history index is of the log and format {found and tuple(found)}, and {FORMAT_VERSION} of the"
                    f" log {log_id} is used here"
                )

    async def partition(self, partition: int) -> IndexedPartition:
        async with self._answering() as connection, connection.transaction(isolation="repeatable_read"):
            found = await connection.fetchrow(_sql(statements.PARTITION), partition)
            if found is None:
                return IndexedPartition(0, b"", ())
            rows = await connection.fetch(_sql(statements.PARTITION_SEGMENTS), partition)
            return IndexedPartition(found[0], found[1], [decode_segment(row[0]) for row in rows])

    async def owners(self, streams: Collection[int]) -> Mapping[int, int]:
        async with self._answering() as connection:
            rows = await connection.fetch(_sql(statements.OWNERS), list(streams))
            return {row[0]: row[1] for row in rows}

    async def commit(self, commit: IndexCommit) -> None:
        async with self._answering() as connection, connection.transaction():
            await self._write(connection, commit)

    async def check(self) -> None:
        async with self._answering() as connection:
            await connection.fetchval(f"SELECT log_id FROM {SCHEMA}.origin")

    async def discard(self) -> None:
        async with self._answering() as connection, connection.transaction():
            await connection.execute(_LOCK)
            await connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")

    async def close(self) -> None:
        await self._let_go()

    @staticmethod
    async def _write(connection: Connection, commit: IndexCommit) -> None:
        number = commit.partition
        if commit.expected == 0:
            await connection.execute(_sql(statements.BEGIN), number, b"")
        moved = await connection.execute(
            _sql(statements.MOVE), commit.end, commit.last_event_id, number, commit.expected
        )
        if moved != "UPDATE 1":
            raise IndexFenced(f"the checkpoint of partition {number} of the history index is not {commit.expected}")
        for block in commit.blocks:
            await connection.execute(
                _sql(statements.ADD_BLOCK), number, block.number, block.first_us, block.last_us, block.times
            )
            await connection.copy_records_to_table(
                "postings", schema_name=SCHEMA, records=[_posting(number, block.number, one) for one in block.postings]
            )
            await connection.copy_records_to_table(
                "requests",
                schema_name=SCHEMA,
                records=[(bucket, number, block.number, pairs) for bucket, pairs in block.requests],
            )
        if commit.blocks:
            await connection.execute(_sql(statements.DROP_SEGMENTS), number, commit.open_block_begin)
        for segment in commit.segments:
            await connection.execute(
                _sql(statements.PUT_SEGMENT), number, segment.first_offset, encode_segment(segment)
            )
        if commit.owners:
            await connection.executemany(_sql(statements.ADD_OWNER), list(commit.owners.items()))

    @asynccontextmanager
    async def _answering(self) -> AsyncIterator[Connection]:
        try:
            if self._connection is not None and self._connection.is_closed():
                raise IndexUnavailable("The connection of the history index was lost.")
            yield self._connection  # type: ignore[misc]  # open makes it, and everything else comes after that
        except ValueError as error:
            raise IndexDamaged(str(error)) from error
        except (asyncpg.UniqueViolationError, *DAMAGE_ERRORS) as error:
            raise IndexDamaged(f"the history index is not what was written: {describe_error(error)}") from error
        except (*CONNECT_ERRORS, *PASSING_ERRORS, *MISSING_ERRORS) as error:
            raise IndexUnavailable(f"The history index cannot be written: {describe_error(error)}.") from error

    async def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


def _posting(partition: int, block: int, one: PostingList) -> tuple[Any, ...]:
    """A row of postings, in the order of its columns."""
    return (one.term, partition, block, *one[1:])
