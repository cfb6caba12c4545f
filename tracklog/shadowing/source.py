"""A live database of MLflow, asked again and again for what is new in it.

MLflow writes down no time of change. What is found by what:

- a new point, param, tag or input by its place, a number that grows as rows come;
- whatever is in a row of `runs` by reading all of them, a check of each being remembered;
- whatever else, as a tag that was set again, by looking at each run from time to time;
- models and the registry by reading them whole when they may have changed.

Each question is a transaction of its own, of milliseconds: who writes there waits for no more than that.
"""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar
from zlib import crc32

from sqlalchemy import Engine, and_, create_engine, func, literal_column, null, select
from sqlalchemy.pool import NullPool

from tracklog.moving.cells import Cells
from tracklog.moving.database import DatabaseReader
from tracklog.moving.database_points import COLUMNS, points_records
from tracklog.moving.database_rows import DatabaseRows, errors_of_sqlite
from tracklog.moving.grouped import Row
from tracklog.moving.records import ExperimentRecord, LoggedModelRecord, PointsRecord, RegisteredRecord, RunRecord
from tracklog.moving.stores import NoStore
from tracklog.moving.texts import lenient

_BUSY_S: Final = 10.0

ROWS_PER_QUESTION: Final = 4096

_PLACE: Final[Any] = literal_column("rowid")
"""Where SQLite keeps a row: new ones come after all others."""

RUN_COLUMNS: Final = (
    "experiment_id",
    "name",
    "user_id",
    "status",
    "start_time",
    "end_time",
    "artifact_uri",
    "lifecycle_stage",
    "deleted_time",
)

_PARTS: Final = {
    "logged models": ("logged_models", "logged_model_params", "logged_model_tags", "logged_model_metrics"),
    "registered models": (
        "registered_models",
        "registered_model_tags",
        "registered_model_aliases",
        "model_versions",
        "model_version_tags",
    ),
}
"""What is read whole when its signature is another, and its tables."""

_STAMPS: Final = ("last_updated_timestamp_ms", "last_updated_time")

T = TypeVar("T")


class Source(ABC):
    """A database that MLflow has open. Each question raises DBAPIError where it cannot be answered."""

    brings_first_points_by_run: ClassVar = False
    """Whether points that are there before the first round have no places, and are found by their number."""

    def __init__(self, engine: Engine) -> None:
        """Raises NoStore, and DBAPIError."""
        self._engine = engine
        self._rows = DatabaseRows(engine)
        self._rows.look()
        if not {"experiments", "runs", "metrics"} <= self._rows.columns.keys():
            raise NoStore("It has no tables of MLflow: experiments, runs and metrics.")
        self._cells = Cells()
        self._reader = DatabaseReader(self._rows)

    def within(self, work: Callable[[], T]) -> T:
        """Do what asks the source: all questions are asked in here."""
        return work()

    @abstractmethod
    def close(self) -> None:
        """Ask nothing any more."""

    @abstractmethod
    def version(self) -> int:
        """Another number whenever somebody has written."""

    @abstractmethod
    def end_of(self, table: str) -> int:
        """The place up to which there are rows by now; 0 where there is none."""

    @abstractmethod
    def _mark_of(self, table: str) -> int:
        """Another number when rows came."""

    @abstractmethod
    def _pages(self, shown: Sequence[Any]) -> Iterator[list[Row]]:
        """What is to be shown of every row that has the first of it as its key, in pages."""

    @abstractmethod
    def _between(self, after: int, until: int) -> Any:
        """The condition that a row came after one place and not after another."""

    @abstractmethod
    def _up_to(self, until: int) -> Any:
        """The condition that a row came up to a place."""

    @abstractmethod
    def _in_order(self) -> Sequence[Any]:
        """The order in which rows came."""

    @abstractmethod
    def points(self, after: int, most: int) -> tuple[list[PointsRecord], int]:
        """The next points, of each run in the order in which they came, and the place of the last one."""

    def signature(self, part: str) -> str:
        """Of what is read whole: another text whenever rows came or went."""
        found: list[object] = []
        for table in _PARTS[part]:
            found += [self._rows.count(table), self._mark_of(table)]
            stamp = next((name for name in _STAMPS if self._rows.has(table, name)), None)
            if stamp is not None:
                found += chain.from_iterable(self._rows.run(select(func.max(self._rows.table(table).c[stamp]))))
        return " ".join(map(str, found))

    # --- runs -----------------------------------------------------------------------------------------------------

    def glance(self) -> Iterator[tuple[str, int]]:
        """Of every run its id, and a check of its row; some thousand a question, so that no writer waits for all."""
        runs = self._rows.table("runs")
        shown = [runs.c[name] if name in runs.c else null().label(name) for name in ("run_uuid", *RUN_COLUMNS)]
        for page in self._pages(shown):
            for run_id, *row in page:
                yield run_id, crc32(repr(row).encode("utf-8", "surrogateescape"))

    def owners(self, table: str, column: str, after: int, until: int) -> set[str]:
        """Whose the rows are that came between two places."""
        if table not in self._rows.columns:
            return set()
        of = self._rows.table(table).c[column]
        return {str(row[0]) for row in self._rows.run(select(of).where(self._between(after, until)).distinct())}

    def runs(self, run_ids: Sequence[str]) -> dict[str, RunRecord]:
        """Those of some runs that are there, without their points."""
        found = self._reader.runs_among(run_ids)
        return {one.run_id: one for one in found if isinstance(one, RunRecord)}

    def counts(self, run_ids: Sequence[str], until: int) -> dict[str, dict[str, int]]:
        """How many points each metric of some runs has up to a place."""
        metrics = self._rows.table("metrics")
        counted = (
            select(metrics.c.run_uuid, metrics.c.key, func.count())
            .where(metrics.c.run_uuid.in_(run_ids), self._up_to(until))
            .group_by(metrics.c.run_uuid, metrics.c.key)
        )
        found: dict[str, dict[str, int]] = {}
        for run_id, key, number in self._rows.run(counted):
            found.setdefault(run_id, {})[self._cells.text(key, "metric points", "")] = number
        return found

    def points_of(self, run_id: str, until: int) -> Iterator[PointsRecord]:
        """All points of a run up to a place, in the order in which they came."""
        metrics = self._rows.table("metrics")
        of_run = self._shown_points(metrics).where(metrics.c.run_uuid == run_id, self._up_to(until))
        return points_records(run_id, self._rows.blocks(of_run.order_by(*self._in_order())), self._cells)

    @staticmethod
    def _shown_points(metrics: Any) -> Any:
        return select(*(metrics.c[name] if name in metrics.c else null().label(name) for name in COLUMNS))

    def _records(self, rows: Iterator[Row]) -> list[PointsRecord]:
        """Points of several runs, as they came."""
        of_runs: dict[str, list[Row]] = {}
        for row in rows:
            of_runs.setdefault(row[0], []).append(row)
        found = [points_records(run_id, iter([some]), self._cells) for run_id, some in of_runs.items()]
        return list(chain.from_iterable(found))

    # --- the rest -------------------------------------------------------------------------------------------------

    def experiments(self) -> list[ExperimentRecord]:
        return [one for one in self._reader.experiments() if isinstance(one, ExperimentRecord)]

    def logged_models(self) -> Iterator[LoggedModelRecord]:
        return (one for one in self._reader.logged_models() if isinstance(one, LoggedModelRecord))

    def registered_models(self) -> Iterator[RegisteredRecord]:
        return (one for one in self._reader.registered_models() if isinstance(one, RegisteredRecord))


