"""Folding the same log in any way gives the same rows, and a poison event stops its own stream only."""

import sqlite3
import tempfile
from array import array
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from event_log.memory_event_log import MemoryEventLog
from projector.port import CheckpointMove, Fenced, Superseded
from projector.sqlite_writer import SqliteReadModelWriter
from read_model.metric_points import POINTS_PER_CHUNK, unpack_chunk, unpack_segments
from schemas.events import AnyEvent, MetricSeries, RunDataLogged
from tests.examples import examples
from tests.unit.projector.histories import RUNS, created, experiment, histories, log_of, metric
from tests.unit.projector.read_models import Projected, compare_files, projected

fewer = settings(max_examples=examples(25), suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.slow
@fewer
@given(history=histories, ends=st.lists(st.integers(0, 40), max_size=6))
async def test_rows_do_not_depend_on_how_the_log_was_batched(history: list[AnyEvent], ends: list[int]) -> None:
    log = await log_of(*history)
    with tempfile.TemporaryDirectory() as folder:
        whole = await projected(Path(folder), log)
        in_parts = await projected(Path(folder), log, ends)
        one_by_one = await projected(Path(folder), log, range(len(history)))
        assert compare_files(whole.path, in_parts.path) == []
        assert compare_files(whole.path, one_by_one.path) == []


@fewer
@given(history=histories)
async def test_folding_a_prefix_twice_changes_nothing(history: list[AnyEvent]) -> None:
    log = await log_of(*history)
    with tempfile.TemporaryDirectory() as folder:
        once = await projected(Path(folder), log)
        again = await projected(Path(folder), log)
        # A worker that believes it is at the beginning is stopped by the checkpoint, and no row changes.
        if history:
            writer = SqliteReadModelWriter(again.path)
            with pytest.raises(Fenced):
                await writer.commit((), (), (), {0: CheckpointMove(0, 1, b"")})
            await writer.close()
        assert compare_files(once.path, again.path) == []


async def test_a_comparison_sees_a_changed_row(tmp_path: Path) -> None:
    log = await log_of(experiment(), created(), metric())
    one, other = await projected(tmp_path, log), await projected(tmp_path, log)
    connection = sqlite3.connect(other.path)
    connection.execute("UPDATE latest_metrics SET value_json = '2.0'")
    connection.commit()
    connection.close()
    assert {(found.table, found.side) for found in compare_files(one.path, other.path)} == {
        ("latest_metrics", "live"),
        ("latest_metrics", "rebuilt"),
    }


@pytest.mark.parametrize(
    "total", [1, 2, POINTS_PER_CHUNK - 1, POINTS_PER_CHUNK, POINTS_PER_CHUNK + 1, 3 * POINTS_PER_CHUNK + 7]
)
@pytest.mark.parametrize("batch", [1, 17, 2000])
async def test_a_history_keeps_every_point_in_the_order_of_the_log(tmp_path: Path, total: int, batch: int) -> None:
    points = [(step, 10 * step, step / 7) for step in range(total)]
    events = [
        RunDataLogged(
            run_id=RUNS[0],
            metrics=[MetricSeries("k", [p[2] for p in part], [p[1] for p in part], [p[0] for p in part])],
        )
        for part in (points[start : start + batch] for start in range(0, total, batch))
    ]
    read_model = await projected(tmp_path, await log_of(experiment(), created(), *events), ends=[3, 4, 9])
    steps, times, values = array("q"), array("q"), array("d")
    for (data,) in read_model.rows("SELECT data FROM metric_chunks ORDER BY chunk_number"):
        assert isinstance(data, bytes)
        chunk = unpack_chunk(data)
        assert len(chunk.steps) == POINTS_PER_CHUNK
        steps, times, values = steps + chunk.steps, times + chunk.timestamps_ms, values + chunk.values
    for (data,) in read_model.rows("SELECT data FROM metric_tails"):
        assert isinstance(data, bytes)
        tail = unpack_segments(data)
        steps, times, values = steps + tail.steps, times + tail.timestamps_ms, values + tail.values
    assert read_model.rows("SELECT points FROM latest_metrics") == [(total,)]
    if total == 1:
        assert len(steps) == 0
    else:
        assert list(zip(steps, times, values, strict=True)) == points


async def test_a_chunk_row_tells_the_ranges_of_its_points(tmp_path: Path) -> None:
    count = POINTS_PER_CHUNK
    values: list[float | str] = ["NaN", *(float(one) for one in range(1, count))]
    logged = RunDataLogged(
        run_id=RUNS[0], metrics=[MetricSeries("k", values, list(range(5, 5 + count)), list(range(-1, count - 1)))]
    )
    read_model = await projected(tmp_path, await log_of(experiment(), created(), logged))
    assert read_model.rows(
        "SELECT min_step, max_step, min_timestamp_ms, max_timestamp_ms, min_value, max_value FROM metric_chunks"
    ) == [(-1, count - 2, 5, 4 + count, 1.0, count - 1.0)]


async def poisoned_log() -> MemoryEventLog:
    """Run 0 with a payload no code can read in its middle; run 1 untouched."""
    log = await log_of(experiment(), created(), metric(step=1), metric(step=2), metric(step=3), created(RUNS[1]))
    log._events[0][3] = replace(log._events[0][3], payload=b'{"run_id": 7}')
    return log


@pytest.mark.parametrize("ends", [[], [3], [4], [1, 2, 3, 4, 5]])
async def test_a_poison_event_stops_its_stream_only(tmp_path: Path, ends: list[int]) -> None:
    read_model = await projected(tmp_path, await poisoned_log(), ends)
    assert read_model.rows("SELECT step FROM latest_metrics") == [(1,)]
    assert read_model.rows("SELECT run_id FROM runs ORDER BY 1") == [(RUNS[0],), (RUNS[1],)]
    found = read_model.rows('SELECT "offset", stream, reason FROM set_aside ORDER BY 1')
    assert [row[:2] for row in found] == [(3, f"run/{RUNS[0]}"), (4, f"run/{RUNS[0]}")]
    assert "run.data-logged version 1 at 0:3" in str(found[0][2])
    assert read_model.rows("SELECT next_offset FROM checkpoints") == [(6,)]


@pytest.mark.parametrize("change", [{"type": "run.exploded"}, {"version": 99}], ids=["unknown type", "newer version"])
async def test_an_event_newer_than_the_code_is_set_aside(tmp_path: Path, change: dict[str, object]) -> None:
    log = await log_of(experiment(), created(), metric())
    log._events[0][2] = replace(log._events[0][2], **change)
    read_model = await projected(tmp_path, log)
    assert len(read_model.rows("SELECT * FROM set_aside")) == 1
    assert read_model.rows("SELECT * FROM latest_metrics") == []


async def test_an_event_whose_fold_raises_is_set_aside(tmp_path: Path) -> None:
    read_model = await projected(tmp_path, await log_of(experiment(), metric(), created(), created(RUNS[1])))
    reasons = read_model.rows('SELECT reason FROM set_aside ORDER BY "offset"')
    assert "was never created" in str(reasons[0][0])
    assert "an earlier event" in str(reasons[1][0])
    assert read_model.rows("SELECT run_id FROM runs") == [(RUNS[1],)]


async def test_what_was_set_aside_is_folded_after_a_fix(tmp_path: Path) -> None:
    log = await poisoned_log()
    read_model = await projected(tmp_path, log)
    log._events[0][3] = (await log_of(*[metric(step=2)] * 4))._events[0][3]
    await read_model.fold(log)
    assert read_model.rows("SELECT step, points FROM latest_metrics") == [(3, 3)]
    assert read_model.rows("SELECT * FROM set_aside") == []


async def test_a_worker_that_lost_its_partition_writes_nothing(tmp_path: Path) -> None:
    log = await log_of(experiment())
    read_model = await projected(tmp_path, log)
    writer = SqliteReadModelWriter(read_model.path)
    with pytest.raises(Fenced, match="no longer 0"):
        await writer.commit((), (), (), {0: CheckpointMove(0, 1, b"")})
    await writer.close()
    assert read_model.rows("SELECT next_offset FROM checkpoints") == [(1,)]


async def test_a_worker_whose_read_model_was_replaced_writes_nothing(tmp_path: Path) -> None:
    read_model = Projected(tmp_path)
    writer = SqliteReadModelWriter(read_model.path, is_current=lambda: False)
    with pytest.raises(Superseded, match="took this one's place"):
        await writer.commit((), (), (), {0: CheckpointMove(0, 1, b"")})
    await writer.close()
    assert read_model.rows("SELECT * FROM checkpoints") == []


async def test_progress_is_published_with_the_refusals_of_its_batch(tmp_path: Path) -> None:
    read_model = await projected(tmp_path, await log_of(experiment(1, "x"), experiment(2, "x")))
    [progress] = read_model.published
    assert progress.checkpoint == {0: 2}
    assert [(one.offset, one.error_code) for one in progress.refusals] == [(1, "RESOURCE_ALREADY_EXISTS")]


@pytest.mark.parametrize("ends", [[], [1], [2], [3]])
async def test_why_an_event_is_set_aside_does_not_depend_on_the_batch(tmp_path: Path, ends: list[int]) -> None:
    log = await log_of(metric(), metric(), metric(), experiment())  # of a run that nobody created
    log._events[0][1] = replace(log._events[0][1], payload=b"{")
    read_model = await projected(tmp_path, log, ends)
    reasons = read_model.rows('SELECT reason FROM set_aside ORDER BY "offset"')
    assert "was never created" in str(reasons[0][0])
    assert reasons[1:] == [("an earlier event of its stream is set aside",)] * 2
