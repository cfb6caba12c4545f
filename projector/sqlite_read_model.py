"""The read model in an SQLite file, as its one writer sees it."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import msgspec

from projector import rows
from projector.port import (
    CheckpointMove,
    DamagedReadModel,
    Fenced,
    ReadModelUnavailable,
    ReadModelWriter,
    Refusal,
    SetAside,
    SetAsideEvent,
    Superseded,
    Unwritable,
)
from projector.working_set import Experiment, LoggedModel, Needs, Run, RunNeeds, WorkingSet, stored_series
from read_model.metric_points import DamagedPoints
from schemas import sqlite_errors
from schemas.envelope import Positions

_UNWRITABLE: Final = (sqlite3.IntegrityError, sqlite3.DataError, UnicodeEncodeError, OverflowError)
"""What SQLite or its driver says of values it cannot keep: lone surrogates, integers past 64 bits, texts past 1 GB."""

_NOT_AS_WRITTEN: Final = (TypeError, ValueError, LookupError)
"""What comes of rows that no longer hold what was put there, when they are made into objects."""


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    """What SQLite raises, as the port says it."""
    try:
        yield
    except DamagedPoints as error:
        raise DamagedReadModel(error.message) from error
    except sqlite3.Error as error:
        if sqlite_errors.is_damage(error):
            raise DamagedReadModel(str(error)) from error
        if sqlite_errors.is_passing(error):
            raise ReadModelUnavailable(f"The read model cannot be written now: {error}.") from error
        raise


class SqliteReadModelWriter(ReadModelWriter):
    """Writes one read-model file. Statements run on the calling thread: its process does nothing else meanwhile.

    `is_current` tells whether the file still is the read model; it is asked while the file's write lock is held, and
    whoever puts another in its place holds that lock too.
    """

    def __init__(self, path: Path, is_current: Callable[[], bool] = lambda: True) -> None:
        self._is_current = is_current
        self._json = msgspec.json.Encoder()
        with _errors():
            self._connection = sqlite3.connect(
                f"file:{quote(str(path))}?mode=rw", uri=True, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def _prepare(self) -> None:
        run = self._connection.execute
        run("PRAGMA journal_mode = WAL")
        # Rows and checkpoint are lost together and folded again from the log, so a commit need not reach the disk.
        # NORMAL, not OFF: the file must not be torn by a power cut.
        run("PRAGMA synchronous = NORMAL")
        run("PRAGMA wal_autocheckpoint = 4000")
        run("PRAGMA journal_size_limit = 67108864")
        run("PRAGMA cache_size = -16384")
        self._next_run_number = int(run("SELECT coalesce(max(run_number) + 1, 1) FROM runs").fetchone()[0])

    async def checkpoints(self, partitions: Set[int]) -> Positions:
        with _errors():
            found = dict(self._connection.execute("SELECT partition, next_offset FROM checkpoints"))
        return {partition: found.get(partition, 0) for partition in partitions}

    async def set_aside_events(self, partitions: Set[int]) -> list[SetAsideEvent]:
        with _errors():
            found = self._connection.execute(
                'SELECT partition, "offset", stream FROM set_aside'
                ' WHERE partition IN (SELECT value FROM json_each(?)) ORDER BY partition, "offset"',
                (self._list(partitions),),
            )
            return [SetAsideEvent(*row) for row in found]

    async def refusals_since(self, partition: int, offset: int) -> list[Refusal]:
        with _errors():
            found = self._connection.execute(
                'SELECT partition, "offset", error_code, message FROM refusals WHERE partition = ? AND "offset" >= ?',
                (partition, offset),
            )
            return [Refusal(*row) for row in found]

    async def check(self, checkpoints: Positions) -> None:
        with _errors():
            if not self._is_current():
                raise Superseded("another read model took this one's place")
            if await self.checkpoints(set(checkpoints)) != checkpoints:
                raise Fenced("the checkpoints are no longer where this worker left them")

    def try_to_write(self) -> None:
        """Commit a page that says what it said before: whether there is room is not known until then.

        Raises ReadModelUnavailable, DamagedReadModel.
        """
        with _errors():
            self._connection.execute("PRAGMA user_version = 0")

    async def close(self) -> None:
        self._connection.close()

    # --- loading --------------------------------------------------------------------------------------------------

    async def load(self, needs: Needs) -> WorkingSet:
        working_set = WorkingSet()
        with _errors():
            try:
                if needs.experiment_ids or needs.experiment_names:
                    self._load_experiments(working_set, needs)
                if needs.runs:
                    self._load_runs(working_set, needs)
                if needs.logged_models:
                    self._load_logged_models(working_set, needs.logged_models)
            except UnicodeEncodeError:  # of what is asked for
                raise
            except _NOT_AS_WRITTEN as error:
                raise DamagedReadModel(f"a row cannot be understood: {error!r}") from error
        return working_set

    def _load_experiments(self, working_set: WorkingSet, needs: Needs) -> None:
        found = self._connection.execute(
            "SELECT experiment_id, name, artifact_location, lifecycle_stage = 'active', lifecycle_us,"
            " creation_time_ms, last_update_time_ms, lifecycle_revision, claim FROM experiments"
            " WHERE experiment_id IN (SELECT value FROM json_each(?)) OR name IN (SELECT value FROM json_each(?))",
            (self._list(needs.experiment_ids), self._list(needs.experiment_names)),
        )
        for experiment_id, name, location, active, *others in found:
            working_set.experiments[experiment_id] = Experiment(experiment_id, name, location, bool(active), *others)
            working_set.experiment_ids[name] = experiment_id

    def _load_runs(self, working_set: WorkingSet, needs: Needs) -> None:
        found = self._connection.execute(
            "SELECT run_id, experiment_id, name, user_id, status, start_time_ms, end_time_ms, artifact_uri,"
            " lifecycle_stage = 'active', lifecycle_us, experiment_revision, run_number FROM runs"
            " WHERE run_id IN (SELECT value FROM json_each(?))",
            (self._list(needs.runs),),
        ).fetchall()
        for row in found:
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
                run.series[key] = stored_series(step, timestamp_ms, value, points)
        if needs.tags:
            run.stored_tags.update(
                select(
                    "SELECT key, value FROM tags WHERE run_number = ? AND key IN (SELECT value FROM json_each(?))",
                    (run.run_number, self._list(needs.tags)),
                )
            )
        if needs.model_outputs:
            found = select("SELECT model_id FROM model_outputs WHERE run_number = ?", (run.run_number,))
            run.model_outputs.update(model_id for (model_id,) in found)

    def _load_logged_models(self, working_set: WorkingSet, needs: Mapping[str, Set[str]]) -> None:
        found = self._connection.execute(
            "SELECT model_id, experiment_id, name, model_type, source_run_id, status, artifact_location,"
            " creation_timestamp_ms, last_updated_timestamp_ms, lifecycle_stage = 'active' FROM logged_models"
            " WHERE model_id IN (SELECT value FROM json_each(?))",
            (self._list(needs),),
        ).fetchall()
        for row in found:
            model = LoggedModel(*row)
            model.active = bool(model.active)
            working_set.logged_models[model.model_id] = model
            if keys := needs[model.model_id]:
                model.params.update(
                    self._connection.execute(
                        "SELECT key, value FROM logged_model_params"
                        " WHERE model_id = ? AND key IN (SELECT value FROM json_each(?))",
                        (model.model_id, self._list(keys)),
                    )
                )

    def _list(self, values: Iterable[Any]) -> str:
        return self._json.encode(list(values)).decode()

    # --- committing -----------------------------------------------------------------------------------------------

    async def commit(
        self,
        working_set: WorkingSet,
        refusals: Sequence[Refusal],
        set_aside: Sequence[SetAside],
        checkpoints: Mapping[int, CheckpointMove],
        resumed: Sequence[tuple[int, int]] = (),
    ) -> None:
        with _errors():
            self._commit(working_set, refusals, set_aside, checkpoints, resumed)

    def _commit(
        self,
        working_set: WorkingSet,
        refusals: Sequence[Refusal],
        set_aside: Sequence[SetAside],
        checkpoints: Mapping[int, CheckpointMove],
        resumed: Sequence[tuple[int, int]],
    ) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        next_run_number = self._next_run_number
        try:
            self._move_checkpoints(checkpoints)
            self._write_experiments(working_set)
            self._write_runs(working_set)
            self._write_datasets(working_set)
            self._write_logged_models(list(working_set.logged_models.values()))
            self._many(
                "INSERT OR REPLACE INTO refusals VALUES (?,?,?,?)",
                map(rows.refusal_row, refusals),
            )
            self._many('DELETE FROM set_aside WHERE partition = ? AND "offset" = ?', resumed)
            self._many("INSERT OR REPLACE INTO set_aside VALUES (?,?,?,?,?,?)", map(rows.set_aside_row, set_aside))
            self._connection.execute("COMMIT")
        except BaseException as error:
            self._next_run_number = next_run_number
            with contextlib.suppress(sqlite3.Error):  # the error that brought us here is the one to tell
                self._connection.execute("ROLLBACK")
            if isinstance(error, _UNWRITABLE):
                raise Unwritable(f"SQLite refuses it: {error!r}") from error
            raise

    def _many(self, sql: str, values: Iterable[rows.Values]) -> None:
        self._connection.executemany(sql, values)

    def _move_checkpoints(self, checkpoints: Mapping[int, CheckpointMove]) -> None:
        run = self._connection.execute
        if not self._is_current():
            raise Superseded("another read model took this one's place")
        for partition, (expected, new, last_event_id) in checkpoints.items():
            run("INSERT OR IGNORE INTO checkpoints (partition, next_offset) VALUES (?, 0)", (partition,))
            moved = run(
                "UPDATE checkpoints SET next_offset = ?, last_event_id = ? WHERE partition = ? AND next_offset = ?",
                (new, last_event_id, partition, expected),
            )
            if moved.rowcount != 1:
                raise Fenced(f"the checkpoint of partition {partition} is no longer {expected}")

    def _write_experiments(self, working_set: WorkingSet) -> None:
        changed = [working_set.experiments[one] for one in sorted(working_set.changed_experiments)]
        self._many(
            # Their old names are moved out of the way first: names swapped within a batch would meet each other.
            "UPDATE experiments SET name = name || char(0) || experiment_id WHERE experiment_id = ? AND name <> ?",
            [(experiment.experiment_id, experiment.name) for experiment in changed],
        )
        self._many(
            "INSERT INTO experiments VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (experiment_id) DO UPDATE SET"
            " name = excluded.name, lifecycle_stage = excluded.lifecycle_stage, lifecycle_us = excluded.lifecycle_us,"
            " lifecycle_revision = excluded.lifecycle_revision, last_update_time_ms = excluded.last_update_time_ms,"
            " claim = excluded.claim",
            map(rows.experiment_row, changed),
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

    def _write_runs(self, working_set: WorkingSet) -> None:
        runs = list(working_set.runs.values())
        self._many(
            "UPDATE runs SET name = ?, status = ?, end_time_ms = ?, lifecycle_stage = ?, lifecycle_us = ?,"
            " experiment_revision = ?"
            " WHERE run_number = ?",
            [rows.run_change(run) for run in runs if run.changed and run.run_number is not None],
        )
        new = rows.number_new_runs(working_set, self._take_run_number)
        self._many("INSERT INTO runs VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", map(rows.run_row, new))
        self._many("INSERT INTO params VALUES (?,?,?,?)", rows.param_rows(runs))
        self._many("INSERT OR REPLACE INTO tags VALUES (?,?,?,?)", rows.tag_rows(runs))
        self._many("DELETE FROM tags WHERE run_number = ? AND key = ?", rows.deleted_tags(runs))
        self._write_metrics(rows.metric_rows(runs, self._tail))
        self._many("INSERT OR IGNORE INTO model_inputs VALUES (?,?)", rows.model_input_rows(runs))
        self._many("INSERT INTO model_outputs VALUES (?,?,?)", rows.model_output_rows(runs))
        self._many(
            "INSERT OR REPLACE INTO logged_model_metrics VALUES (?,?,?,?,?,?,?,?,?,?)", rows.model_metric_rows(runs)
        )
        self._many("INSERT OR IGNORE INTO dataset_inputs VALUES (?,?,?,?,?,?)", rows.dataset_input_rows(runs))

    def _take_run_number(self) -> int:
        self._next_run_number += 1
        return self._next_run_number - 1

    def _write_metrics(self, changes: rows.MetricRows) -> None:
        self._many("INSERT INTO latest_metrics VALUES (?,?,?,?,?,?,?,?)", changes.new_latest)
        self._many("INSERT OR REPLACE INTO latest_metrics VALUES (?,?,?,?,?,?,?,?)", changes.changed_latest)
        self._many("INSERT INTO metric_chunks VALUES (?,?,?,?,?,?,?,?,?,?)", changes.chunks)
        self._many("INSERT INTO metric_tails VALUES (?,?,?)", changes.new_tails)
        self._many(
            "INSERT INTO metric_tails VALUES (?,?,?)"
            " ON CONFLICT DO UPDATE SET data = CAST(data || excluded.data AS BLOB)",
            changes.appended_tails,
        )
        self._many("INSERT OR REPLACE INTO metric_tails VALUES (?,?,?)", changes.replaced_tails)
        self._many("DELETE FROM metric_tails WHERE run_number = ? AND key = ?", changes.deleted_tails)

    def _tail(self, where: rows.SeriesKey) -> bytes:
        sql = "SELECT data FROM metric_tails WHERE run_number = ? AND key = ?"
        found = self._connection.execute(sql, where).fetchone()
        if found is None:
            raise DamagedReadModel(f"the points of {where} that are in no chunk are gone")
        return bytes(found[0])

    def _write_datasets(self, working_set: WorkingSet) -> None:
        self._many(
            "INSERT INTO datasets VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET"
            " source_type = excluded.source_type, source = excluded.source, schema = excluded.schema,"
            " profile = excluded.profile, first_us = excluded.first_us, first_event_id = excluded.first_event_id"
            " WHERE (excluded.first_us, excluded.first_event_id) < (first_us, first_event_id)",
            rows.dataset_rows(working_set.datasets),
        )

    def _write_logged_models(self, models: Sequence[LoggedModel]) -> None:
        new = [model for model in models if model.is_new]
        self._many("INSERT INTO logged_models VALUES (?,?,?,?,?,?,?,?,?,?)", map(rows.logged_model_row, new))
        self._many(
            "UPDATE logged_models SET status = ?, last_updated_timestamp_ms = ?, lifecycle_stage = ?"
            " WHERE model_id = ?",
            [rows.logged_model_change(model) for model in models if model.changed and not model.is_new],
        )
        self._many("INSERT INTO logged_model_params VALUES (?,?,?)", rows.logged_model_param_rows(models))
        self._many("INSERT OR REPLACE INTO logged_model_tags VALUES (?,?,?)", rows.logged_model_tag_rows(models))
        self._many(
            "DELETE FROM logged_model_tags WHERE model_id = ? AND key = ?", rows.deleted_logged_model_tags(models)
        )
