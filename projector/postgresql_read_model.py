"""The read model in PostgreSQL, as one of its writers sees it."""

import contextlib
import itertools
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Final, Self

import asyncpg

from projector import rows
from projector.metric_rows import completes_a_chunk
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
from projector.postgresql_rows import PostgresqlTables, storable
from projector.working_set import Experiment, LoggedModel, Needs, Run, WorkingSet, stored_series
from read_model import progress_message
from read_model.metric_points import DamagedPoints
from read_model.tables import metadata
from schemas.envelope import Positions
from schemas.postgresql import CONTROL_SCHEMA, PROGRESS_CHANNEL, schema_of
from schemas.postgresql_errors import (
    CONNECTION_ERRORS,
    DAMAGE_ERRORS,
    MISSING_ERRORS,
    PASSING_ERRORS,
    UNANSWERED_ERRORS,
    said,
)

FENCE_LOCK: Final = 0x747261
"""The class of advisory locks that every commit holds shared, by generation, and a switch holds alone."""

_UNENCODABLE: Final = asyncpg.exceptions._base.DataError
"""What asyncpg says of values; by its class alone it would pass for a lost connection."""

_UNWRITABLE: Final = (
    _UNENCODABLE,
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,  # an index row too large
    UnicodeEncodeError,  # a lone surrogate
)
_REPEATABLE: Final = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)

_NUL: Final = rb"\u0000"
"""In JSON."""

_ATTEMPTS: Final = 5
_CONNECT_TIMEOUT_S: Final = 5.0
_STATEMENT_TIMEOUT_S: Final = 60.0
_RUN_NUMBERS: Final = 256
"""Taken from the sequence at once. What a worker does not use is never used: numbers need not be without gaps."""

STALLED_MS: Final = 3000
"""A worker needs milliseconds between two statements of a commit."""

_SETTINGS: Final = {
    "application_name": "tracklog projector",
    # Whatever the database or the role has them set to.
    "statement_timeout": f"{_STATEMENT_TIMEOUT_S * 1000:.0f}",
    "lock_timeout": "0",
    # Rows and checkpoints are lost together in a crash of PostgreSQL, and folded again from the log: so a commit need
    # not wait for the disk. The files are not torn by it.
    "synchronous_commit": "off",
    # A worker that is stopped in the middle of a commit, by a debugger or a frozen machine, holds the rows of its
    # checkpoints and the right to commit: whoever took its partitions over waits for no longer than this.
    "idle_in_transaction_session_timeout": f"{STALLED_MS}",
    # Every statement here finds its rows by their keys. Plans made while a table was small, or for one long list, must
    # not become scans of a table that has grown since.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
}


@contextlib.contextmanager
def away() -> Iterator[None]:
    """What asyncpg raises when PostgreSQL is away, or does not do something now, as the port says it."""
    try:
        yield
    except (_UNENCODABLE, *DAMAGE_ERRORS):
        raise
    except CONNECTION_ERRORS as error:
        raise ReadModelUnavailable(f"PostgreSQL is away: {said(error)}") from error
    except PASSING_ERRORS as error:
        raise ReadModelUnavailable(f"PostgreSQL does not do it now: {said(error)}") from error


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    """What asyncpg raises of statements on the read model, as the port says it."""
    try:
        with away():
            yield
    except _UNWRITABLE as error:
        raise Unwritable(f"PostgreSQL refuses it: {error!r}") from error
    except (*MISSING_ERRORS, *DAMAGE_ERRORS, DamagedPoints) as error:
        raise DamagedReadModel(said(error)) from error


