"""PostgreSQL's SQL."""

import re
from collections.abc import Sequence
from functools import cache, cached_property
from typing import Any, Final

import sqlalchemy

from query_api.dialect import Dialect
from query_api.postgresql.documents import PostgresqlDocuments
from query_api.postgresql.text_match import TextMatch, ilike, like


class PostgresqlDialect(Dialect):
    """Lists are arrays."""

    name = "postgresql"
    documents = PostgresqlDocuments()

    @cached_property
    def core(self) -> sqlalchemy.Dialect:
        from sqlalchemy.dialects.postgresql import asyncpg  # 2 MB that SQLite has no use for

        return asyncpg.dialect()  # type: ignore[no-untyped-call]

    def text_match(self, pattern: str, *, ignore_case: bool) -> TextMatch:
        return ilike(pattern) if ignore_case else like(pattern)

    def statement(self, text: str) -> str:
        return _in_postgresql(text)

    def listed(self, values: Sequence[Any]) -> Any:
        return list(values)


@cache
def _in_postgresql(text: str) -> str:
    return re.sub(r"\{in_(\d+)\}", r"= ANY ($\1)", text)


POSTGRESQL: Final = PostgresqlDialect()
