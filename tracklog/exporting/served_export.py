"""What a running server shows of runs, as the Parquet files of an export: what its frames stream, table by table."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

import orjson

from query_api.frames.arrow import arrow
from tracklog.exporting.destination import ExportFolder
from tracklog.exporting.parquet_export import FORMAT, one_column, removed_schema, without_experiment
from tracklog.exporting.tables import EXPERIMENT_TABLES, schema_of

_POSITION: Final = b"tracklog.position"
_CHANGED_RUNS: Final = b"tracklog.changed_runs"

_FRAMES: Final = {
    "runs": "run-infos",
    "params": "params",
    "tags": "tags",
    "metrics": "metrics",
    "metric_history": "metric-history",
}
"""The tables of an export, and what the server calls them."""

_NO_RUN: Final = "-"

_VIEW: Final = "ALL"


class Lagging(Exception):
    """The server has not folded its log to the end, so it cannot say up to where a frame is."""


class Served(Protocol):
    """A server over HTTP."""

    def experiments(self) -> Iterator[Any]:
        """All that who asks may see, as the search answers them."""

    def frame(self, table: str, wanted: dict[str, Any]) -> AbstractContextManager[Any]:
        """The body of a frame, as a file to read from; what breaks off raises."""


class ServedExport:
    """Writes what `server` shows, from `since` on where that is given."""

    def __init__(self, server: Served, since: str | None) -> None:
        self._server = server
        self._since = since
        self._rows: dict[str, int] = {}
        self._removed: list[str] = []
        self._is_one_moment = True

    def position(self) -> str:
        """Up to where the server shows everything now. Raises Lagging."""
        with self._server.frame("run-infos", {"run_ids": [_NO_RUN]}) as body:
            return _position(arrow().ipc.open_stream(body).schema)

    async def write(self, to: ExportFolder, position: str) -> dict[str, int]:
        """Write everything, which is at least what there was at `position`; how many rows each table got.

        Raises Lagging, StoreUnavailable and its kin.
        """
        found = sorted(self._server.experiments(), key=lambda one: int(one["experiment_id"]))
        experiments, tags = EXPERIMENT_TABLES
        await self._plain(to, experiments, [_experiment_row(one) for one in found])
        await self._plain(
            to,
            tags,
            [
                (int(one["experiment_id"]), tag["key"], tag.get("value", ""))
                for one in found
                for tag in sorted(one.get("tags", ()), key=lambda tag: tag["key"])
            ],
        )
        for one in found:
            for name, table in _FRAMES.items():
                await self._frame(to, name, table, one["experiment_id"], position)
        if self._since is not None:
            schema = removed_schema()
            await self._file(
                to, "removed_runs", "removed_runs/0.parquet", schema, one_column(schema, sorted(self._removed))
            )
        manifest = {"format": FORMAT, "position": position, "since": self._since}
        await to.end({**manifest, "of_one_moment": self._is_one_moment})
        return self._rows

    async def _frame(self, to: ExportFolder, name: str, table: str, experiment_id: str, position: str) -> None:
        wanted = {"experiment_ids": [experiment_id], "run_view_type": _VIEW}
        if self._since is not None:
            wanted["since"] = self._since
        with self._server.frame(table, wanted) as body:
            reader = arrow().ipc.open_stream(body)
            self._is_one_moment &= _position(reader.schema) == position
            changed = set(orjson.loads(reader.schema.metadata.get(_CHANGED_RUNS, b"[]")))
            schema = reader.schema.remove_metadata()
            path = f"{name}/experiment_id={experiment_id}/0.parquet"
            if name == "runs":
                schema = without_experiment(schema)
                await self._file(to, name, path, schema, _infos(reader, changed))
                self._removed += changed
            else:
                await self._file(to, name, path, schema, _batches(reader, schema))

    async def _plain(self, to: ExportFolder, table: Any, rows: Sequence[Sequence[Any]]) -> None:
        schema = schema_of(table)

        async def batches() -> AsyncIterator[Any]:
            if rows:
                columns = [list(column) for column in zip(*rows, strict=True)]
                arrays = [arrow().array(column, field.type) for column, field in zip(columns, schema, strict=True)]
                yield arrow().record_batch(arrays, schema=schema)

        await self._file(to, table.name, f"{table.name}/0.parquet", schema, batches())

    async def _file(self, to: ExportFolder, table: str, path: str, schema: Any, batches: AsyncIterator[Any]) -> None:
        written = await to.write_table(table, path, schema, batches)
        self._rows[table] = self._rows.get(table, 0) + written


async def _batches(reader: Any, schema: Any) -> AsyncIterator[Any]:
    for batch in reader:
        yield arrow().record_batch(batch.columns, schema=schema)


async def _infos(reader: Any, changed: set[str]) -> AsyncIterator[Any]:
    """What runs are; leaves in `changed` those that are not there."""
    for batch in reader:
        changed.difference_update(batch.column("run_id").to_pylist())
        stripped = without_experiment(batch)
        yield arrow().record_batch(stripped.columns, schema=stripped.schema.remove_metadata())


def _position(schema: Any) -> str:
    position = (schema.metadata or {}).get(_POSITION)
    if position is None:
        raise Lagging("The server has not folded its log to the end: ask again later.")
    return str(position, "ascii")


def _experiment_row(one: Any) -> tuple[Any, ...]:
    return (
        int(one["experiment_id"]),
        one["name"],
        one["artifact_location"],
        one["lifecycle_stage"],
        one.get("creation_time"),
        one.get("last_update_time"),
    )
