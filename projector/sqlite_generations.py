"""The generations of the SQLite read model: made, recognised, switched between and removed."""

import logging
import os
import re
import sqlite3
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.schema import CreateIndex, CreateTable

from schemas import belonging
from schemas.envelope import Positions
from schemas.read_model import LOG_ID, SCHEMA_VERSION, metadata
from schemas.read_model_link import current, link_of

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
    unborn = path.with_name(path.name + ".creating")
    remove(unborn)
    dialect = create_engine("sqlite://").dialect
    connection = sqlite3.connect(unborn)
    try:
        for table in metadata.sorted_tables:
            connection.execute(str(CreateTable(table).compile(dialect=dialect)))
            for index in sorted(table.indexes, key=lambda one: str(one.name)):
                connection.execute(str(CreateIndex(index).compile(dialect=dialect)))
        connection.executemany(
            "INSERT INTO facts VALUES (?, ?)", [("schema_version", str(SCHEMA_VERSION)), (LOG_ID, log_id)]
        )
        connection.commit()
    finally:
        connection.close()
    unborn.rename(path)


def has_this_schema(path: Path) -> bool:
    """Whether `path` is a read model this code can read and write."""
    if not path.exists():
        return False
    connection = sqlite3.connect(path)
    try:
        row = connection.execute("SELECT value FROM facts WHERE name = 'schema_version'").fetchone()
    except sqlite3.DatabaseError:
        return False
    finally:
        connection.close()
    return row is not None and row[0] == str(SCHEMA_VERSION)


def switch_to(log: Path, generation: Path) -> None:
    """Make `generation` the read model, for everyone and at once."""
    link = link_of(log)
    fresh = link.with_name(link.name + ".switching")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(generation.name)
    fresh.replace(link)
    folder = os.open(link.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def remove(path: Path) -> None:
    """Delete a read model that nobody needs, with what SQLite keeps beside it. Open readers keep reading it."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def origin(path: Path) -> tuple[str | None, Positions]:
    """The id of the log that a read model of this code's schema is folded from, and how far it is folded."""
    connection = sqlite3.connect(path)
    try:
        row = connection.execute("SELECT value FROM facts WHERE name = ?", (LOG_ID,)).fetchone()
        checkpoints = dict(connection.execute("SELECT partition, next_offset FROM checkpoints"))
    finally:
        connection.close()
    return row and row[0], checkpoints


def ensure(log: Path, log_id: str, end: Positions) -> Path:
    """The read model of the log, made new and empty when there is none that this code can read and that belongs to it.

    The log has the id `log_id` and reaches to `end`, and nobody folds it meanwhile.
    """
    generation = current(log)
    if generation is not None and has_this_schema(generation):
        fault = belonging.fault(*origin(generation), log_id, end)
        if fault is None:
            return generation
        logger.warning(
            "the read model %s does not belong to the log %s: %s; a new one is folded from the log",
            generation.name,
            log,
            fault,
        )
    fresh = next_generation(log)
    create(fresh, log_id)
    switch_to(log, fresh)
    if generation is not None:
        remove(generation)
    return fresh
