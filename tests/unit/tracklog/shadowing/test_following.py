"""Whatever is written into a database of MLflow, and wherever a shadow is killed, what it brings folds to the same."""

import itertools
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from event_log.memory_event_log import MemoryEventLog
from ingest.imports.decisions import decide
from schemas.envelope import SYSTEM, EventClock, EventData
from schemas.events import ExperimentCreated
from schemas.messages.imports import ImportEvents
from tests.unit.projector.read_models import projected
from tests.unit.tracklog.moving.exports import differences, held, moved_in
from tests.unit.tracklog.moving.test_exporting import everything
from tracklog.moving.database_store import SqliteStore
from tracklog.moving.export_report import ExportReport
from tracklog.moving.records import SizeRecord
from tracklog.moving.report import Report
from tracklog.moving.roots import Roots
from tracklog.moving.sqlite_target import SqliteTarget
from tracklog.moving.target import Target
from tracklog.shadowing import following
from tracklog.shadowing.bringing import Bringing
from tracklog.shadowing.following import Follower
from tracklog.shadowing.source import Source, SqliteSource
from tracklog.shadowing.state import ForeignState, ShadowState

pytestmark = pytest.mark.slow

A, B, C = "a" * 32, "b" * 32, "c" * 32
T: Final = 1_800_000_000_000

NEW_RUN: Final = (
    "INSERT INTO runs (run_uuid, name, user_id, status, start_time, lifecycle_stage, artifact_uri, experiment_id) "
    f"VALUES ('{C}', 'third', 'ada', 'RUNNING', {T}, 'active', 's3://b/c', 8)"
)

WRITTEN: Final = (
    # One tuple a round.
    (
        f"INSERT INTO experiments VALUES (8, 'new', 's3://b/8', 'active', {T}, {T}, 'default')",
        NEW_RUN,
        f"INSERT INTO tags (run_uuid, key, value) VALUES ('{C}', 'mlflow.runName', 'third')",
        f"INSERT INTO metrics (run_uuid, key, value, timestamp, step) VALUES ('{C}', 'loss', 0.5, {T}, 1)",
    ),
    (
        f"INSERT INTO metrics (run_uuid, key, value, timestamp, step) VALUES ('{C}', 'loss', 0.25, {T}, 2)",
        f"INSERT INTO metrics (run_uuid, key, value, timestamp, step) VALUES ('{A}', 'long', 9.5, {T}, 1500)",
        f"INSERT INTO params (run_uuid, key, value) VALUES ('{C}', 'depth', '3')",
        f"UPDATE tags SET value = 'set again' WHERE run_uuid = '{A}' AND key = 't'",
    ),
    (
        f"UPDATE runs SET status = 'FINISHED', end_time = {T}, name = 'renamed' WHERE run_uuid = '{C}'",
        f"UPDATE tags SET value = 'renamed' WHERE run_uuid = '{C}'",
        f"DELETE FROM tags WHERE run_uuid = '{A}' AND key = 't'",
        f"UPDATE runs SET lifecycle_stage = 'deleted', deleted_time = {T} WHERE run_uuid = '{A}'",
    ),
    (
        f"UPDATE runs SET lifecycle_stage = 'active', deleted_time = NULL WHERE run_uuid = '{A}'",
        f"UPDATE experiments SET name = 'newer', last_update_time = {T + 1} WHERE experiment_id = 8",
        "INSERT INTO experiment_tags (experiment_id, key, value) VALUES (8, 'k', 'v')",
        "INSERT INTO datasets VALUES ('d1', 8, 'one', 'd', 's3', 's3://x', NULL, NULL)",
        f"INSERT INTO inputs VALUES ('i1', 'DATASET', 'd1', 'RUN', '{C}', 0)",
        "INSERT INTO input_tags VALUES ('i1', 'mlflow.data.context', 'test')",
    ),
    (
        f"UPDATE logged_models SET status = 3, last_updated_timestamp_ms = {T}",
        f"INSERT INTO logged_model_metrics VALUES ('m-{'d' * 32}', 'acc', {T}, 4, 0.75, 0, '{A}', NULL, NULL, NULL)",
        "UPDATE logged_model_tags SET tag_value = 'w'",
        f"INSERT INTO model_versions VALUES ('registered', 6, {T}, {T}, NULL, NULL, 'None', 's3://a/6', NULL, 'READY', "
        "NULL, NULL, 's3://a/6', 'default')",
        "INSERT INTO registered_model_aliases VALUES ('newest', 6, 'registered', 'default')",
        f"UPDATE registered_models SET last_updated_time = {T}",
    ),
    (
        f"UPDATE registered_models SET name = 'other', last_updated_time = {T + 5}",
        f"UPDATE model_versions SET name = 'other', last_updated_time = {T + 5}",
        "UPDATE registered_model_tags SET name = 'other'",
        "UPDATE registered_model_aliases SET name = 'other'",
        f"INSERT INTO registered_models VALUES ('fresh', {T}, {T}, 'new', 'default')",
    ),
    (
        f"UPDATE model_versions SET current_stage = 'Archived', last_updated_time = {T + 9} WHERE version = 2",
        f"UPDATE registered_models SET last_updated_time = {T + 9} WHERE name = 'other'",
        "DELETE FROM registered_model_aliases WHERE alias = 'best'",
        "DELETE FROM registered_models WHERE name = 'fresh'",
        f"UPDATE experiments SET lifecycle_stage = 'deleted', last_update_time = {T + 9} WHERE experiment_id = 8",
        f"UPDATE runs SET lifecycle_stage = 'deleted', deleted_time = {T + 9} WHERE run_uuid = '{C}'",
    ),
)


