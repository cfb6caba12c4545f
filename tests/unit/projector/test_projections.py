"""Every event has its projection, and a projection says in values what it reads and what it changes."""

from array import array
from collections import Counter

import pytest

from projector.batch_state import BatchState
from projector.changes import AppendBytes, Change, Delete, Insert, NewNumbers, Reading, Row, Update, Upsert
from projector.port import DamagedReadModel
from projector.projections import PROJECTIONS
from read_model.metric_points import POINTS_PER_CHUNK, Points, pack_segment
from schemas.envelope import Actor, RecordedEvent
from schemas.events import EVENT_TYPES, AnyEvent, ExperimentRenamed, RunDataLogged, RunTagDeleted, RunUpdated, Tag
from tests.unit.projector.histories import RUNS, created, metric, param

STORED_RUN = (RUNS[0], 0, "n", "u", "RUNNING", 1, None, "uri", 5, None, 7, "active")


class Tables:
    """Answers each reading with the rows that are given for its table, and keeps what was asked."""

    def __init__(self, **rows: list[Row]) -> None:
        self._rows = rows
        self.asked: list[Reading] = []

    async def read(self, reading: Reading) -> list[Row]:
        self.asked.append(reading)
        if isinstance(reading, NewNumbers):
            return [(41 + index,) for index in range(reading.count)]
        return self._rows.get(reading.table, [])


async def changes(tables: Tables, *events: AnyEvent) -> list[Change]:
    recorded = [
        RecordedEvent(0, offset, bytes(16), "", 1, "", 9_000, Actor(), "", b"") for offset in range(len(events))
    ]
    batch = list(zip(recorded, events, strict=True))
    state = await BatchState.load(batch, tables)  # type: ignore[arg-type]  # of a writer only `read` is called
    for one, event in batch:
        state.fold(one, event)
    return state.changes()


def test_every_event_has_one_projection() -> None:
    assert Counter(event for one in PROJECTIONS for event in one.events) == Counter(EVENT_TYPES.values())


async def test_a_batch_reads_only_what_its_events_name() -> None:
    tables = Tables(runs=[STORED_RUN])
    await changes(tables, param("p", "1"), metric("m"), RunUpdated(run_id=RUNS[0], status="FAILED"))
    assert [one.table for one in tables.asked] == ["runs", "params", "latest_metrics"]


async def test_a_new_run_is_inserted_under_the_number_it_was_given() -> None:
    runs, tags = await changes(Tables(), created())
    assert isinstance(runs, Insert)
    assert runs.rows[0][:2] == (41, RUNS[0])
    assert tags == Insert("tags", [(41, "mlflow.runName", "n", 0), (41, "mlflow.user", "u", 0)])


async def test_of_a_stored_run_only_what_changed_is_written() -> None:
    events = (RunDataLogged(run_id=RUNS[0], tags=[Tag("t", "v")]), RunTagDeleted(run_id=RUNS[0], key="u"))
    assert await changes(Tables(runs=[STORED_RUN]), *events) == [
        Upsert("tags", [(7, "t", "v", 0)]),
        Delete("tags", [(7, "u")]),
    ]


async def test_a_name_that_changes_is_moved_out_of_the_way_first() -> None:
    stored = (1, "old", "location", "active", 1, 1, 1, 0, None)
    first, second = await changes(Tables(experiments=[stored]), ExperimentRenamed(experiment_id=1, name="new"))
    assert first == Update("experiments", ("name",), [("old\x011", 1)])
    assert isinstance(second, Upsert)
    assert second.rows[0][:2] == (1, "new")


async def test_points_that_fill_no_chunk_are_appended_without_reading_the_tail() -> None:
    tables = Tables(runs=[STORED_RUN], latest_metrics=[(7, "m", 0, 0, 1.0, 2)])
    segment = pack_segment(Points(array("q", [1]), array("q", [0]), array("d", [1.0])))
    assert AppendBytes("metric_tails", "data", [(segment, 7, "m")]) in await changes(tables, metric("m", step=1))
    assert "metric_tails" not in [one.table for one in tables.asked]


async def test_the_tail_is_read_where_a_batch_may_complete_a_chunk() -> None:
    count = POINTS_PER_CHUNK - 1
    tail = pack_segment(Points(array("q", range(count)), array("q", [0] * count), array("d", [1.0] * count)))
    tables = Tables(runs=[STORED_RUN], latest_metrics=[(7, "m", 0, 0, 1.0, count)], metric_tails=[(7, "m", tail)])
    found = await changes(tables, metric("m", step=count))
    [chunk] = [row for change in found if change.table == "metric_chunks" for row in change.rows]
    assert chunk[:5] == (7, "m", 0, 0, count)
    assert Delete("metric_tails", [(7, "m")]) in found


async def test_a_tail_that_is_gone_is_damage() -> None:
    tables = Tables(runs=[STORED_RUN], latest_metrics=[(7, "m", 0, 0, 1.0, POINTS_PER_CHUNK - 1)])
    with pytest.raises(DamagedReadModel, match="are gone"):
        await changes(tables, metric("m"))


@pytest.mark.parametrize(
    "rows",
    [{"latest_metrics": [(7, "other", 0, 0, "x", 1)]}, {"runs": [STORED_RUN[:5]]}, {"params": [(8, "p", "v")]}],
    ids=["a text for a number", "too few columns", "a row of another run"],
)
async def test_rows_that_cannot_be_understood_are_damage(rows: dict[str, list[Row]]) -> None:
    tables = Tables(**({"runs": [STORED_RUN]} | rows))
    with pytest.raises(DamagedReadModel, match="cannot be understood"):
        await changes(tables, metric("m"), param("p", "v"))
