"""A read route is a message, a function of the read model and it, and the ordering units that can change the answer."""

from collections.abc import Iterable

from aiohttp.test_utils import make_mocked_request

from event_log.memory_event_log import MemoryEventLog
from query_api.freshness import Freshness
from query_api.port import ReadModel
from query_api.reads import Reads
from schemas.messages.runs import GetRun
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.request_keys import BEHIND
from schemas.rest.route import Kind
from schemas.rest.rules import READ_RUN
from tests.memory_progress import MemoryProgress
from tests.unit.query_api.sqlite_rows import SqliteRows


class Late(Freshness):
    """Always one event behind; remembers what was waited for."""

    def __init__(self) -> None:
        super().__init__(MemoryEventLog(), MemoryProgress())
        self.units: list[list[str] | None] = []

    async def caught_up(self, ordering_units: Iterable[str] | None = None) -> str | None:
        self.units.append(None if ordering_units is None else list(ordering_units))
        return "0:1/2"


async def answer(_read_model: ReadModel, wanted: GetRun) -> bytes:
    return b'"%b"' % wanted.run.encode()


def units(wanted: GetRun) -> Iterable[str]:
    return (f"run/{wanted.run}",)


async def test_a_route_waits_for_its_units_and_says_how_far_it_is_behind() -> None:
    freshness = Late()
    route = Reads(SqliteRows(), freshness).route("GET", "runs/get", GetRun, answer, READ_RUN, units)
    assert (route.path, route.kind, route.permission) == ("/mlflow/runs/get", Kind.READ, READ_RUN)
    request = make_mocked_request("GET", "/?run_id=r")
    response = await route.handler(request)
    assert isinstance(response, JsonAnswer)
    assert response.body == b'"r"'
    assert request[BEHIND] == "0:1/2"
    assert freshness.units == [["run/r"]]


async def test_a_route_without_units_waits_for_all() -> None:
    freshness = Late()
    await (
        Reads(SqliteRows(), freshness)
        .route("GET", "x", GetRun, answer, READ_RUN)
        .handler(make_mocked_request("GET", "/?run_id=r"))
    )
    assert freshness.units == [None]