class Killed(Exception):
    pass


class Shadow:
    """A shadow that brings into a list, and is killed at every place in turn."""

    def __init__(self, folder: Path, open_source: Callable[[], Source] | None = None, *, killed: bool) -> None:
        self._folder = folder
        self._open_source = open_source or (lambda: SqliteSource(folder / "mlflow.db"))
        self._turns = itertools.cycle(
            ["before it commits", "before it sends", "before it knows", ""] if killed else [""]
        )
        self.events: dict[bytes, EventData] = {}
        self.report = Report("source", "target", dry_run=False)

    def live_on(self) -> None:
        """Be killed no more."""
        self._turns = itertools.cycle([""])

    def catch_up(self) -> None:
        """Rounds until nothing is new, by a new process after each kill."""
        while True:
            turn = next(self._turns)
            source = self._open_source()
            state = ShadowState(self._folder / "state.db", "source", "target")
            target = Target(is_empty=False)
            target.created(0, "Default", imported=False)
            try:
                follower = Follower(source, state, target, Roots((), None), self.report)
                bringing = Bringing(state, "source", self._post(turn))
                if turn == "before it commits":
                    state.commit = _kill  # type: ignore[method-assign]
                while source.within(follower.round) or bringing.bring():
                    pass
                return
            except Killed:
                continue
            finally:
                state.close()
                source.close()

    def _post(self, turn: str) -> Callable[[bytes], Any]:
        def post(body: bytes) -> Any:
            if turn == "before it sends":
                raise Killed
            for event in decide(msgspec.json.decode(body, type=ImportEvents), "somebody", 10**16):
                self.events.setdefault(event.id, event)
            if turn == "before it knows":
                raise Killed
            return {"refused": []}

        return post

    async def folded(self) -> list[Any]:
        """What its events come to, the experiment 0 as the source has it."""
        log = MemoryEventLog()
        default = ExperimentCreated(experiment_id=0, name="Default", artifact_location="mlflow-artifacts:/0")
        await log.append([EventClock().stamp(default, SYSTEM, "")])
        for event in self.events.values():
            await log.append([event])
        found = held((await projected(self._folder, log)).path)
        return [one for one in found if "Default" not in str(one)[:300]]


def _kill(*_: object) -> None:
    raise Killed


