"""SQLite's SQL."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import orjson
import sqlalchemy
from sqlalchemy.dialects import sqlite

from query_api.dialect import Dialect
from query_api.sqlite.documents import SqliteDocuments
from query_api.sqlite.text_match import TextMatch, ilike, like


class SqliteDialect(Dialect):
    """Lists are passed as JSON."""

    name = "sqlite"
    documents = SqliteDocuments()
    core: sqlalchemy.Dialect = sqlite.dialect()

    def text_match(self, pattern: str, *, ignore_case: bool) -> TextMatch:
        return ilike(pattern) if ignore_case else like(pattern)

    def statement(self, text: str) -> str:
        return _in_sqlite(text)

    def listed(self, values: Sequence[Any]) -> Any:
        return orjson.dumps(values).decode()


@cache
def _in_sqlite(text: str) -> str:
    return re.sub(r"\{in_(\d+)\}", r"IN (SELECT value FROM json_each($\1))", text).replace("$", "?")


SQLITE: Final = SqliteDialect()