class SqliteSource(Source):
    """A database in a file."""

    def __init__(self, path: Path) -> None:
        """Raises NoStore, and DBAPIError."""
        self._path = path
        self._watching = self._connect()
        try:
            super().__init__(create_engine("sqlite://", creator=self._connect, poolclass=NullPool))
        except BaseException:
            self._watching.close()
            raise

    def __str__(self) -> str:
        return f"sqlite:///{self._path}"

    def close(self) -> None:
        self._watching.close()

    def version(self) -> int:
        with errors_of_sqlite():
            return int(self._watching.execute("PRAGMA data_version").fetchone()[0])

    def end_of(self, table: str) -> int:
        if table not in self._rows.columns:
            return 0
        [(last,)] = self._rows.run(select(func.max(_PLACE)).select_from(self._rows.table(table)))
        return last or 0

    def _mark_of(self, table: str) -> int:
        return self.end_of(table)

    def _pages(self, shown: Sequence[Any]) -> Iterator[list[Row]]:
        last = 0
        while True:
            page = select(*shown, _PLACE).where(last < _PLACE).order_by(_PLACE).limit(ROWS_PER_QUESTION)
            rows = list(self._rows.run(page))
            yield [row[:-1] for row in rows]
            if len(rows) < ROWS_PER_QUESTION:
                return
            last = rows[-1][-1]

    def _between(self, after: int, until: int) -> Any:
        return and_(after < _PLACE, until >= _PLACE)

    def _up_to(self, until: int) -> Any:
        return until >= _PLACE

    def _in_order(self) -> Sequence[Any]:
        return [_PLACE]

    def points(self, after: int, most: int) -> tuple[list[PointsRecord], int]:
        shown = self._shown_points(self._rows.table("metrics"))
        statement = shown.add_columns(_PLACE).where(after < _PLACE).order_by(_PLACE).limit(most)
        rows = list(self._rows.run(statement))
        return self._records(row[:-1] for row in rows), rows[-1][-1] if rows else after

    def _connect(self) -> sqlite3.Connection:
        name = str(self._path.resolve()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
        try:
            connection = sqlite3.connect(
                f"file:{name}?mode=ro", uri=True, check_same_thread=False, timeout=_BUSY_S, isolation_level=None
            )
        except sqlite3.Error as error:
            raise NoStore(f"{self._path} cannot be read: {error}.") from error
        connection.text_factory = lenient
        connection.execute("PRAGMA query_only = 1")
        return connection
