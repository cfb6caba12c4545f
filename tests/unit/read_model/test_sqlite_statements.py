"""A statement written for PostgreSQL means the same in SQLite."""

import sqlite3

import orjson

from read_model.sqlite_statements import in_sqlite


def test_parameters_lists_and_json_are_rewritten() -> None:
    statement = in_sqlite(
        "SELECT json_agg(json_build_array(value, $2)) FROM (SELECT value FROM json_each($3)) AS given"
        " WHERE value = ANY($1)"
    )
    connection = sqlite3.connect(":memory:")
    [(found,)] = connection.execute(statement, ('["a","c"]', 7, '["a","b","c"]'))
    connection.close()
    assert orjson.loads(found) == [["a", 7], ["c", 7]]
