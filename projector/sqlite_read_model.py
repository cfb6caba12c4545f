"""The read model in an SQLite file, as its one writer sees it."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from projector.metric_rows import history_rows
from projector.port import Fenced, ReadModelWriter, Refusal, SetAside
from projector.working_set import Experiment, LoggedModel, Needs, Run, RunNeeds, Series, WorkingSet

_CONTEXT_TAG: Final = "mlflow.data.context"
_NAN: Final = float("nan")

Values = tuple[Any, ...]


class SqliteReadModelWriter(ReadModelWriter):
    """Writes one read-model file. Statements run on the calling thread: its process does nothing else meanwhile.

    `is_current` tells whether the file still is the read model; it is asked while the file's write lock is held, and
    whoever puts another in its place holds that lock too.
    """

    def __init__(self, path: Path, is_current: Callable[[], bool] = lambda: True) -> None:
        self._is_current = is_current
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        run = self._connection.execute
        run("PRAGMA journal_mode = WAL")
        # Rows and checkpoint are lost together and folded again from the log, so a commit need not reach the disk.
        # NORMAL, not OFF: the file must not be torn by a power cut.
        run("PRAGMA synchronous = NORMAL")
        run("PRAGMA wal_autocheckpoint = 4000")
        run("PRAGMA journal_size_limit = 67108864")
        run("PRAGMA cache_size = -16384")
        self._next_run_number = int(run("SELECT coalesce(max(run_number) + 1, 1) FROM runs").fetchone()[0])
        self._json = msgspec.json.Encoder()

    async def checkpoint(self, partition: int) -> int:
        row = self._connection.execute(
            "SELECT next_offset FROM checkpoints WHERE partition = ?", (partition,)
        ).fetchone()
        return int(row[0]) if row else 0

    async def set_aside_streams(self) -> set[str]:
        return {stream for (stream,) in self._connection.execute("SELECT DISTINCT stream FROM set_aside")}

    async def set_aside_offsets(self) -> list[tuple[int, int]]:
        return self._connection.execute('SELECT partition, "offset" FROM set_aside ORDER BY 1, 2').fetchall()

    async def refusals_since(self, partition: int, offset: int) -> list[Refusal]:
        rows = self._connection.execute(
            'SELECT partition, "offset", error_code, message FROM refusals WHERE partition = ? AND "offset" >= ?',
            (partition, offset),
        )
        return [Refusal(*row) for row in rows]

    async def close(self) -> None:
        self._connection.close()

    # --- loading --------------------------------------------------------------------------------------------------

    async def load(self, needs: Needs) -> WorkingSet:
        working_set = WorkingSet()
        if needs.experiment_ids or needs.experiment_names:
            self._load_experiments(working_set, needs)
        if needs.runs:
            self._load_runs(working_set, needs)
        if needs.model_ids:
            self._load_logged_models(working_set, needs.model_ids)
        return working_set

    def _load_experiments(self, working_set: WorkingSet, needs: Needs) -> None:
        rows = self._connection.execute(
            "SELECT experiment_id, name, artifact_location, lifecycle_stage = 'active', lifecycle_us,"
            " creation_time_ms, last_update_time_ms FROM experiments"
            " WHERE experiment_id IN (SELECT value FROM json_each(?)) OR name IN (SELECT value FROM json_each(?))",
            (self._list(needs.experiment_ids), self._list(needs.experiment_names)),
        )
        for experiment_id, name, location, active, *times in rows:
            working_set.experiments[experiment_id] = Experiment(experiment_id, name, location, bool(active), *times)
            working_set.experiment_ids[name] = experiment_id

    def _load_runs(self, working_set: WorkingSet, needs: Needs) -> None:
        rows = self._connection.execute(
            "SELECT run_id, experiment_id, name, user_id, status, start_time_ms, end_time_ms, artifact_uri,"
            " lifecycle_stage = 'active', lifecycle_us, run_number FROM runs"
            " WHERE run_id IN (SELECT value FROM json_each(?))",
            (self._list(needs.runs),),
        ).fetchall()
        for row in rows:
            run = Run(*row)
            run.active = bool(run.active)
            working_set.runs[run.run_id] = run
            self._load_run_data(run, needs.runs[run.run_id])

    def _load_run_data(self, run: Run, needs: RunNeeds) -> None:
        select = self._connection.execute
        if needs.params:
            run.params.update(
                select(
                    "SELECT key, value FROM params WHERE run_number = ? AND key IN (SELECT value FROM json_each(?))",
                    (run.run_number, self._list(needs.params)),
                )
            )
        if needs.series:
            for key, step, timestamp_ms, value, points in select(
                "SELECT key, step, timestamp_ms, value, points FROM latest_metrics"
                " WHERE run_number = ? AND key IN (SELECT value FROM json_each(?))",
                (run.run_number, self._list(needs.series)),
            ):
                first = (step, timestamp_ms, _NAN if value is None else value) if points == 1 else None
                run.series[key] = Series(step, timestamp_ms, value, points, first)
        if needs.model_outputs:
            found = select("SELECT model_id FROM model_outputs WHERE run_number = ?", (run.run_number,))
            run.model_outputs.update(model_id for (model_id,) in found)

    def _load_logged_models(self, working_set: WorkingSet, model_ids: Iterable[str]) -> None:
        rows = self._connection.execute(
            "SELECT model_id, experiment_id, name, model_type, source_run_id, status, artifact_location,"
            " creation_timestamp_ms, last_updated_timestamp_ms FROM logged_models"
            " WHERE model_id IN (SELECT value FROM json_each(?))",
            (self._list(model_ids),),
        )
        for row in rows:
            working_set.logged_models[row[0]] = LoggedModel(*row)

    def _list(self, values: Iterable[Any]) -> str:
        return self._json.encode(list(values)).decode()

    # --- committing -----------------------------------------------------------------------------------------------

    async def commit(
        self,
        working_set: WorkingSet,
        refusals: Sequence[Refusal],
        set_aside: Sequence[SetAside],
        checkpoints: Mapping[int, tuple[int, int]],
        resumed: Sequence[tuple[int, int]] = (),
    ) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        next_run_number = self._next_run_number
        try:
            self._move_checkpoints(checkpoints)
            self._write_experiments(working_set)
            self._write_runs(list(working_set.runs.values()))
            self._write_datasets(working_set)
            self._write_logged_models(list(working_set.logged_models.values()))
            self._many(
                "INSERT OR REPLACE INTO refusals VALUES (?,?,?,?)",
                [(one.partition, one.offset, one.error_code, one.message) for one in refusals],
            )
            self._many('DELETE FROM set_aside WHERE partition = ? AND "offset" = ?', resumed)
            self._many("INSERT OR REPLACE INTO set_aside VALUES (?,?,?,?,?,?)", map(_set_aside_row, set_aside))
            self._connection.execute("COMMIT")
        except BaseException:
            self._next_run_number = next_run_number
            with contextlib.suppress(sqlite3.Error):  # the error that brought us here is the one to tell
                self._connection.execute("ROLLBACK")
            raise

    def _many(self, sql: str, rows: Iterable[Values]) -> None:
        self._connection.executemany(sql, rows)

    def _move_checkpoints(self, checkpoints: Mapping[int, tuple[int, int]]) -> None:
        run = self._connection.execute
        if not self._is_current():
            raise Fenced("another read model took this one's place")
        for partition, (expected, new) in checkpoints.items():
            run("INSERT OR IGNORE INTO checkpoints VALUES (?, 0)", (partition,))
            moved = run(
                "UPDATE checkpoints SET next_offset = ? WHERE partition = ? AND next_offset = ?",
                (new, partition, expected),
            )
            if moved.rowcount != 1:
                raise Fenced(f"the checkpoint of partition {partition} is no longer {expected}")

    def _write_experiments(self, working_set: WorkingSet) -> None:
        self._many(
            # Not INSERT OR REPLACE: swapped names within a batch would delete each other's rows.
            "INSERT INTO experiments VALUES (?,?,?,?,?,?,?) ON CONFLICT (experiment_id) DO UPDATE SET"
            " name = excluded.name, lifecycle_stage = excluded.lifecycle_stage, lifecycle_us = excluded.lifecycle_us,"
            " last_update_time_ms = excluded.last_update_time_ms",
            self._renamed_first(working_set),
        )
        tags = working_set.experiment_tags.items()
        self._many(
            "INSERT OR REPLACE INTO experiment_tags VALUES (?,?,?)",
            [(*key, value) for key, value in tags if value is not None],
        )
        self._many(
            "DELETE FROM experiment_tags WHERE experiment_id = ? AND key = ?",
            [key for key, value in tags if value is None],
        )

    def _renamed_first(self, working_set: WorkingSet) -> list[Values]:
        """The changed experiments' rows, after their old names were moved out of the way of one another."""
        changed = [working_set.experiments[one] for one in sorted(working_set.changed_experiments)]
        self._many(
            "UPDATE experiments SET name = name || char(0) || experiment_id WHERE experiment_id = ? AND name <> ?",
            [(experiment.experiment_id, experiment.name) for experiment in changed],
        )
        return [
            (
                experiment.experiment_id,
                experiment.name,
                experiment.artifact_location,
                _stage(experiment.active),
                experiment.lifecycle_us,
                experiment.creation_time_ms,
                experiment.last_update_time_ms,
            )
            for experiment in changed
        ]

    def _write_runs(self, runs: Sequence[Run]) -> None:
        new = [run for run in runs if run.run_number is None]
        self._many(
            "UPDATE runs SET name = ?, status = ?, end_time_ms = ?, lifecycle_stage = ?, lifecycle_us = ?"
            " WHERE run_number = ?",
            [
                (run.name, run.status, run.end_time_ms, _stage(run.active), run.lifecycle_us, run.run_number)
                for run in runs
                if run.changed and run.run_number is not None
            ],
        )
        for run in new:
            run.run_number = self._next_run_number
            self._next_run_number += 1
        self._many("INSERT INTO runs VALUES (?,?,?,?,?,?,?,?,?,?,?)", map(_run_row, new))
        self._many(
            "INSERT INTO params VALUES (?,?,?,?)",
            [
                (run.run_number, key, value, run.experiment_id)
                for run in runs
                for key, value in sorted(run.new_params.items())
            ],
        )
        self._write_tags(runs)
        self._write_metrics(runs)
        self._write_models_of_runs(runs)

    def _write_tags(self, runs: Sequence[Run]) -> None:
        tags = [(run, key, value) for run in runs for key, value in sorted(run.tags.items())]
        self._many(
            "INSERT OR REPLACE INTO tags VALUES (?,?,?,?)",
            [(run.run_number, key, value, run.experiment_id) for run, key, value in tags if value is not None],
        )
        self._many(
            "DELETE FROM tags WHERE run_number = ? AND key = ?",
            [(run.run_number, key) for run, key, value in tags if value is None],
        )

    def _write_metrics(self, runs: Sequence[Run]) -> None:
        latest: list[Values] = []
        chunks: list[Values] = []
        appended: list[Values] = []
        replaced: list[Values] = []
        for run in runs:
            for key, series in sorted(run.series.items()):
                if not series.new:
                    continue
                latest.append(
                    (
                        run.run_number,
                        key,
                        run.experiment_id,
                        series.value,
                        _value_json(series.value),
                        series.timestamp_ms,
                        series.step,
                        series.points,
                    )
                )
                where = (run.run_number, key)
                rows = history_rows(series, lambda where=where: self._tail(where))  # type: ignore[misc]
                chunks.extend(
                    (
                        *where,
                        row.chunk_number,
                        row.min_step,
                        row.max_step,
                        row.min_timestamp_ms,
                        row.max_timestamp_ms,
                        row.min_value,
                        row.max_value,
                        row.data,
                    )
                    for row in rows.chunks
                )
                if rows.append is not None:
                    appended.append((*where, rows.append))
                if rows.replace is not None:
                    replaced.append((*where, rows.replace))
        self._many("INSERT OR REPLACE INTO latest_metrics VALUES (?,?,?,?,?,?,?,?)", latest)
        self._many("INSERT INTO metric_chunks VALUES (?,?,?,?,?,?,?,?,?,?)", chunks)
        self._many(
            "INSERT INTO metric_tails VALUES (?,?,?)"
            " ON CONFLICT DO UPDATE SET data = CAST(data || excluded.data AS BLOB)",
            appended,
        )
        self._many("INSERT OR REPLACE INTO metric_tails VALUES (?,?,?)", [row for row in replaced if row[2]])
        self._many(
            "DELETE FROM metric_tails WHERE run_number = ? AND key = ?", [row[:2] for row in replaced if not row[2]]
        )

    def _tail(self, where: Values) -> bytes:
        sql = "SELECT data FROM metric_tails WHERE run_number = ? AND key = ?"
        return bytes(self._connection.execute(sql, where).fetchone()[0])

    def _write_models_of_runs(self, runs: Sequence[Run]) -> None:
        self._many(
            "INSERT OR IGNORE INTO model_inputs VALUES (?,?)",
            [(run.run_number, model_id) for run in runs for model_id in run.new_model_inputs],
        )
        self._many(
            "INSERT INTO model_outputs VALUES (?,?,?)",
            [(run.run_number, model_id, step) for run in runs for model_id, step in run.new_model_outputs.items()],
        )
        self._many(
            "INSERT OR REPLACE INTO logged_model_metrics VALUES (?,?,?,?,?,?,?,?,?,?)",
            [
                (
                    metric.model_id,
                    metric.key,
                    metric.timestamp_ms,
                    metric.step,
                    run.run_id,
                    value := _number(metric.value),
                    repr(value),
                    run.experiment_id,
                    metric.dataset_name,
                    metric.dataset_digest,
                )
                for run in runs
                for metric in run.new_model_metrics
            ],
        )

    def _write_datasets(self, working_set: WorkingSet) -> None:
        self._many(
            "INSERT INTO datasets VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET"
            " source_type = excluded.source_type, source = excluded.source, schema = excluded.schema,"
            " profile = excluded.profile, first_us = excluded.first_us, first_event_id = excluded.first_event_id"
            " WHERE (excluded.first_us, excluded.first_event_id) < (first_us, first_event_id)",
            [
                (
                    first.experiment_id,
                    first.dataset.name,
                    first.dataset.digest,
                    first.dataset.source_type,
                    first.dataset.source,
                    first.dataset.schema,
                    first.dataset.profile,
                    first.time_us,
                    first.event_id,
                )
                for first in working_set.datasets
            ],
        )
        self._many(
            "INSERT OR IGNORE INTO dataset_inputs VALUES (?,?,?,?,?,?)",
            [
                (
                    run.run_number,
                    dataset.name,
                    dataset.digest,
                    run.experiment_id,
                    self._json.encode(dataset.tags).decode(),
                    next((tag.value for tag in dataset.tags if tag.key == _CONTEXT_TAG), None),
                )
                for run in working_set.runs.values()
                for dataset in run.new_dataset_inputs
            ],
        )

    def _write_logged_models(self, models: Sequence[LoggedModel]) -> None:
        new = [model for model in models if model.is_new]
        self._many("INSERT INTO logged_models VALUES (?,?,?,?,?,?,?,?,?)", map(_logged_model_row, new))
        self._many(
            "UPDATE logged_models SET status = ?, last_updated_timestamp_ms = ? WHERE model_id = ?",
            [
                (model.status, model.last_updated_timestamp_ms, model.model_id)
                for model in models
                if model.changed and not model.is_new
            ],
        )
        self._many(
            "INSERT INTO logged_model_params VALUES (?,?,?)",
            [(model.model_id, *param) for model in new for param in model.params.items()],
        )
        self._many(
            "INSERT INTO logged_model_tags VALUES (?,?,?)",
            [(model.model_id, *tag) for model in new for tag in model.tags.items()],
        )


def _stage(active: bool) -> str:
    return "active" if active else "deleted"


def _value_json(value: float | None) -> str:
    return '"NaN"' if value is None else repr(value)


def _number(value: float | str) -> float:
    """A metric of a logged model as MLflow keeps it: NaN is 0.0, infinities the largest finite double."""
    number = float(value)
    if number != number:
        return 0.0
    return max(-1.7976931348623157e308, min(1.7976931348623157e308, number))


def _run_row(run: Run) -> Values:
    return (
        run.run_number,
        run.run_id,
        run.experiment_id,
        run.name,
        run.user_id,
        run.status,
        run.start_time_ms,
        run.end_time_ms,
        run.artifact_uri,
        _stage(run.active),
        run.lifecycle_us,
    )


def _logged_model_row(model: LoggedModel) -> Values:
    return (
        model.model_id,
        model.experiment_id,
        model.name,
        model.model_type,
        model.source_run_id,
        model.status,
        model.artifact_location,
        model.creation_timestamp_ms,
        model.last_updated_timestamp_ms,
    )


def _set_aside_row(set_aside: SetAside) -> Values:
    event = set_aside.event
    return (event.partition, event.offset, event.stream, event.id.hex(), event.type, set_aside.reason)
