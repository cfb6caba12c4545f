"""The whole of what was tracked, as of positions of the log, as Parquet files: the same positions, the same bytes."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, Final, NamedTuple

from event_log.port import EventLogReader
from query_api.frames.arrow import arrow
from query_api.frames.long import long_values
from query_api.frames.metric_history import metric_history
from query_api.frames.runs import run_infos
from query_api.frames.selection import ListedRuns, RunPages, all_runs_of
from query_api.frames.touched import Touched
from query_api.frames.values import LATEST_METRICS, PARAMS, TAGS
from query_api.history.parquet import event_batch, events_schema
from query_api.port import ReadModel
from schemas.envelope import Positions
from schemas.moments import positions_text
from tracklog.exporting.destination import ExportFolder
from tracklog.exporting.tables import (
    EXPERIMENT_TABLES,
    LOGGED_MODEL_TABLES,
    REGISTRY_TABLES,
    PlainTable,
    rows_of,
    schema_of,
)

FORMAT: Final = 1
"""Of the manifest and the tables; another number means that a reader has to look again."""

READ_EVENTS: Final = 1000
_IDS_AT_ONCE: Final = 1000
_NAME_CHARACTERS: Final = 200

_EXPERIMENTS: Final = "SELECT DISTINCT experiment_id FROM runs ORDER BY 1"
_RUNS: Final = "SELECT experiment_id, start_time_ms, run_id, run_number FROM runs WHERE run_id = ANY($1)"

Show = Callable[[int, int], None]

RunTable = Callable[[ReadModel, RunPages], Awaitable[tuple[Any, AsyncIterator[Any]]]]


class Exported(NamedTuple):
    """How many rows each table got."""

    positions: Positions
    rows: Mapping[str, int]


def folder_name(positions: Positions, since: Positions | None) -> str:
    """Of an export: the same for the same positions, and for no others."""
    text = positions_text(positions) if since is None else f"{positions_text(since)}..{positions_text(positions)}"
    name = text.replace(":", "-").replace(",", "_")
    return name if len(name) <= _NAME_CHARACTERS else hashlib.sha256(text.encode()).hexdigest()[:32]


class ParquetExport:
    """Writes what `read_model` holds, which is the fold of `log` to its end and does not move."""

    def __init__(self, log: EventLogReader, read_model: ReadModel, to: ExportFolder) -> None:
        self._log = log
        self._read_model = read_model
        self._to = to
        self._rows: dict[str, int] = {}

    async def write(
        self, since: Positions | None, touched: Touched | None, show: Show, *, with_events: bool
    ) -> Exported:
        """Everything; with `touched` only what changed since the positions `since`.

        Raises LogUnavailable, StoreUnavailable and its kin.
        """
        end = await self._log.end()
        for table in (*EXPERIMENT_TABLES, *REGISTRY_TABLES):
            await self._plain(table)
        models = None if touched is None else sorted(touched.logged_models)
        for table in LOGGED_MODEL_TABLES:
            await self._plain(table, models)
        if touched is None:
            await self._runs([all_runs_of(one) for one in await self._experiment_ids()], show)
        else:
            await self._touched(touched, show)
        if with_events:
            for partition in sorted(end):
                begin = 0 if since is None else since.get(partition, 0)
                events = self._events(partition, begin, end[partition])
                await self._file("events", f"events/{partition}.parquet", events_schema(), events)
        manifest = {
            "format": FORMAT,
            "log": await self._log.identity(),
            "position": positions_text(end),
            "since": None if since is None else positions_text(since),
        }
        await self._to.end(manifest)
        return Exported(end, self._rows)

    async def _experiment_ids(self) -> list[int]:
        return [row[0] for row in await self._read_model.fetch(_EXPERIMENTS)]

    async def _runs(self, selections: Sequence[RunPages], show: Show) -> None:
        for number, selection in enumerate(selections):
            (experiment_id,) = selection.experiment_ids
            for name, table in RUN_TABLES.items():
                schema, batches = await table(self._read_model, selection)
                await self._file(name, f"{name}/experiment_id={experiment_id}/0.parquet", schema, batches)
            show(number + 1, len(selections))

    async def _touched(self, touched: Touched, show: Show) -> None:
        """The runs that changed, and which of them are no longer there."""
        there = dict.fromkeys(sorted(touched.experiments), ())
        of_experiments: dict[int, list[tuple[int, str, int]]] = {one: [] for one in there}
        gone: list[str] = []
        ids = sorted(touched.runs)
        dialect = self._read_model.dialect
        for start in range(0, len(ids), _IDS_AT_ONCE):
            some = ids[start : start + _IDS_AT_ONCE]
            rows = await self._read_model.fetch(dialect.statement(_RUNS), (dialect.listed(some),))
            gone += sorted(set(some).difference(row[2] for row in rows))
            for experiment_id, start_time_ms, run_id, number in rows:
                of_experiments.setdefault(experiment_id, []).append((-start_time_ms, run_id, number))
        selections: list[RunPages] = [
            all_runs_of(experiment_id)
            if experiment_id in there
            else ListedRuns((experiment_id,), [number for _, _, number in sorted(of_experiments[experiment_id])])
            for experiment_id in sorted(of_experiments)
        ]
        await self._runs(selections, show)
        schema = removed_schema()
        await self._file("removed_runs", "removed_runs/0.parquet", schema, one_column(schema, gone))

    async def _plain(self, table: PlainTable, only: Sequence[str] | None = None) -> None:
        batches = rows_of(self._read_model, table, only)
        await self._file(table.name, f"{table.name}/0.parquet", schema_of(table), batches)

    async def _events(self, partition: int, begin: int, end: int) -> AsyncIterator[Any]:
        while begin < end:
            events = await self._log.read(partition, begin, limit=min(READ_EVENTS, end - begin))
            if not events:
                return
            yield event_batch(events)
            begin = events[-1].offset + 1

    async def _file(self, table: str, path: str, schema: Any, batches: AsyncIterator[Any]) -> None:
        async with aclosing(batches):  # type: ignore[type-var]  # all are generators
            written = await self._to.write_table(table, path, schema, batches)
        self._rows[table] = self._rows.get(table, 0) + written


def removed_schema() -> Any:
    """Of the runs that are no longer there."""
    return arrow().schema([("run_id", arrow().string())])


async def one_column(schema: Any, values: Sequence[str]) -> AsyncIterator[Any]:
    """A record batch of one column; none where it is empty."""
    if values:
        yield arrow().record_batch([arrow().array(values)], schema=schema)


async def infos_of_experiment(read_model: ReadModel, selection: RunPages) -> tuple[Any, AsyncIterator[Any]]:
    """What runs are, without the experiment, which the folder names."""
    schema, batches = await run_infos(read_model, selection)
    return without_experiment(schema), without_experiments(batches)


def without_experiment(table: Any) -> Any:
    """A schema, or a record batch, without the column that the folder names."""
    place = (table if hasattr(table, "get_field_index") else table.schema).get_field_index("experiment_id")
    return table.remove(place) if hasattr(table, "remove") else table.drop_columns(["experiment_id"])


async def without_experiments(batches: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """Record batches without that column."""
    async for batch in batches:
        yield without_experiment(batch)


RUN_TABLES: Final[Mapping[str, RunTable]] = {
    "runs": infos_of_experiment,
    "params": partial(long_values, table=PARAMS, keys=()),
    "tags": partial(long_values, table=TAGS, keys=()),
    "metrics": partial(long_values, table=LATEST_METRICS, keys=()),
    "metric_history": partial(metric_history, keys=()),
}
