"""Transactions on a database of our own in a file."""

from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, MetaData, Table, Text, insert, select

from tracklog.transactions import SqliteTransactions


def table_of(*columns: str) -> Table:
    return Table("t", MetaData(), Column("key", Text, primary_key=True), *(Column(one, BigInteger) for one in columns))


async def rows_after_adding(file: Path, *columns: str) -> list[tuple[Any, ...]]:
    """By one that knows these columns, in a file that may have been made by one that knew less."""
    table = table_of(*columns)
    transactions = SqliteTransactions("It", file, table.metadata, keeps_deleted=True)
    row = {"key": str(len(columns)), **dict.fromkeys(columns, 7)}

    def work(connection: Connection) -> list[tuple[Any, ...]]:
        connection.execute(insert(table), [row])
        return [tuple(one) for one in connection.execute(select(table).order_by(table.c.key))]

    try:
        return await transactions.run(work)
    finally:
        await transactions.close()


async def test_a_file_that_was_made_before_a_column_came_gets_it(tmp_path: Path) -> None:
    file = tmp_path / "file"
    assert await rows_after_adding(file) == [("0",)]
    assert await rows_after_adding(file, "since") == [("0", None), ("1", 7)]
    assert await rows_after_adding(file, "since", "order") == [("0", None, None), ("1", 7, None), ("2", 7, 7)]
