"""A large store is read in a process of its own, beside the one that translates, compresses and writes.

Python runs one thread at a time, and SQLite's driver hands that turn over with every row: in threads of one process
each side would wait for the other.
"""

import multiprocessing
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Final

from tracklog.memory.collector import collect_seldom
from tracklog.moving.database_store import ServedStore, SqliteStore
from tracklog.moving.records import PointsRecord, Record, Records
from tracklog.moving.stores import Consume, NoStore, Store

LARGE_BYTES: Final = 64 * 1024 * 1024
"""Of a file of SQLite: a second of reading, about what it takes to start a process."""

_TOGETHER: Final = 200
"""So many records are sent at once, or fewer when one of points is among them."""


class ReadApart(Store):
    """Another store, whose records come from a process that waits when nobody takes them."""

    def __init__(self, store: Store) -> None:
        """`store` can be sent to another process."""
        self._store = store

    def __str__(self) -> str:
        return str(self._store)

    def read(self, consume: Consume) -> None:
        apart = multiprocessing.get_context("spawn")
        here, there = apart.Pipe(duplex=False)
        process = apart.Process(target=send_records, args=(self._store, there), daemon=True)
        process.start()
        there.close()
        try:
            consume(_received(here))
        finally:
            here.close()  # whoever still sends gives up
            process.join()


def apart_if_large(store: Store) -> Store:
    """The store, read in a process of its own where that is worth its start."""
    if isinstance(store, ServedStore) or (isinstance(store, SqliteStore) and store.is_larger_than(LARGE_BYTES)):
        return ReadApart(store)
    return store


def send_records(store: Store, to: Connection) -> None:
    """All records of a store, lists of them, then None; or the NoStore that ended it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that takes them is told too, and this one ends with it
    collect_seldom()
    try:
        store.read(lambda records: _send(records, to))
        to.send(None)
    except NoStore as error:
        to.send(error)
    except BrokenPipeError:
        pass  # nobody takes them any more


def _send(records: Records, to: Connection) -> None:
    some: list[Record] = []
    for record in records:
        some.append(record)
        if len(some) == _TOGETHER or isinstance(record, PointsRecord):
            to.send(some)
            some = []
    to.send(some)


def _received(here: Connection) -> Iterator[Record]:
    while True:
        try:
            some: list[Record] | NoStore | None = here.recv()
        except EOFError as error:
            raise NoStore("The process that read it ended before it had read all.") from error
        if some is None:
            return
        if isinstance(some, NoStore):
            raise some
        yield from some
