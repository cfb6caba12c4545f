"""Undos among other writers: whatever the order of the log, what an undo did not see it does not overwrite."""

import asyncio
import random
from typing import Any

import pytest

from schemas.errors import ResourceConflict
from schemas.events import RunDataLogged, RunTagDeleted
from schemas.messages.run_data import SetTag
from schemas.messages.runs import CreateRun
from tests.unit.ingest.doubles import ANN
from tests.unit.ingest.undo.session import Session


@pytest.mark.parametrize("seed", range(3))
async def test_of_racing_writers_and_undos_the_order_of_the_log_decides(seed: int) -> None:
    order = random.Random(seed)
    session = Session()
    await session.ingest.ensure_default_experiment()
    created = await session.do(session.ingest.runs.create(CreateRun(experiment_id="0"), ANN, "create"))
    run_id = created["run"]["info"]["run_id"]
    other = session.deployment.another_process(shared=True)

    async def write(number: int) -> None:
        for _ in range(order.randrange(5)):
            await asyncio.sleep(0)
        ingest = order.choice((session.ingest, other))
        await ingest.run_data.set_tag(SetTag(run_id=run_id, key="t", value=str(number)), ANN, f"w{number}")

    async def take_back(number: int) -> Any:
        for _ in range(order.randrange(40)):
            await asyncio.sleep(0)
        try:
            return await session.undo(f"u{number}", request_id=f"w{order.randrange(20)}", over_later=True)
        except ResourceConflict:
            return None

    await asyncio.gather(*map(write, range(20)), *map(take_back, range(20)))
    held: str | None = None
    undone = 0
    for event in await session.deployment.events():
        if not isinstance(event, RunDataLogged | RunTagDeleted):
            continue
        if event.undo is not None and event.undo.found != {"tags.t": held}:
            continue
        undone += event.undo is not None
        held = event.tags[0].value if isinstance(event, RunDataLogged) else None
    rows = await session.rows()
    assert {key: value for _, key, value in rows["run tags"]}.get("t") == held
    assert undone > 0
