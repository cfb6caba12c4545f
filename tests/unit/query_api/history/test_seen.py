"""Who may not read the whole history is shown what they may read of it, in full pages."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from event_log.memory_event_log import MemoryEventLog
from query_api.history import seen as seen_module
from query_api.history.search import History
from query_api.history.seen import SeenHistory
from query_api.history.wanted import Wanted
from query_api.sqlite.read_model import SqliteReadModel
from read_model.history.sqlite import SqliteHistoryIndex, SqliteHistoryIndexWriter
from schemas.envelope import Actor, EventClock
from schemas.events import AnyEvent, RegisteredModelCreated, RegisteredModelTagSet, UserCreated, UserGranted
from schemas.levels import EXPERIMENT, REGISTERED_MODEL, Level
from schemas.principal import Principal
from schemas.rest.access import RUN
from schemas.rest.rules import LIST_HISTORY
from tests.contracts.history_index_contract import HistoryIndexContract, experiment_of, random_log, small_blocks
from tests.unit.projector.read_models import projected
from tracklog.authorization.authorizer import Authorizer
from tracklog.authorization.grants import Grants
from tracklog.authorization.resources import Resources

__all__ = ["small_blocks"]

MODEL = "a" * 32
NEVER = Level.NO_PERMISSIONS
LIMIT = 10


class Place:
    """A log, its index, and what ada may."""

    def __init__(self, folder: Path, log: MemoryEventLog, read_model: SqliteReadModel, ada: int) -> None:
        self.log = log
        self.ada = ada
        self.read_model = read_model
        self.index = SqliteHistoryIndex(folder / "history")
        self.writer = SqliteHistoryIndexWriter(folder / "history")

    def seen(self, default: Level) -> SeenHistory:
        async def caught_up() -> None:
            return None

        authorizer = Authorizer(Grants(self.read_model), Resources(self.read_model, caught_up), default)
        return SeenHistory(authorizer.asking(Principal("ada", user_id=self.ada), LIST_HISTORY))


@pytest.fixture
async def place(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    log = await random_log(3, 1, 300)
    clock = EventClock(iter(range(10**15, 10**17, 1_000_000)).__next__)
    granted: list[tuple[str, str, str]] = request.param
    events: list[AnyEvent] = [
        UserCreated(username="ada", password_id="p"),
        RegisteredModelCreated(name="m", registered_model_id=MODEL),
        RegisteredModelCreated(name="n", registered_model_id="b" * 32),
        *(UserGranted(username="ada", resource_type=one, resource_pattern=of, level=to) for one, of, to in granted),
        *(RegisteredModelTagSet(name=name, key="k", value=str(n)) for n in range(40) for name in "mn"),
    ]
    ada, *_ = await log.append([clock.stamp(event, Actor("bob"), "q") for event in events])
    read_model = SqliteReadModel((await projected(tmp_path, log)).path)
    place = Place(tmp_path, log, read_model, ada.offset)  # a user's id is where they were made
    async with HistoryIndexContract().indexed(log, place.index, place.writer):
        yield place
    await place.index.close()
    await read_model.close()


def of_everything(*granted: str, and_runs: str = "") -> list[tuple[str, str, str]]:
    of_runs = [(RUN, "*", and_runs)] if and_runs else []
    return [(EXPERIMENT, "1", granted[0]), (REGISTERED_MODEL, MODEL, granted[1]), *of_runs]


@pytest.mark.parametrize(
    ("place", "default", "expected"),
    [
        (of_everything("MANAGE", "MANAGE"), NEVER, {"e1", "m"}),
        (of_everything("MANAGE", "MANAGE"), Level.READ, {"e1", "m"}),
        (of_everything("MANAGE", "READ"), Level.READ, {"e1"}),
        (of_everything("DENY", "DENY"), Level.MANAGE, {"e0", "n"}),
        (of_everything("READ", "MANAGE", and_runs="MANAGE"), NEVER, {"runs of e1", "m"}),
        (of_everything("READ", "READ"), Level.READ, set()),
    ],
    indirect=["place"],
)
@pytest.mark.parametrize("newest_first", [True, False])
async def test_pages_are_full_of_what_may_be_read(
    place: Place, default: Level, expected: set[str], newest_first: bool
) -> None:
    found, places, cursor, is_last = set(), [], "", False
    seen = place.seen(default)
    wanted = await seen.narrowed(Wanted(), place.read_model)
    history = History(place.log, place.index)
    while not is_last:
        page = await history.page(wanted, newest_first=newest_first, limit=LIMIT, cursor=cursor, seen=seen)
        cursor, is_last = page.cursor, page.is_last
        assert is_last or len(page.events) == LIMIT
        for event in page.events:
            kind, _, key = event.stream.partition("/")
            found.add(key if kind == "registered-model" else f"{kind} of e{experiment_of(event)}")
            places.append(event.offset)
    of_all = {f"{kind} of e{number}" for kind in ("experiment", "run", "logged-model", "artifact") for number in (0, 1)}
    in_full = {one for one in of_all if one[-2:] in expected} | (expected - {"e0", "e1", "runs of e1"})
    if "runs of e1" in expected:
        in_full |= {"run of e1", "artifact of e1"}
    assert found == in_full
    events = place.log._events[0]
    assert sorted(places) == [one.offset for one in events if await seen.has(one.stream)]


@pytest.mark.parametrize("place", [of_everything("MANAGE", "MANAGE")], indirect=True)
async def test_of_more_than_can_be_named_every_event_is_looked_at(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = place.seen(NEVER)
    assert len((await seen.narrowed(Wanted(), place.read_model)).conditions) == 1
    monkeypatch.setattr(seen_module, "MAX_NARROWED_TO", 1)
    assert (await seen.narrowed(Wanted(), place.read_model)).conditions == ()
