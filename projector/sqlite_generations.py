"""The generations of the SQLite read model: made, recognised, switched between and removed."""

import logging
import re
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.schema import CreateIndex, CreateTable

from projector.sqlite_origin import origin
from read_model import belonging
from read_model.belonging import LOG_ID
from read_model.sqlite_link import current, link_of
from read_model.tables import SCHEMA_VERSION, metadata
from schemas.durable_rename import rename_durably
from schemas.envelope import Positions
from schemas.sqlite_errors import is_damage

logger = logging.getLogger(__name__)


def next_generation(log: Path) -> Path:
    """A name no generation had yet, nor one whose file was lost: what SQLite kept beside that may still lie there."""
    link = link_of(log)
    names = {file.name for file in link.parent.glob(f"{link.name}.*")}
    named = current(log)
    if named is not None:
        names.add(named.name)
    numbers = [int(found[1]) for name in names if (found := re.match(rf"{re.escape(link.name)}\.(\d+)", name))]
    return link.with_name(f"{link.name}.{max(numbers, default=0) + 1}")


def create(path: Path, log_id: str) -> None:
    """Make an empty read model of this code's schema, of the log `log_id`. It appears whole or not at all."""
    temporary = path.with_name(path.name + ".creating")
    remove(temporary)
    try:
        _create_tables(temporary, log_id)
        temporary.rename(path)
    except BaseException:
        remove(temporary)  # its name would count as a number that is taken
        raise


def create_in_memory() -> sqlite3.Connection:
    """A connection to an empty read model of this code's schema, of no log; closing it frees the memory."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.deserialize(_empty())  # a hundred times as fast as to make the tables
    return connection


@cache
def _empty() -> bytes:
    with closing(sqlite3.connect(":memory:")) as connection:
        _make_tables(connection)
        return connection.serialize()


def _make_tables(connection: sqlite3.Connection) -> None:
    dialect = create_engine("sqlite://").dialect
    for table in metadata.sorted_tables:
        connection.execute(str(CreateTable(table).compile(dialect=dialect)))
        for index in sorted(table.indexes, key=lambda one: str(one.name)):
            connection.execute(str(CreateIndex(index).compile(dialect=dialect)))


def _create_tables(path: Path, log_id: str) -> None:
    """In one transaction: a table in one of its own each is as many waits for the disk."""
    with closing(create_in_memory()) as made, closing(sqlite3.connect(path)) as file:
        made.executemany("INSERT INTO facts VALUES (?, ?)", [("schema_version", str(SCHEMA_VERSION)), (LOG_ID, log_id)])
        made.backup(file)


def has_this_schema(path: Path) -> bool:
    """Whether `path` is a read model this code can read and write."""
    return fault_of(path) is None


def fault_of(path: Path) -> str | None:
    """Why `path` is no read model that this code can go on with, None when it is one."""
    if not path.exists():
        return "it is not there"
    connection = sqlite3.connect(path)
    try:
        row = connection.execute("SELECT value FROM facts WHERE name = 'schema_version'").fetchone()
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
        return str(error)
    finally:
        connection.close()
    if row is None or row[0] != str(SCHEMA_VERSION):
        return f"it has version {row and row[0]} of the schema, and this code has {SCHEMA_VERSION}"
    missing = sorted(metadata.tables.keys() - tables)
    return f"it has no table {missing[0]}" if missing else None


def switch_to(log: Path, generation: Path) -> None:
    """Make `generation` the read model, for everyone and at once."""
    link = link_of(log)
    fresh = link.with_name(link.name + ".switching")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(generation.name)
    rename_durably(fresh, link)


def remove(path: Path) -> None:
    """Delete a read model that is not needed, with what SQLite keeps beside it. Open readers keep reading it."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def ensure(log: Path, log_id: str, end: Positions) -> Path:
    """The read model of the log, made new and empty when there is none that this code can read and that belongs to it.

    The log has the id `log_id` and reaches to `end`. No worker may fold it meanwhile.
    """
    generation = current(log)
    if generation is not None:
        fault = _fault_of(generation, log, log_id, end)
        if fault is None:
            return generation
        logger.warning("the read model %s %s; a new one is folded from the log", generation.name, fault)
    fresh = next_generation(log)
    replace(log, generation, fresh, log_id)
    return fresh


def _fault_of(generation: Path, log: Path, log_id: str, end: Positions) -> str | None:
    if (fault := fault_of(generation)) is not None:
        return f"cannot be used: {fault}"
    if (fault := belonging.fault(*origin(generation), log_id, end)) is not None:
        return f"does not belong to the log {log}: {fault}"
    return None


def replace(log: Path, generation: Path | None, fresh: Path, log_id: str) -> None:
    """Make an empty read model of the log `log_id`, `fresh`, and put it in the place of `generation`."""
    create(fresh, log_id)
    switch_to(log, fresh)
    if generation is not None:
        remove(generation)
