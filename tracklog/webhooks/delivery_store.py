"""The delivery store, over SQLite and PostgreSQL alike: cursors, deliveries, what webhooks are like, and leases.

Everything raises TemporarilyUnavailable when the database cannot be reached.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple, Self

import msgspec
from sqlalchemy import Connection, Row, and_, delete, func, insert, literal, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import Select

from tracklog.transactions import PostgresqlTransactions, SqliteTransactions, Transactions
from tracklog.webhooks.deliveries import (
    DELIVERED,
    EVENT,
    PARKED,
    PENDING,
    TEST,
    Attempt,
    Cursor,
    Delivery,
    Tally,
    WebhookState,
    lane_name,
    lane_of,
    since_json,
)
from tracklog.webhooks.tables import cursors, deliveries, leases, metadata, senders, states

POSTGRESQL_SCHEMA: Final = "tracklog_webhooks"

WHAT: Final = "The store of deliveries"

_HISTORY: Final = msgspec.json.Decoder(tuple[Attempt, ...])

_READ: Final = [deliveries.c[name] for name in Delivery.__struct_fields__]


class CursorMoved(Exception):
    """Another sender read the outbox for a webhook meanwhile. Nothing was stored."""


class Leases(NamedTuple):
    """What a sender holds, and what of it is more than its share."""

    held: set[str]
    surplus: set[str]


class DeliveryStore:
    """Kept by whoever sends, asked by whoever tells clients. Times are microseconds since the Unix epoch."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    # --- cursors and new deliveries -------------------------------------------------------------------------------

    async def cursors(self) -> dict[tuple[str, int], Cursor]:
        """By webhook and partition."""

        def work(connection: Connection) -> dict[tuple[str, int], Cursor]:
            return {(row[0], row[1]): Cursor(*row[2:]) for row in connection.execute(select(cursors))}

        return await self._transactions.run(work)

    async def begin(self, webhook_id: str, since: Sequence[int]) -> None:
        """Have a webhook told of what comes from `since` on, an offset for each partition, and of nothing before.

        Cursors that are there stay where they are: they may have been moved back meanwhile.
        """

        def work(connection: Connection) -> None:
            for partition, offset in enumerate(since):
                row = {"webhook_id": webhook_id, "partition": partition, "next_offset": offset}
                new = _insert(connection, cursors).values({**row, "last_offset": -1, "seen": 0})
                connection.execute(new.on_conflict_do_nothing())
            _set_state(connection, webhook_id, since=since_json(since))

        await self._transactions.run(work)

    async def seen(self, checkpoints: Mapping[int, int]) -> None:
        """Note that the webhooks were looked at in a read model of these checkpoints."""

        def work(connection: Connection) -> None:
            for partition, checkpoint in checkpoints.items():
                where = and_(cursors.c.partition == partition, cursors.c.seen < checkpoint)
                connection.execute(update(cursors).where(where).values(seen=checkpoint))

        await self._transactions.run(work)

    async def add(self, moves: Mapping[tuple[str, int], tuple[int, int]], new: Sequence[Delivery]) -> None:
        """Add deliveries and move cursors, by webhook and partition from one offset to another, all or nothing.

        A delivery that is there already is pending again. Where some are added before the newest that there is, senders
        look for pending deliveries from the beginning. Raises CursorMoved.
        """

        def work(connection: Connection) -> None:
            if new:
                statement = _insert(connection, deliveries)
                again = {
                    "state": PENDING,
                    "due_us": statement.excluded.due_us,
                    "created_us": statement.excluded.created_us,
                    "finished_us": None,
                }
                statement = statement.on_conflict_do_update(index_elements=["delivery_id"], set_=again)
                connection.execute(statement, [_row_of(one) for one in new])
            offsets: dict[tuple[str, int], list[int]] = {}
            for one in new:
                offsets.setdefault((one.webhook_id, one.partition), []).append(one.offset)
            for (webhook_id, partition), (here, there) in moves.items():
                added = offsets.get((webhook_id, partition), [])
                if added and min(added) <= _last_offset(connection, webhook_id, partition):
                    _rewind(connection, webhook_id)  # senders may be beyond it already
                last = max(added, default=-1)
                moved = connection.execute(
                    update(cursors)
                    .where(
                        cursors.c.webhook_id == webhook_id,
                        cursors.c.partition == partition,
                        cursors.c.next_offset == here,
                    )
                    .values(
                        next_offset=there,
                        last_offset=_greater(connection, cursors.c.last_offset, last),
                        seen=_greater(connection, cursors.c.seen, there),
                    )
                )
                if moved.rowcount != 1:
                    raise CursorMoved

        await self._transactions.run(work)

    async def go_back(self, ends: Mapping[int, int]) -> None:
        """Forget what lies behind the ends of a log, by partition, which has lost it."""

        def work(connection: Connection) -> None:
            for partition, end in ends.items():
                lost = (deliveries.c.partition == partition, deliveries.c.offset >= end, deliveries.c.kind == EVENT)
                connection.execute(delete(deliveries).where(*lost))
                values = {
                    "next_offset": _lesser(connection, cursors.c.next_offset, end),
                    "last_offset": _lesser(connection, cursors.c.last_offset, end - 1),
                    "seen": _lesser(connection, cursors.c.seen, end),
                }
                connection.execute(update(cursors).where(cursors.c.partition == partition).values(values))
            for webhook_id in connection.execute(select(cursors.c.webhook_id).distinct()).scalars().all():
                _rewind(connection, webhook_id)

        await self._transactions.run(work)

    async def forget(self, webhook_ids: Collection[str]) -> None:
        """Forget everything of webhooks that are deleted."""

        def work(connection: Connection) -> None:
            for table in (deliveries, cursors, states):
                connection.execute(delete(table).where(table.c.webhook_id.in_(list(webhook_ids))))

        await self._transactions.run(work)

    async def prune(self, finished_before_us: int, limit: int) -> int:
        """Delete deliveries, at most so many, that were delivered before a time, and tests that ended; how many."""
        ended = select(deliveries.c.delivery_id).where(deliveries.c.finished_us < finished_before_us)
        # One after the other, by the index: of both at once a database would look at every row.
        delivered = ended.where(deliveries.c.state == DELIVERED)
        tests = ended.where(deliveries.c.state == PARKED, deliveries.c.kind == TEST)

        def work(connection: Connection) -> int:
            number = 0
            for old in (delivered, tests):
                some = old.limit(limit - number)
                number += connection.execute(delete(deliveries).where(deliveries.c.delivery_id.in_(some))).rowcount
            return number

        return await self._transactions.run(work)

    # --- sending --------------------------------------------------------------------------------------------------

    async def pending(
        self, webhook_id: str, partition: int, after: int, lanes: Collection[int], limit: int
    ) -> list[Delivery]:
        """The first deliveries of events that wait in some lanes, behind the offset `after`, in order."""
        statement = (
            select(*_READ)
            .where(
                deliveries.c.webhook_id == webhook_id,
                deliveries.c.state == PENDING,
                deliveries.c.partition == partition,
                deliveries.c.offset > after,
                deliveries.c.kind == EVENT,
                deliveries.c.lane.in_(list(lanes)),
            )
            .order_by(deliveries.c.offset)
            .limit(limit)
        )
        return await self._select(statement)

    async def pending_of(
        self, webhook_id: str, partition: int, stream: str, after: int, until: int, limit: int
    ) -> list[Delivery]:
        """The first of those of one stream, behind the offset `after` and not behind `until`."""
        statement = (
            select(*_READ)
            .where(
                deliveries.c.webhook_id == webhook_id,
                deliveries.c.state == PENDING,
                deliveries.c.partition == partition,
                deliveries.c.offset > after,
                deliveries.c.offset <= until,
                deliveries.c.kind == EVENT,
                deliveries.c.stream == stream,
            )
            .order_by(deliveries.c.offset)
            .limit(limit)
        )
        return await self._select(statement)

    async def pending_tests(self, webhook_id: str) -> list[Delivery]:
        """Tests that wait to be sent."""
        return await self._select(
            select(*_READ).where(
                deliveries.c.webhook_id == webhook_id, deliveries.c.state == PENDING, deliveries.c.kind == TEST
            )
        )

    async def webhooks_with_tests(self) -> list[str]:
        """The webhooks of which tests wait."""
        statement = select(deliveries.c.webhook_id).where(deliveries.c.state == PENDING, deliveries.c.kind == TEST)

        def work(connection: Connection) -> list[str]:
            return list(connection.execute(statement.distinct()).scalars())

        return await self._transactions.run(work)

    async def count_pending(self, webhook_id: str, at_most: int) -> int:
        """How many deliveries wait; counting stops at `at_most`."""
        some = select(literal(1)).where(deliveries.c.webhook_id == webhook_id, deliveries.c.state == PENDING)
        statement = select(func.count()).select_from(some.limit(at_most).subquery())

        def work(connection: Connection) -> int:
            return int(connection.execute(statement).scalar_one())

        return await self._transactions.run(work)

    async def count(self, webhook_id: str) -> dict[str, int]:
        """How many deliveries are pending and how many parked."""
        statement = (
            select(deliveries.c.state, func.count())
            .where(deliveries.c.webhook_id == webhook_id, deliveries.c.state.in_([PENDING, PARKED]))
            .group_by(deliveries.c.state)
        )

        def work(connection: Connection) -> dict[str, int]:
            return {PENDING: 0, PARKED: 0, **{row[0]: int(row[1]) for row in connection.execute(statement)}}

        return await self._transactions.run(work)

    async def attempted(self, tried: Sequence[Delivery], owner: str) -> None:
        """Store what attempts came to: the state, the time of the next try, the history of each delivery.

        Of lanes that are not `owner`'s any more nothing is stored: somebody else sends them.
        """
        if not tried:
            return
        statement = text(
            "UPDATE deliveries SET state = :state, first_us = :first_us, due_us = :due_us, finished_us = :finished_us,"
            " attempts = :attempts, history = :history WHERE delivery_id = :delivery_id AND state = 'pending'"
            " AND EXISTS (SELECT 1 FROM leases WHERE name = :lane AND owner = :owner)"
        )
        rows = [
            {
                "delivery_id": one.delivery_id,
                "state": one.state,
                "first_us": one.first_us,
                "due_us": one.due_us,
                "finished_us": one.finished_us,
                "attempts": one.attempts,
                "history": msgspec.json.encode(one.history).decode(),
                "lane": lane_name(lane_of(one.stream)),
                "owner": owner,
            }
            for one in tried
        ]
        await self._transactions.run(lambda connection: connection.execute(statement, rows))

    # --- what webhooks are like -----------------------------------------------------------------------------------

    async def states(self) -> dict[str, WebhookState]:
        """Of the webhooks of which there is something to say."""

        def work(connection: Connection) -> dict[str, WebhookState]:
            return {row[0]: WebhookState(*row[1:]) for row in connection.execute(select(states))}

        return await self._transactions.run(work)

    async def state(self, webhook_id: str) -> WebhookState:
        def work(connection: Connection) -> WebhookState:
            row = connection.execute(select(states).where(states.c.webhook_id == webhook_id)).first()
            return WebhookState() if row is None else WebhookState(*row[1:])

        return await self._transactions.run(work)

    async def add_up(self, webhook_id: str, tally: Tally) -> WebhookState:
        """Add what attempts came to, of whichever sender; what the webhook is like then."""
        values: dict[str, Any] = {"parked_in_row": tally.parked, "failing_since_us": tally.failed_us}
        if not tally.is_delivered:
            values = {
                "parked_in_row": states.c.parked_in_row + tally.parked,
                "failing_since_us": func.coalesce(states.c.failing_since_us, tally.failed_us),
            }
        statement = update(states).where(states.c.webhook_id == webhook_id).values(values).returning(states)

        def work(connection: Connection) -> WebhookState:
            row = connection.execute(statement).first()
            return WebhookState() if row is None else WebhookState(*row[1:])

        return await self._transactions.run(work)

    async def set_aside(self, webhook_id: str, reason: str, now_us: int) -> None:
        """Send a webhook nothing from now on, until it is resumed."""
        await self._transactions.run(
            lambda connection: _set_state(connection, webhook_id, set_aside_us=now_us, reason=reason)
        )

    async def resume(self, webhook_id: str) -> None:
        """Send what waits again, at once, also to a webhook that is not set aside."""

        def work(connection: Connection) -> None:
            _set_state(connection, webhook_id, set_aside_us=None, reason="", parked_in_row=0, failing_since_us=None)
            connection.execute(
                update(deliveries)
                .where(deliveries.c.webhook_id == webhook_id, deliveries.c.state == PENDING)
                .values(due_us=0)
            )
            _rewind(connection, webhook_id)

        await self._transactions.run(work)

    # --- what clients ask for -------------------------------------------------------------------------------------

    async def redeliver(self, webhook_id: str, delivery_id: str, now_us: int) -> bool:
        """Have one delivery sent again; False when there is no such one."""

        def work(connection: Connection) -> bool:
            found = connection.execute(
                update(deliveries)
                .where(
                    deliveries.c.delivery_id == delivery_id,
                    deliveries.c.webhook_id == webhook_id,
                    deliveries.c.kind == EVENT,
                )
                .values(state=PENDING, due_us=0, created_us=now_us, finished_us=None)
            )
            if found.rowcount:
                _rewind(connection, webhook_id)
            return bool(found.rowcount)

        return await self._transactions.run(work)

    async def redeliver_since(self, webhook_id: str, since: Mapping[int, int]) -> None:
        """Have all sent again from an offset on in each partition that is named."""

        def work(connection: Connection) -> None:
            for partition, offset in since.items():
                connection.execute(
                    update(cursors)
                    .where(
                        cursors.c.webhook_id == webhook_id,
                        cursors.c.partition == partition,
                        cursors.c.next_offset > offset,
                    )
                    .values(next_offset=offset)
                )
            _rewind(connection, webhook_id)

        await self._transactions.run(work)

    async def add_test(self, test: Delivery) -> None:
        """Have a test sent, as soon as somebody sends."""
        await self._transactions.run(lambda connection: connection.execute(insert(deliveries), [_row_of(test)]))

    async def delivery(self, webhook_id: str, delivery_id: str) -> Delivery | None:
        found = await self._select(
            select(*_READ).where(deliveries.c.webhook_id == webhook_id, deliveries.c.delivery_id == delivery_id)
        )
        return found[0] if found else None

    async def listed(
        self, webhook_id: str, state: str | None, before: tuple[int, str] | None, limit: int
    ) -> list[Delivery]:
        """Deliveries of events, newest first, behind the one of a time of creation and id; of all states with None."""
        statement = select(*_READ).where(deliveries.c.webhook_id == webhook_id, deliveries.c.kind == EVENT)
        if state is not None:
            statement = statement.where(deliveries.c.state == state)
        if before is not None:
            created_us, delivery_id = before
            statement = statement.where(
                or_(
                    deliveries.c.created_us < created_us,
                    and_(deliveries.c.created_us == created_us, deliveries.c.delivery_id < delivery_id),
                )
            )
        newest = (deliveries.c.created_us.desc(), deliveries.c.delivery_id.desc())
        return await self._select(statement.order_by(*newest).limit(limit))

    # --- leases ---------------------------------------------------------------------------------------------------

    async def balance(self, owner: str, groups: Iterable[Sequence[str]], ttl_us: int, now_us: int) -> Leases:
        """Renew what `owner` holds, and take of each group what is free up to a fair share.

        What is held then, for `ttl_us`, and what of it is above the share: to be given back as soon as nothing of it is
        under way. Senders that were not heard of for as long have no share. The time is the database's own where it
        has one.
        """

        def work(connection: Connection) -> Leases:
            now = _now_us(connection, now_us)
            until = now + ttl_us
            sender = _insert(connection, senders).values(owner=owner, until_us=until)
            connection.execute(sender.on_conflict_do_update(index_elements=["owner"], set_={"until_us": until}))
            connection.execute(delete(senders).where(senders.c.until_us <= now))
            number = int(connection.execute(select(func.count()).select_from(senders)).scalar_one())
            rows = connection.execute(select(leases.c.name, leases.c.owner, leases.c.until_us)).all()
            taken = {name: (holder, end) for name, holder, end in rows}
            held: set[str] = set()
            surplus: set[str] = set()
            for group in groups:
                share = -(-len(group) // number)
                mine = [name for name in group if taken.get(name, ("", 0))[0] == owner]
                free = [name for name in group if name not in taken or (name not in mine and taken[name][1] <= now)]
                surplus.update(mine[share:])
                for name in mine:
                    kept = update(leases).where(leases.c.name == name, leases.c.owner == owner)
                    if connection.execute(kept.values(until_us=until)).rowcount:
                        held.add(name)
                for name in free[: max(0, share - len(mine))]:
                    statement = _insert(connection, leases).values(name=name, owner=owner, until_us=until)
                    statement = statement.on_conflict_do_update(
                        index_elements=["name"],
                        set_={"owner": owner, "until_us": until},
                        where=leases.c.until_us <= now,
                    )
                    if connection.execute(statement).rowcount:
                        held.add(name)
            return Leases(held, surplus & held)

        return await self._transactions.run(work)

    async def give_back(self, owner: str, names: Collection[str]) -> None:
        """Give some of what `owner` holds to whoever takes it."""
        statement = delete(leases).where(leases.c.owner == owner, leases.c.name.in_(list(names)))
        await self._transactions.run(lambda connection: connection.execute(statement))

    async def release(self, owner: str) -> None:
        """Give back everything that `owner` holds."""

        def work(connection: Connection) -> None:
            connection.execute(delete(leases).where(leases.c.owner == owner))
            connection.execute(delete(senders).where(senders.c.owner == owner))

        await self._transactions.run(work)

    async def close(self) -> None:
        """Let go of what the store holds. It must not be called afterwards."""
        await self._transactions.close()

    async def _select(self, statement: Select[Any]) -> list[Delivery]:
        def work(connection: Connection) -> list[Delivery]:
            return [_delivery(row) for row in connection.execute(statement)]

        return await self._transactions.run(work)


class SqliteDeliveryStore(DeliveryStore):
    """In a file, which is made where there is none, readable by its owner alone."""

    def __init__(self, path: Path) -> None:
        super().__init__(SqliteTransactions(WHAT, path, metadata, keeps_deleted=True))


class PostgresqlDeliveryStore(DeliveryStore):
    """In the schema `tracklog_webhooks` of the database of the read model."""

    schema: ClassVar[str] = POSTGRESQL_SCHEMA

    def __init__(self, dsn: str) -> None:
        super().__init__(PostgresqlTransactions(WHAT, dsn, self.schema))

    @classmethod
    async def open(cls, dsn: str) -> Self:
        """The store of a database, whose schema is made where there is none.

        Raises ForeignDatabase, and what asyncpg raises when the database cannot be reached or forbids it.
        """
        from schemas.migrations import migrate
        from tracklog.webhooks.migrations import HISTORY

        await migrate(dsn, schema=cls.schema, history=HISTORY)
        return cls(dsn)


def _insert(connection: Connection, table: Any) -> Any:
    """An INSERT that can say what to do on conflict, in the words of the database."""
    return (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(table)


def _greater(connection: Connection, column: Any, value: int) -> Any:
    return (func.greatest if connection.dialect.name == "postgresql" else func.max)(column, value)


def _lesser(connection: Connection, column: Any, value: int) -> Any:
    return (func.least if connection.dialect.name == "postgresql" else func.min)(column, value)


def _now_us(connection: Connection, now_us: int) -> int:
    """The time of the database, where it has a clock that all share."""
    if connection.dialect.name != "postgresql":
        return now_us
    return int(
        connection.execute(text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")).scalar_one()
    )


_FRESH: Final = {
    "set_aside_us": None,
    "reason": "",
    "parked_in_row": 0,
    "since": "",
    "rewound": 0,
    "failing_since_us": None,
}
"""The state of a webhook of which there was nothing to say."""


def _set_state(connection: Connection, webhook_id: str, **values: Any) -> None:
    statement = _insert(connection, states).values({"webhook_id": webhook_id, **_FRESH, **values})
    connection.execute(statement.on_conflict_do_update(index_elements=["webhook_id"], set_=values))


def _last_offset(connection: Connection, webhook_id: str, partition: int) -> int:
    """Of the newest delivery there is; -1 before the first."""
    where = and_(cursors.c.webhook_id == webhook_id, cursors.c.partition == partition)
    found = connection.execute(select(cursors.c.last_offset).where(where)).scalar_one_or_none()
    return -1 if found is None else int(found)


def _rewind(connection: Connection, webhook_id: str) -> None:
    """Have whoever sends look for pending deliveries from the beginning."""
    statement = _insert(connection, states).values({"webhook_id": webhook_id, **_FRESH, "rewound": 1})
    again = {"rewound": states.c.rewound + 1}
    connection.execute(statement.on_conflict_do_update(index_elements=["webhook_id"], set_=again))


def _row_of(one: Delivery) -> dict[str, Any]:
    row = msgspec.structs.asdict(one)
    row["history"] = msgspec.json.encode(one.history).decode()
    row["lane"] = lane_of(one.stream)
    return row


def _delivery(row: Row[Any]) -> Delivery:
    columns = tuple(row)
    return Delivery(*(*columns[:-1], _HISTORY.decode(columns[-1])))
