"""Statements on the read model that are written once, for PostgreSQL, as SQLite reads them."""

import re
from functools import cache


@cache
def in_sqlite(statement: str) -> str:
    """The same statement for SQLite.

    Its parameters are `$1`, `$2`, ...; `= ANY($2)` finds what a list holds, which SQLite is given as a JSON text; and
    JSON is made by `json_agg` and `json_build_array` alone.
    """
    statement = re.sub(r"= ANY\(\$(\d+)\)", r"IN (SELECT value FROM json_each($\1))", statement)
    statement = statement.replace("json_agg", "json_group_array").replace("json_build_array", "json_array")
    return statement.replace("$", "?")
