"""The statements of SQLite are generated from the values and the shape of the table."""

import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from projector.changes import AppendBytes, Change, Delete, DeleteBy, Insert, InsertNew, Read, ReadPairs, Update, Upsert
from projector.sqlite_generations import create_in_memory
from projector.sqlite_tables import SqliteTables, TableShape, change_statement, select_statement, table_shape

SHAPE = TableShape({"a": "BIGINT", "b": "TEXT", "c": "BLOB", "d": "TEXT"}, ["a", "b"])


@pytest.mark.parametrize(
    ("change", "statement"),
    [
        (Insert("t", ()), 'INSERT INTO "t" VALUES (?, ?, ?, ?)'),
        (InsertNew("t", ()), 'INSERT INTO "t" VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING'),
        (
            Upsert("t", ()),
            'INSERT INTO "t" VALUES (?, ?, ?, ?) ON CONFLICT ("a", "b") DO UPDATE SET "c" = excluded."c",'
            ' "d" = excluded."d"',
        ),
        (
            Upsert("t", (), ("c", "d")),
            'INSERT INTO "t" VALUES (?, ?, ?, ?) ON CONFLICT ("a", "b") DO UPDATE SET "c" = excluded."c",'
            ' "d" = excluded."d" WHERE (excluded."c", excluded."d") < ("c", "d")',
        ),
        (Update("t", ("d", "c"), ()), 'UPDATE "t" SET "d" = ?, "c" = ? WHERE "a" = ? AND "b" = ?'),
        (AppendBytes("t", "c", ()), 'UPDATE "t" SET "c" = CAST("c" || ? AS BLOB) WHERE "a" = ? AND "b" = ?'),
        (Delete("t", ()), 'DELETE FROM "t" WHERE "a" = ? AND "b" = ?'),
        (DeleteBy("t", "d", ()), 'DELETE FROM "t" WHERE "d" = ?'),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_a_change_is_one_statement_for_each_row(change: Change, statement: str) -> None:
    assert change_statement(change, SHAPE) == statement


@pytest.mark.slow
def test_the_worker_and_the_writer_do_without_sqlalchemy() -> None:
    """It takes 17 MB, and the projector of an embedded server is a process of its own."""
    program = "import sys, projector.sqlite_writer, projector.worker; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_read_takes_all_keys_as_one_value() -> None:
    assert (
        select_statement(Read("t", ("a", "d"), "b", ()))
        == 'SELECT t."a", t."d" FROM "t" t WHERE t."b" IN (SELECT value FROM json_each(?))'
    )


def test_a_read_of_pairs_looks_the_pairs_up_in_the_table() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (a BIGINT, b TEXT, c BLOB, d TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID")
    sql = select_statement(ReadPairs("t", ("d",), ("a", "b"), {}))
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", ("{}",))]
    connection.close()
    assert plan[-1] == "SEARCH t USING PRIMARY KEY (a=? AND b=?)"


@pytest.mark.parametrize(
    ("table", "by"),
    [
        ("spans", ("trace_number", "span_id")),
        ("spans", ("trace_number", "parent_id")),
        ("evaluation_dataset_records", ("dataset_id", "record_id")),
        ("evaluation_dataset_records", ("dataset_id", "input_hash")),
        ("model_versions", ("registered_model_id", "version")),
        ("model_versions", ("registered_model_id", "current_stage")),
        ("grants", ("role_id", "resource_pattern")),
    ],
)
def test_a_read_of_pairs_looks_at_no_row_that_holds_the_first_value_alone(table: str, by: tuple[str, str]) -> None:
    statements: list[str] = []
    with closing(create_in_memory()) as connection:
        columns = tuple(table_shape(connection, table).columns)
        connection.set_trace_callback(statements.append)
        assert not SqliteTables(connection).read(ReadPairs(table, columns, by, {1: ["a"]}))
        connection.set_trace_callback(None)
        [sql] = [one for one in statements if "json_each" in one]
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]
    assert f"({by[0]}=? AND {by[1]}=?" in plan[-1], plan


def test_a_read_of_pairs_does_without_an_index() -> None:
    with closing(create_in_memory()) as connection:
        assert not SqliteTables(connection).read(ReadPairs("spans", ("name",), ("trace_number", "name"), {1: ["a"]}))


def test_the_shape_of_a_table_is_read_from_the_file() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (a BIGINT, b TEXT, c BLOB, d TEXT, PRIMARY KEY (b, a))")
    shape = table_shape(connection, "t")
    connection.close()
    assert shape == TableShape({"a": "BIGINT", "b": "TEXT", "c": "BLOB", "d": "TEXT"}, ["b", "a"])
