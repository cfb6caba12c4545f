"""The read model as somebody sees it who may not see everything, and the tests that searches make of it."""

from collections.abc import Sequence
from typing import Any, Final

from query_api.dialect import Dialect
from query_api.documents import KeyedDocument
from query_api.filter.sql import Sql
from query_api.filter.value_test import TRUE, is_one_of
from query_api.port import FirstRows, ReadModel, Row
from schemas.levels import Level
from schemas.sight import Scope, Sight

FALSE: Final = Sql("FALSE")


class SeenReadModel(ReadModel):
    """A read model, and the sight with which searches ask it. All rows are there: each search makes its own test."""

    def __init__(self, read_model: ReadModel, sight: Sight) -> None:
        self._read_model = read_model
        self.sight = sight

    @property
    def dialect(self) -> Dialect:
        return self._read_model.dialect

    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        return await self._read_model.fetch(sql, parameters)

    async def fetch_short(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row] | None:
        return await self._read_model.fetch_short(sql, parameters)

    async def fetch_first(self, sql: str, parameters: Sequence[Any] = ()) -> FirstRows:
        return await self._read_model.fetch_first(sql, parameters)

    async def lookup(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        return await self._read_model.lookup(sql, parameters)

    async def document(self, wanted: KeyedDocument, key: str | int) -> bytes | None:
        return await self._read_model.document(wanted, key)

    def report_damage(self, why: str) -> None:
        self._read_model.report_damage(why)

    async def close(self) -> None:
        await self._read_model.close()


def seen_by(read_model: ReadModel, sight: Sight | None) -> ReadModel:
    """The read model as `sight` shows it; None shows everything."""
    return read_model if sight is None else SeenReadModel(read_model, sight)


def sight_of(read_model: ReadModel) -> Sight | None:
    """What may be seen of a read model, None for everything."""
    return read_model.sight if isinstance(read_model, SeenReadModel) else None


def is_seen(dialect: Dialect, sight: Sight, resource_types: Sequence[str], scope: Scope, key: str, own: Sql) -> Sql:
    """Whether a row is seen, by the grants of some types on the text `key`, or because it is the user's own.

    `scope` is that of all such rows.
    """
    if scope is Scope.ALL:
        return TRUE
    if scope is Scope.NOTHING:
        return FALSE
    denied = _granted(dialect, sight, resource_types, key, f"level = {Level.DENY:d}", "NOT IN")
    if scope is Scope.ALL_BUT_DENIED:
        return denied
    granted = _granted(dialect, sight, resource_types, key, f"level >= {sight.level:d}", "IN")
    return Sql(
        f"({own.text} OR {granted.text}) AND {denied.text}",
        (*own.parameters, *granted.parameters, *denied.parameters),
    )


def _granted(
    dialect: Dialect, sight: Sight, resource_types: Sequence[str], key: str, level: str, comparison: str
) -> Sql:
    roles = is_one_of(dialect, "role_id", sight.roles)
    types = ", ".join("?" for _ in resource_types)
    return Sql(
        f"{key} {comparison} (SELECT resource_pattern FROM grants WHERE {roles.text} AND resource_type IN ({types})"
        f" AND {level})",
        (*roles.parameters, *resource_types),
    )
