"""A frame of what changed since a position brings one of that position up to date."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pyarrow
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from event_log.log_until import LogUntil
from event_log.memory_event_log import MemoryEventLog
from projector.sqlite_past import past_read_model
from query_api.frames import changed
from query_api.frames.routes import CHANGED_RUNS, TABLES, frame, stream
from query_api.port import ReadModel
from query_api.seen import seen_by
from query_api.sqlite.read_model import SqliteReadModel
from schemas.errors import InvalidParameterValue
from schemas.events import (
    AnyEvent,
    Erasure,
    ExperimentDeleted,
    RunDataLogged,
    RunDeleted,
    RunErased,
    RunTagDeleted,
    Tag,
)
from schemas.messages.frames import GetFrame
from schemas.moments import positions_text
from schemas.sight import Scope, Sight
from tests.unit.projector.histories import RUNS, created, experiment, log_of, metric, payloads

ONE, TWO, THREE = RUNS


async def nobody_waits(_reached: int, _whole: int) -> None:
    pass


@asynccontextmanager
async def read_model_at(log: MemoryEventLog, end: Mapping[int, int]) -> AsyncIterator[ReadModel]:
    with TemporaryDirectory() as folder:
        async with past_read_model(Path(folder), LogUntil(log, end), nobody_waits) as file:
            read_model = SqliteReadModel(file)
            try:
                yield read_model
            finally:
                await read_model.close()


async def table_of(read_model: ReadModel, log: MemoryEventLog, end: Mapping[int, int], **wanted: Any) -> pyarrow.Table:
    schema, batches = await frame(read_model, GetFrame(**wanted), log, end)
    return pyarrow.ipc.open_stream(b"".join([piece async for piece in stream(schema, batches)])).read_all()


def changed_in(table: pyarrow.Table) -> list[str]:
    found: list[str] = orjson.loads(table.schema.metadata[CHANGED_RUNS])
    return found


def counted(rows: list[dict[str, Any]]) -> Counter[str]:
    return Counter(repr(sorted((key, value) for key, value in row.items() if value is not None)) for row in rows)


async def check_brings_up_to_date(history: list[AnyEvent], cut: int, **wanted: Any) -> None:
    log = await log_of(*history)
    end = {0: len(history)}
    async with read_model_at(log, {0: cut}) as then, read_model_at(log, end) as now:
        for name in TABLES:
            old = (await table_of(then, log, {0: cut}, table=name, **wanted)).to_pylist()
            new = (await table_of(now, log, end, table=name, **wanted)).to_pylist()
            more = await table_of(now, log, end, table=name, since=f"0:{cut}", **wanted)
            replaced = changed_in(more)
            kept = [row for row in old if row["run_id"] not in replaced]
            assert counted([*kept, *more.to_pylist()]) == counted(new), name


HISTORY: list[AnyEvent] = [
    experiment(),
    experiment(1),
    created(ONE),
    created(TWO),
    created(THREE, experiment_id=1),
    metric(step=1),
    RunDataLogged(run_id=TWO, tags=[Tag("team", "a")]),
    RunDataLogged(run_id=THREE, tags=[Tag("team", "a")]),
    RunTagDeleted(run_id=TWO, key="team"),
    RunDeleted(run_id=ONE),
    RunErased(run_id=ONE, experiment_id=0, erasure=Erasure("", [f"run/{ONE}"])),
    ExperimentDeleted(experiment_id=1),
]


@pytest.mark.parametrize("cut", [3, 8, 11])
async def test_what_no_longer_meets_the_filter_or_is_gone_is_told(cut: int) -> None:
    wanted = {"experiment_ids": ["0", "1"], "filter": "tags.team = 'a'"}
    await check_brings_up_to_date(HISTORY, cut, **wanted)
    await check_brings_up_to_date(HISTORY, cut, experiment_ids=["0"])


@pytest.mark.slow
@settings(max_examples=3, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_history(data: st.DataObject) -> None:
    history = data.draw(st.lists(payloads, min_size=1, max_size=30))
    cut = data.draw(st.integers(0, len(history) - 1))
    asyncio.run(check_brings_up_to_date(history, cut, experiment_ids=["0", "1", "2"]))


async def test_only_what_may_be_seen_is_told() -> None:
    log = await log_of(*HISTORY)
    end = await log.end()
    async with read_model_at(log, end) as now:
        asked: dict[str, Any] = {"table": "runs", "experiment_ids": ["0", "1"], "since": "0:2", "run_view_type": "ALL"}
        assert changed_in(await table_of(now, log, end, **asked)) == sorted(RUNS)
        assert changed_in(await table_of(now, log, end, **asked, run_ids=[ONE])) == [ONE]
        nothing = seen_by(now, Sight(1, (1,), {"experiment": Scope.GRANTED}))
        table = await table_of(nothing, log, end, **asked)
        assert (changed_in(table), table.num_rows) == ([], 0)


async def test_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    log = await log_of(*HISTORY)
    end = await log.end()
    async with read_model_at(log, end) as now:

        async def refused(since: str) -> str:
            with pytest.raises(InvalidParameterValue) as told:
                await table_of(now, log, end, table="runs", experiment_ids=["0", "1"], since=since)
            return told.value.message

        assert "has to be positions" in await refused("yesterday")
        assert "is asked for" in await refused("0:99")
        monkeypatch.setattr(changed, "MAX_CHANGED_RUNS", 1)
        assert "More than 1 runs changed" in await refused("0:2")
        monkeypatch.setattr(changed, "MAX_EVENTS", 3)
        assert f"since {positions_text({0: 2})}, more than 3" in await refused("0:2")
