"""Values that the log's rows name by a number: streams, actors, types of events."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Final, Generic, TypeVar

from event_log.postgresql.connection import Connection
from schemas.envelope import Actor

V = TypeVar("V")

_KEPT: Final = 20_000
"""Some 10 MB when all are as long as they may be."""


class InternedValues(Generic[V]):
    """The numbers of one table's rows, and what they stand for, as far as this process has met them.

    `columns` are the fields of a value, in order, with their types in PostgreSQL; `make` turns them into a value, and
    `fields` a value into them. What one connection learned must be forgotten with it: a server that
    crashed may have lost the newest numbers, and give them to others.
    """

    def __init__(
        self,
        table: str,
        columns: dict[str, str],
        make: Callable[..., V],
        fields: Callable[[V], tuple[Any, ...]],
    ) -> None:
        names = ", ".join(f'"{column}"' for column in columns)
        arrays = ", ".join(f"${number}::{of}[]" for number, of in enumerate(columns.values(), 1))
        same = " AND ".join(f'kept."{column}" = given."{column}"' for column in columns)
        given = f"unnest({arrays}) AS given ({names})"
        kept = f"tracklog.{table} AS kept"
        shown = ", ".join(["number", *(f'kept."{column}"' for column in columns)])
        self._select_values = f"SELECT {shown} FROM {kept} WHERE number = ANY($1)"
        self._select_numbers = f"SELECT {shown} FROM {given} JOIN {kept} ON {same}"
        # Inserted in one order everywhere, so that no two processes ever wait for one another. It need not be flushed:
        # the append that uses a number is, and all that was written before goes with it.
        self._insert = (
            f"WITH added AS (INSERT INTO tracklog.{table} ({names})"
            f" SELECT {names} FROM {given} WHERE NOT EXISTS (SELECT FROM {kept} WHERE {same}) ORDER BY {names}"
            f" ON CONFLICT DO NOTHING RETURNING number, {names})"
            f" SELECT number, {names}, set_config('synchronous_commit', 'off', true) FROM added"
            f" UNION ALL SELECT {shown}, '' FROM {given} JOIN {kept} ON {same}"
        )
        self._make = make
        self._fields = fields
        self._numbers: dict[V, int] = {}
        self._values: dict[int, V] = {}

    def forget(self) -> None:
        """Forget everything."""
        self._numbers.clear()
        self._values.clear()

    async def numbers(self, connection: Connection, values: Collection[V]) -> dict[V, int]:
        """The numbers of all known values, among them those of `values`; values that have none are given one."""
        if any(value not in self._numbers for value in values):
            self._make_room(len(values))
            columns = self._columns({value for value in values if value not in self._numbers})
            self._learn(row[:-1] for row in map(tuple, await connection.fetch(self._insert, *columns)))
            if missing := {value for value in values if value not in self._numbers}:
                # Another process inserted them in that moment; only a new statement sees it.
                self._learn(map(tuple, await connection.fetch(self._select_numbers, *self._columns(missing))))
        return self._numbers

    async def values(self, connection: Connection, numbers: Collection[int]) -> dict[int, V]:
        """All known values by their numbers, among them those of `numbers`."""
        if any(number not in self._values for number in numbers):
            self._make_room(len(numbers))
            missing = list({number for number in numbers if number not in self._values})
            self._learn(map(tuple, await connection.fetch(self._select_values, missing)))
        return self._values

    async def known(self, connection: Connection, value: V) -> int | None:
        """The number of `value`, None when it has none."""
        if value not in self._numbers:
            self._make_room(1)
            self._learn(map(tuple, await connection.fetch(self._select_numbers, *self._columns({value}))))
        return self._numbers.get(value)

    def _columns(self, values: set[V]) -> list[list[Any]]:
        return [list(column) for column in zip(*map(self._fields, values), strict=True)]

    def _make_room(self, more: int) -> None:
        if len(self._values) + more > _KEPT:
            self.forget()

    def _learn(self, rows: Iterable[Sequence[Any]]) -> None:
        for number, *fields in rows:
            value = self._make(*fields)
            self._numbers[value] = number
            self._values[number] = value


class InternedOfLog:
    """The rows, known on one connection, of the tables that events refer to."""

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self.streams: InternedValues[str] = InternedValues("streams", {"name": "text"}, str, lambda name: (name,))
        self.actors: InternedValues[Actor] = InternedValues(
            "actors",
            {"user": "text", "address": "text", "user_agent": "text"},
            Actor,
            lambda actor: (actor.user, actor.address, actor.user_agent),
        )
        self.types: InternedValues[tuple[str, int]] = InternedValues(
            "event_types", {"type": "text", "version": "int"}, lambda *fields: fields, lambda fields: fields
        )

    def belong_to(self, connection: Connection) -> None:
        """Forget what another connection knew."""
        self.connection = connection
        for values in (self.streams, self.actors, self.types):
            values.forget()
