"""What is found of a history by reading a log from its beginning."""

import pytest

from event_log.memory_event_log import MemoryEventLog
from query_api.history.request import wanted_of_one_name
from query_api.history.scan import Scan
from schemas.envelope import Actor, EventClock
from schemas.errors import InvalidParameterValue
from schemas.events import (
    AnyEvent,
    ExperimentCreated,
    LoggedModelCreated,
    Param,
    RegisteredModelCreated,
    RunCreated,
    RunDataLogged,
    RunUpdated,
)
from schemas.messages.history import HistoryFilter

HISTORY: list[tuple[str, AnyEvent]] = [
    ("ada", ExperimentCreated(experiment_id=7, name="train", artifact_location="l")),
    ("ada", RunCreated(run_id="a", experiment_id=7, name="n", user_id="u", start_time_ms=1, artifact_uri="l")),
    ("bob", RunCreated(run_id="b", experiment_id=8, name="n", user_id="u", start_time_ms=1, artifact_uri="l")),
    ("bob", RunDataLogged(run_id="a", params=[Param("lr", "1")])),
    ("ada", RunUpdated(run_id="b", status="FAILED")),
    ("ada", LoggedModelCreated(model_id="m-1", experiment_id=7, name="m", artifact_location="l")),
    ("ada", RegisteredModelCreated(name="m", registered_model_id="i")),
]


async def found(asked: HistoryFilter) -> list[int]:
    """The offsets of what a scan finds; each event is a second later than the one before it."""
    log = MemoryEventLog()
    for second, (user, event) in enumerate(HISTORY):
        stamped = EventClock(lambda at=second: at * 1_000_000_000).stamp(event, Actor(user, "", ""), f"q{second}")  # type: ignore[misc]
        await log.append([stamped])
    scan = Scan(wanted_of_one_name(asked))
    return [one.offset for one in await log.read(0, 0, limit=100) if scan.finds(one)]


@pytest.mark.parametrize(
    ("asked", "offsets"),
    [
        (HistoryFilter(), [0, 1, 2, 3, 4, 5, 6]),
        (HistoryFilter(experiment_id="7"), [0, 1, 3, 5]),
        (HistoryFilter(run_id="b"), [2, 4]),
        (HistoryFilter(logged_model_id="m-1"), [5]),
        (HistoryFilter(model="m"), [6]),
        (HistoryFilter(stream="registered-model/m"), [6]),
        (HistoryFilter(stream="run/a"), [1, 3]),
        (HistoryFilter(actor="bob"), [2, 3]),
        (HistoryFilter(actor="bob", run_id="a"), [3]),
        (HistoryFilter(request_id="q4"), [4]),
        (HistoryFilter(type=["run.updated", "run.data-logged"]), [3, 4]),
        (HistoryFilter(since="2000", until="4000"), [2, 3]),
        (HistoryFilter(field="params.lr"), [3]),
        (HistoryFilter(field="params.lr", value="2"), []),
        (HistoryFilter(artifact="7/a"), []),
    ],
)
async def test_what_meets_all_that_is_asked_for_is_found(asked: HistoryFilter, offsets: list[int]) -> None:
    assert await found(asked) == offsets


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (HistoryFilter(experiment_id="seven"), "experiment_id must be a number"),
        (HistoryFilter(experiment_id="1" * 20), "experiment_id must be a number"),
        (HistoryFilter(stream="odd/x"), "is no name of a stream"),
        (HistoryFilter(stream="run/"), "is no name of a stream"),
        (HistoryFilter(type=["run.odd"]), "is no type of events"),
    ],
)
def test_what_is_no_filter_is_refused(asked: HistoryFilter, said: str) -> None:
    with pytest.raises(InvalidParameterValue) as refused:
        wanted_of_one_name(asked)
    assert said in refused.value.message
