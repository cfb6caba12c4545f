"""Two read models in SQLite, table by table: what one has and the other has not."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Table

from schemas.read_model import metadata

_SHOWN: Final = 5
_NOT_COMPARED: Final = {"facts", "checkpoints"}


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows of one table that only one of two read models has; at most a few of them."""

    table: str
    side: str  # 'live' or 'rebuilt'
    rows: list[tuple[Any, ...]]


def differences(connection: sqlite3.Connection, live: str, rebuilt: str) -> list[Difference]:
    """Compare two schemas attached to `connection`. Run numbers are compared as the run ids they stand for."""
    found: list[Difference] = []
    for table in metadata.sorted_tables:
        if table.name in _NOT_COMPARED:
            continue
        for side, one, other in (("live", live, rebuilt), ("rebuilt", rebuilt, live)):
            rows = connection.execute(
                f"{_rows_of(table, one)} EXCEPT {_rows_of(table, other)} LIMIT {_SHOWN}"
            ).fetchall()
            if rows:
                found.append(Difference(table.name, side, rows))
    return found


def compare_files(live: Path, rebuilt: Path) -> list[Difference]:
    """The differences between two read-model files at rest."""
    connection = sqlite3.connect(f"file:{live}?mode=ro", uri=True)
    try:
        connection.execute("ATTACH ? AS rebuilt", (str(rebuilt),))
        return differences(connection, "main", "rebuilt")
    finally:
        connection.close()


def _rows_of(table: Table, schema: str) -> str:
    columns = [column.name for column in table.columns if column.name != "run_number"]
    selected = ", ".join(f't."{name}"' for name in columns)
    if "run_number" not in table.columns or table.name == "runs":
        return f"SELECT {selected} FROM {schema}.{table.name} t"
    return f"SELECT r.run_id, {selected} FROM {schema}.{table.name} t JOIN {schema}.runs r USING (run_number)"