def write(path: Path, statements: tuple[str, ...]) -> None:
    with closing(sqlite3.connect(path)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


@pytest.mark.parametrize("killed", [False, True])
async def test_a_shadow_brings_what_the_source_comes_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    monkeypatch.setattr(following, "POINTS_PER_ROUND", 700)
    database = tmp_path / "mlflow.db"
    SqliteTarget(database, Roots((), None)).write(iter(everything().records), ExportReport("", "", dry_run=False))
    shadow = Shadow(tmp_path, killed=killed)
    shadow.catch_up()
    for statements in WRITTEN:
        write(database, statements)
        shadow.catch_up()
    (tmp_path / "other").mkdir()
    expected = held((await moved_in(SqliteStore(database), tmp_path / "other")).path)
    expected = [one for one in expected if "Default" not in str(one)[:300]]
    found = await shadow.folded()
    assert list(differences(*(without_sizes(one) for one in (found, expected)))) == []
    assert {what for _, _, what in shadow.report.oddities} <= {"was removed there; here it is deleted"} | {
        what for _, where, what in shadow.report.oddities if "experiment_id 0" in where
    }


def without_sizes(records: list[Any]) -> list[Any]:
    return [one for one in records if not isinstance(one, SizeRecord) and one[0] != "SizeRecord"]


def test_points_whose_places_were_those_of_others_are_found_by_their_number(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    SqliteTarget(database, Roots((), None)).write(iter(everything().records), ExportReport("", "", dry_run=False))
    point = "INSERT INTO metrics (run_uuid, key, value, timestamp, step) VALUES "
    write(database, (f"{point} ('{B}', 'loss', 1.0, 1, 1)",))
    shadow = Shadow(tmp_path, killed=False)
    shadow.catch_up()
    before = len(shadow.events)
    write(database, (f"DELETE FROM metrics WHERE run_uuid = '{B}'", f"{point} ('{A}', 'late', 2.0, 2, 2)"))
    shadow.catch_up()
    [brought] = list(shadow.events.values())[before:]
    assert b'"late"' in msgspec.json.encode(brought.payload)
    assert "1 were removed there, and stay here" in {what for _, _, what in shadow.report.oddities}


def test_the_state_of_one_shadow_is_not_that_of_another(tmp_path: Path) -> None:
    ShadowState(tmp_path / "state.db", "source", "target").close()
    with pytest.raises(ForeignState, match="whose target is target, and not other"):
        ShadowState(tmp_path / "state.db", "source", "other")


def test_nothing_is_read_while_nobody_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = tmp_path / "mlflow.db"
    SqliteTarget(database, Roots((), None)).write(iter(everything().records), ExportReport("", "", dry_run=False))
    with closing(SqliteSource(database)) as source:
        state = ShadowState(tmp_path / "state.db", "source", "target")
        target = Target(is_empty=False)
        target.created(0, "Default", imported=False)
        follower = Follower(source, state, target, Roots((), None), Report("source", "target", dry_run=False))
        while follower.round():
            pass
        monkeypatch.setattr(SqliteSource, "glance", _kill)
        assert follower.round() is False
        write(database, (f"UPDATE runs SET status = 'FAILED' WHERE run_uuid = '{B}'",))
        with pytest.raises(Killed):
            follower.round()
        state.close()


def of_types(shadow: Shadow, after: int) -> list[str]:
    return [event.payload.event_type for event in list(shadow.events.values())[after:]]


def test_what_mlflow_gc_removed_is_deleted_here_and_told_of(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    SqliteTarget(database, Roots((), None)).write(iter(everything().records), ExportReport("", "", dry_run=False))
    write(
        database,
        (
            f"INSERT INTO experiments VALUES (8, 'new', 's3://b/8', 'active', {T}, {T}, 'default')",
            NEW_RUN,
            f"INSERT INTO registered_models VALUES ('fresh', {T}, {T}, 'new', 'default')",
        ),
    )
    shadow = Shadow(tmp_path, killed=False)
    shadow.catch_up()
    before = len(shadow.events)
    write(
        database,
        (
            f"DELETE FROM runs WHERE run_uuid = '{C}'",
            "DELETE FROM experiments WHERE experiment_id IN (7, 8)",
            *(f"DELETE FROM {name}" for name in ("logged_model_metrics", "logged_model_params", "logged_model_tags")),
            "DELETE FROM logged_models",
            f"UPDATE registered_models SET creation_time = {T + 1}, last_updated_time = {T + 1} WHERE name = 'fresh'",
        ),
    )
    shadow.catch_up()
    types = of_types(shadow, before)
    assert (types.count("run.deleted"), types.count("experiment.deleted")) == (1, 1)  # the one of 7 was deleted already
    assert types.count("logged-model.deleted") == 1
    # A registered model that was deleted and made again under its name has another time of creation.
    registered = [one for one in types if one.startswith("registered-model.")]
    assert registered[:2] == ["registered-model.deleted", "registered-model.created"]
    told = {(kind, what) for kind, _, what in shadow.report.oddities}
    assert {
        (kind, "was removed there; here it is deleted") for kind in ("runs", "experiments", "logged models")
    } <= told
    before = len(shadow.events)
    write(database, ("DELETE FROM registered_models WHERE name = 'fresh'",))
    shadow.catch_up()
    assert of_types(shadow, before) == ["registered-model.deleted"]


def test_points_of_a_run_that_is_not_there_are_told_of(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    SqliteTarget(database, Roots((), None)).write(iter(everything().records), ExportReport("", "", dry_run=False))
    shadow = Shadow(tmp_path, killed=False)
    shadow.catch_up()
    before = len(shadow.events)
    point = "INSERT INTO metrics (run_uuid, key, value, timestamp, step) VALUES "
    write(database, (f"{point} ('{'e' * 32}', 'loss', 1.0, 1, 1)",))
    shadow.catch_up()
    assert of_types(shadow, before) == []
    assert ("metric points", f"of '{'e' * 32}'", "what it belongs to is not there") in shadow.report.oddities