class PostgresqlReadModelWriter(ReadModelWriter):
    """Writes one generation, by one connection; one call at a time.

    When it raises ReadModelUnavailable the connection is lost, and a new writer is needed.
    """

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]", generation: int) -> None:
        self._connection = connection
        self._generation = generation
        self._run_numbers: Iterator[int] = iter(())
        self._tables = PostgresqlTables(connection)

    @classmethod
    async def open(cls, dsn: str, generation: int) -> Self:
        """A writer of a generation that is there. Raises ReadModelUnavailable."""
        settings = _SETTINGS | {"search_path": schema_of(generation)}
        with _errors():
            connection = await asyncpg.connect(
                dsn, timeout=_CONNECT_TIMEOUT_S, command_timeout=_STATEMENT_TIMEOUT_S, server_settings=settings
            )
        return cls(connection, generation)

    async def close(self) -> None:
        try:
            await self._connection.close(timeout=1.0)
        except UNANSWERED_ERRORS:
            self._connection.terminate()

    async def checkpoints(self, partitions: Set[int]) -> Positions:
        wanted = sorted(partitions)
        with _errors():
            await self._connection.execute(
                "INSERT INTO checkpoints (partition, next_offset) SELECT unnest($1::int[]), 0 ON CONFLICT DO NOTHING",
                wanted,
            )
            found = await self._connection.fetch(
                "SELECT partition, next_offset FROM checkpoints WHERE partition = ANY($1::int[])", wanted
            )
        return dict(tuple(row) for row in found)

    async def set_aside_events(self, partitions: Set[int]) -> list[SetAsideEvent]:
        with _errors():
            found = await self._connection.fetch(
                'SELECT partition, "offset", stream FROM set_aside WHERE partition = ANY($1::int[])'
                ' ORDER BY partition, "offset"',
                list(partitions),
            )
        return [SetAsideEvent(*row) for row in found]

    async def refusals_since(self, partition: int, offset: int) -> list[Refusal]:
        with _errors():
            found = await self._connection.fetch(
                'SELECT partition, "offset", error_code, message FROM refusals WHERE partition = $1 AND "offset" >= $2',
                partition,
                offset,
            )
        return [Refusal(*row) for row in found]

    async def check(self, checkpoints: Positions) -> None:
        with _errors():
            state, is_read_only, missing = await self._connection.fetchrow(  # type: ignore[misc]  # always a row
                f"SELECT (SELECT state FROM {CONTROL_SCHEMA}.read_models WHERE generation = $1),"
                " current_setting('transaction_read_only')::bool,"
                " (SELECT min(name) FROM unnest($2::text[]) AS wanted (name) WHERE to_regclass(name) IS NULL)",
                self._generation,
                [f"{schema_of(self._generation)}.{name}" for name in metadata.tables],
            )
        if state is None or state == "retired":
            raise Superseded("another read model took this one's place")
        if is_read_only:
            raise ReadModelUnavailable("PostgreSQL takes no writes now: it is a standby, or set to read-only.")
        if missing is not None:
            raise DamagedReadModel(f"the table {missing} is gone")
        if await self.checkpoints(set(checkpoints)) != checkpoints:
            raise Fenced("the checkpoints are no longer where this worker left them")

    def cannot_keep(self, payload: bytes) -> str | None:
        if _NUL in payload and _NUL in payload.replace(rb"\\", b""):  # an escaped backslash before u0000 is plain text
            return "it holds the character NUL, which PostgreSQL cannot keep"
        return None

    # --- loading --------------------------------------------------------------------------------------------------

    async def load(self, needs: Needs) -> WorkingSet:
        working_set = WorkingSet()
        with _errors():
            if needs.experiment_ids or needs.experiment_names:
                await self._load_experiments(working_set, needs)
            if needs.runs:
                await self._load_runs(working_set, needs)
            if needs.logged_models:
                await self._load_logged_models(working_set, needs.logged_models)
        return working_set

    async def _load_experiments(self, working_set: WorkingSet, needs: Needs) -> None:
        columns = (
            "SELECT experiment_id, name, artifact_location, lifecycle_stage = 'active', lifecycle_us,"
            " creation_time_ms, last_update_time_ms, lifecycle_revision, claim FROM experiments"
        )
        for row in await self._connection.fetch(
            # Two look-ups by an index each, which OR would make a scan.
            f"{columns} WHERE experiment_id = ANY($1::bigint[]) UNION {columns} WHERE name = ANY($2::text[])",
            list(needs.experiment_ids),
            list(needs.experiment_names),
        ):
            experiment = Experiment(*row)
            working_set.experiments[experiment.experiment_id] = experiment
            working_set.experiment_ids[experiment.name] = experiment.experiment_id

    async def _load_runs(self, working_set: WorkingSet, needs: Needs) -> None:
        found = await self._connection.fetch(
            "SELECT run_id, experiment_id, name, user_id, status, start_time_ms, end_time_ms, artifact_uri,"
            " lifecycle_stage = 'active', lifecycle_us, experiment_revision, run_number FROM runs"
            " WHERE run_id = ANY($1::text[])",
            list(needs.runs),
        )
        if not found:
            return
        runs = [Run(*row) for row in found]
        working_set.runs.update((run.run_id, run) for run in runs)
        by_number = {run.run_number: run for run in runs}
        params = [(run.run_number, key) for run in runs for key in needs.runs[run.run_id].params]
        for number, key, value in await self._fetch_keyed("SELECT t.run_number, t.key, t.value FROM params t", params):
            by_number[number].params[key] = value
        series = [(run.run_number, key) for run in runs for key in needs.runs[run.run_id].series]
        for number, key, *values in await self._fetch_keyed(
            "SELECT t.run_number, t.key, t.step, t.timestamp_ms, t.value, t.points FROM latest_metrics t", series
        ):
            by_number[number].series[key] = stored_series(*values)
        tags = [(run.run_number, key) for run in runs for key in needs.runs[run.run_id].tags]
        for number, key, value in await self._fetch_keyed("SELECT t.run_number, t.key, t.value FROM tags t", tags):
            by_number[number].stored_tags[key] = value
        outputs = [run.run_number for run in runs if needs.runs[run.run_id].model_outputs]
        if outputs:
            for number, model_id in await self._connection.fetch(
                "SELECT run_number, model_id FROM model_outputs WHERE run_number = ANY($1::bigint[])", outputs
            ):
                by_number[number].model_outputs.add(model_id)

    async def _fetch_keyed(self, select: str, keys: Sequence[rows.SeriesKey]) -> Sequence[asyncpg.Record]:
        """Rows of a table `t` by (run_number, key)."""
        if not keys:
            return ()
        sql = f"{select} JOIN unnest($1::bigint[], $2::text[]) AS wanted (run_number, key) USING (run_number, key)"
        return await self._connection.fetch(sql, [number for number, _ in keys], [key for _, key in keys])

    async def _load_logged_models(self, working_set: WorkingSet, needs: Mapping[str, Set[str]]) -> None:
        for row in await self._connection.fetch(
            "SELECT model_id, experiment_id, name, model_type, source_run_id, status, artifact_location,"
            " creation_timestamp_ms, last_updated_timestamp_ms, lifecycle_stage = 'active'"
            " FROM logged_models WHERE model_id = ANY($1::text[])",
            list(needs),
        ):
            working_set.logged_models[row[0]] = LoggedModel(*row)
        wanted = [(model_id, key) for model_id in working_set.logged_models for key in needs[model_id]]
        if wanted:
            for model_id, key, value in await self._connection.fetch(
                "SELECT p.model_id, p.key, p.value FROM logged_model_params p"
                " JOIN unnest($1::text[], $2::text[]) AS wanted (model_id, key) USING (model_id, key)",
                [model_id for model_id, _ in wanted],
                [key for _, key in wanted],
            ):
                working_set.logged_models[model_id].params[key] = value

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
            known_runs = [run for run in working_set.runs.values() if run.run_number is not None]
            new_runs = await self._number_new_runs(working_set)
            tails = await self._tails_to_complete(known_runs)
            metrics = rows.metric_rows(working_set.runs.values(), tails.__getitem__)
            for attempt in itertools.count(1):
                try:
                    state = await self._begin(checkpoints)
                    await self._write_events_kept_back(refusals, set_aside, resumed)
                    await self._write_experiments(working_set)
                    await self._write_runs(known_runs, new_runs)
                    await self._write_metrics(metrics)
                    await self._write_logged_models(working_set)
                    await self._write_datasets(working_set)
                    await self._end(state, checkpoints, refusals)
                    return
                except _REPEATABLE:
                    await self._roll_back()
                    if attempt == _ATTEMPTS:
                        raise
                except BaseException:
                    await self._roll_back()
                    raise

    async def _roll_back(self) -> None:
        with contextlib.suppress(*UNANSWERED_ERRORS):  # the error that brought us here is the one to tell
            if self._connection.is_in_transaction():
                await self._connection.execute("ROLLBACK")

    async def _begin(self, checkpoints: Mapping[int, CheckpointMove]) -> str:
        """Open the transaction, move the checkpoints, and return the state of the generation.

        The lock is a statement of its own, because the next one then sees what whoever held it alone has committed:
        without it a commit could go into a generation that was retired while it waited for something.
        """
        await self._connection.execute(f"BEGIN; SELECT pg_advisory_xact_lock_shared({FENCE_LOCK}, {self._generation})")
        moved, state = await self._connection.fetchrow(  # type: ignore[misc]  # always a row
            "WITH moved AS (UPDATE checkpoints c SET next_offset = n.new, last_event_id = n.last_event_id"
            " FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::bytea[])"
            " AS n (partition, expected, new, last_event_id)"
            " WHERE c.partition = n.partition AND c.next_offset = n.expected RETURNING 1)"
            f" SELECT (SELECT count(*) FROM moved), (SELECT state FROM {CONTROL_SCHEMA}.read_models"
            " WHERE generation = $5)",
            list(checkpoints),
            [move.expected for move in checkpoints.values()],
            [move.new for move in checkpoints.values()],
            [move.last_event_id for move in checkpoints.values()],
            self._generation,
        )
        if state is None or state == "retired":
            raise Superseded("another read model took this one's place")
        if moved != len(checkpoints):
            expected = ", ".join(f"{partition}:{move.expected}" for partition, move in sorted(checkpoints.items()))
            raise Fenced(f"not all checkpoints are any longer {expected}")
        return str(state)

    async def _end(self, state: str, checkpoints: Mapping[int, CheckpointMove], refusals: Sequence[Refusal]) -> None:
        """Say in the transaction where it moves the checkpoints to, and commit it: one way there and back."""
        if state != "live":
            await self._connection.execute("COMMIT")
            return
        refused = [(one.partition, one.offset) for one in refusals]
        message = progress_message.encode(
            progress_message.Committed(
                self._generation,
                {partition: move.new for partition, move in checkpoints.items()},
                refused if len(refused) <= progress_message.MAX_NOTIFIED_REFUSALS else None,
            )
        ).decode()
        # Nothing but numbers is in the message. The count is of the whole read model, whoever set the events aside.
        await self._connection.execute(
            f"SELECT pg_notify('{PROGRESS_CHANNEL}', '{message[:-1]},\"set_aside\":' || count(*) || '}}')"
            " FROM (SELECT FROM set_aside LIMIT 10000) counted; COMMIT"
        )

    async def _write_events_kept_back(
        self, refusals: Sequence[Refusal], set_aside: Sequence[SetAside], resumed: Sequence[tuple[int, int]]
    ) -> None:
        await self._tables.upsert("refusals", [storable(rows.refusal_row(one)) for one in refusals])
        await self._tables.delete("set_aside", resumed)
        await self._tables.upsert("set_aside", [storable(rows.set_aside_row(one)) for one in set_aside])

    async def _write_experiments(self, working_set: WorkingSet) -> None:
        changed = [working_set.experiments[one] for one in sorted(working_set.changed_experiments)]
        if changed:
            # Their old names are moved out of the way first: names swapped within a batch would meet each other.
            await self._connection.execute(
                "UPDATE experiments e SET name = e.name || chr(1) || e.experiment_id"
                " FROM unnest($1::bigint[], $2::text[]) AS n (experiment_id, name)"
                " WHERE e.experiment_id = n.experiment_id AND e.name <> n.name",
                [experiment.experiment_id for experiment in changed],
                [experiment.name for experiment in changed],
            )
            await self._tables.upsert("experiments", [rows.experiment_row(one) for one in changed])
        tags = working_set.experiment_tags.items()
        await self._tables.upsert("experiment_tags", [(*key, value) for key, value in tags if value is not None])
        await self._tables.delete("experiment_tags", [key for key, value in tags if value is None])

    async def _number_new_runs(self, working_set: WorkingSet) -> list[Run]:
        count = sum(run.run_number is None for run in working_set.runs.values())
        numbers = list(itertools.islice(self._run_numbers, count))
        if len(numbers) < count:
            found = await self._connection.fetch(
                "SELECT nextval('run_numbers') FROM generate_series(1, $1)", count - len(numbers) + _RUN_NUMBERS
            )
            self._run_numbers = itertools.chain(numbers, [row[0] for row in found])
        else:
            self._run_numbers = itertools.chain(numbers, self._run_numbers)
        return rows.number_new_runs(working_set, self._run_numbers.__next__)

    async def _write_runs(self, known: Sequence[Run], new: Sequence[Run]) -> None:
        runs = [*known, *new]
        await self._tables.update(
            "runs",
            ("name", "status", "end_time_ms", "lifecycle_stage", "lifecycle_us", "experiment_revision"),
            [rows.run_change(run) for run in known if run.changed],
        )
        await self._tables.insert("runs", [rows.run_row(run) for run in new])
        await self._tables.insert("params", rows.param_rows(runs))
        await self._tables.upsert("tags", rows.tag_rows(known))
        await self._tables.insert("tags", rows.tag_rows(new))
        await self._tables.delete("tags", rows.deleted_tags(known))
        await self._tables.insert("model_outputs", rows.model_output_rows(runs))
        await self._tables.insert("model_inputs", rows.model_input_rows(runs), unless_there=True)
        await self._tables.insert("dataset_inputs", rows.dataset_input_rows(runs), unless_there=True)
        await self._tables.upsert("logged_model_metrics", rows.model_metric_rows(runs))

    async def _tails_to_complete(self, runs: Sequence[Run]) -> dict[rows.SeriesKey, bytes]:
        keys = [
            (run.run_number, key) for run in runs for key, series in run.series.items() if completes_a_chunk(series)
        ]
        found = await self._fetch_keyed("SELECT t.run_number, t.key, t.data FROM metric_tails t", keys)
        return {(number, key): data for number, key, data in found}

    async def _write_metrics(self, metrics: rows.MetricRows) -> None:
        await self._tables.insert("latest_metrics", metrics.new_latest)
        await self._tables.update(
            "latest_metrics",
            ("value", "value_json", "timestamp_ms", "step", "points"),
            [(*row[3:], row[0], row[1]) for row in metrics.changed_latest],
        )
        await self._tables.insert("metric_chunks", metrics.chunks)
        await self._tables.insert("metric_tails", metrics.new_tails)
        await self._tables.update(
            "metric_tails", ("data",), [(row[2], row[0], row[1]) for row in metrics.appended_tails], appends=True
        )
        await self._tables.update(
            "metric_tails", ("data",), [(row[2], row[0], row[1]) for row in metrics.replaced_tails]
        )
        await self._tables.delete("metric_tails", metrics.deleted_tails)

    async def _write_datasets(self, working_set: WorkingSet) -> None:
        """Last, because other workers may wait for these rows' locks."""
        await self._tables.upsert(
            "datasets",
            rows.dataset_rows(working_set.datasets),
            "(excluded.first_us, excluded.first_event_id) < (datasets.first_us, datasets.first_event_id)",
        )

    async def _write_logged_models(self, working_set: WorkingSet) -> None:
        models = working_set.logged_models.values()
        new = [model for model in models if model.is_new]
        await self._tables.insert("logged_models", [rows.logged_model_row(model) for model in new])
        await self._tables.update(
            "logged_models",
            ("status", "last_updated_timestamp_ms", "lifecycle_stage"),
            [rows.logged_model_change(model) for model in models if model.changed and not model.is_new],
        )
        await self._tables.insert("logged_model_params", rows.logged_model_param_rows(models))
        await self._tables.upsert("logged_model_tags", rows.logged_model_tag_rows(models))
        await self._tables.delete("logged_model_tags", rows.deleted_logged_model_tags(models))
