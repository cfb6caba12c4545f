"""The history of events: filtered, in order within a partition, and page by page."""

import uuid
from typing import Any

import orjson
import pytest

from event_log.memory_event_log import MemoryEventLog
from query_api.events import history as event_history
from query_api.events.history import ReadEvents, events_json
from schemas.envelope import Actor, EventData, Position
from schemas.errors import InvalidParameterValue
from schemas.events import ExperimentDeleted, Param, RunDataLogged, RunDeleted

NOON_US = 1_767_268_800_000_000  # 2026-01-01T12:00:00Z


def event(number: int, *, user: str = "ada", run_id: str = "r", size: int = 0) -> EventData:
    return EventData(
        id=uuid.UUID(int=number).bytes,
        stream=f"run/{run_id}",
        time_us=NOON_US + number,
        actor=Actor(user, "10.0.0.1", "curl"),
        request_id=f"request-{number}",
        payload=RunDataLogged(run_id=run_id, params=[Param("p", "x" * size)]) if size else RunDeleted(run_id=run_id),
    )


async def log_with(*events: EventData, partitions: int = 1) -> MemoryEventLog:
    log = MemoryEventLog(partitions)
    for one in events:
        await log.append([one])
    return log


async def page(log: MemoryEventLog, **wanted: Any) -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads(await events_json(log, ReadEvents(**wanted)))
    return document


async def offsets(log: MemoryEventLog, **wanted: Any) -> list[int]:
    return [found["offset"] for found in (await page(log, **wanted))["events"]]


async def test_an_event_is_told_with_its_envelope_its_place_and_its_payload() -> None:
    log = await log_with(event(5))
    assert (await page(log))["events"] == [
        {
            "id": "00000000-0000-0000-0000-000000000005",
            "type": "run.deleted",
            "version": 2,
            "stream": "run/r",
            "time": "2026-01-01T12:00:00.000005Z",
            "actor": {"user": "ada", "address": "10.0.0.1", "user_agent": "curl"},
            "request_id": "request-5",
            "partition": 0,
            "offset": 0,
            "data": {"run_id": "r"},
        }
    ]


async def test_an_event_that_cannot_be_read_is_shown_in_its_place_with_the_reason() -> None:
    log = await log_with(event(1), event(2), event(3))
    log.damage(Position(0, 1))
    found = (await page(log))["events"]
    assert [one["offset"] for one in found] == [0, 1, 2]
    assert (found[1]["type"], found[1]["stream"]) == ("damaged-event", "run/r")
    assert found[1]["data"] == {"damage": "its bytes are not those that were written"}


async def test_each_filter_narrows_the_history() -> None:
    deleted = EventData(
        uuid.UUID(int=3).bytes,
        "experiment/1",
        NOON_US + 3_000_000,
        Actor("bob"),
        "",
        ExperimentDeleted(experiment_id=1),
    )
    log = await log_with(event(1), event(2, user="bob", run_id="s"), deleted)
    assert await offsets(log) == [0, 1, 2]
    assert await offsets(log, stream="run/s") == [1]
    assert await offsets(log, type="run.deleted") == [0, 1]
    assert await offsets(log, actor="bob") == [1, 2]
    assert await offsets(log, actor="bob", type="run.deleted") == [1]
    assert await offsets(log, since="2026-01-01T12:00:01Z") == [2]
    assert await offsets(log, until="2026-01-01T13:00:01+01:00") == [0, 1]
    assert await offsets(log, since=str(NOON_US // 1000), until=str(NOON_US // 1000 + 1)) == [0, 1]


async def test_pages_lead_through_every_event_of_every_partition_and_then_wait_at_the_end() -> None:
    log = await log_with(*(event(number, run_id=f"r{number % 5}") for number in range(40)), partitions=3)
    found: list[tuple[int, int]] = []
    cursor = ""
    while True:
        answer = await page(log, limit=7, cursor=cursor)
        found += [(one["partition"], one["offset"]) for one in answer["events"]]
        cursor = answer["next_cursor"]
        if not answer["events"]:
            break
    assert found == sorted(found)
    assert len(set(found)) == 40
    await log.append([event(99)])
    assert [one["request_id"] for one in (await page(log, cursor=cursor))["events"]] == ["request-99"]


async def test_a_page_ends_early_when_its_events_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_history, "MAX_PAGE_BYTES", 1000)
    log = await log_with(*(event(number, size=400) for number in range(10)))

    first = await page(log)
    assert len(first["events"]) == 3
    assert await offsets(log, cursor=first["next_cursor"]) == [3, 4, 5]


async def test_events_that_do_not_match_are_not_searched_again() -> None:
    log = await log_with(*(event(number) for number in range(10)))
    cursor = (await page(log, actor="nobody"))["next_cursor"]
    assert await offsets(log, cursor=cursor) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0},
        {"limit": 10_001},
        {"since": "yesterday"},
        {"until": "2026-01-01T12:00:00"},
        {"since": "9" * 30},
        {"cursor": "?"},
        {"cursor": "eyJ4IjoxfQ=="},
        {"cursor": "eyIwIjotMX0="},
    ],
)
async def test_what_cannot_be_understood_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterValue):
        await events_json(await log_with(event(1)), ReadEvents(**wrong))
