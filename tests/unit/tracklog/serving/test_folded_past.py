"""A single thing as of a moment is folded from its streams, and is what the fold of the whole log had of it then."""

import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack
from types import SimpleNamespace
from typing import TypeAlias, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from event_log.gathered import Gathered
from event_log.memory_event_log import MemoryEventLog
from event_log.port import EventLogReader, LogUnavailable
from event_log.streams import SearchingStreamReader
from projector.sqlite_memory import FoldInMemory
from query_api.freshness import Freshness
from query_api.port import ReadModel
from query_api.routes import query_routes
from query_api.sqlite.in_memory import InMemoryReadModel
from schemas.errors import InvalidParameterValue, PermissionDenied, RequestLimitExceeded, ResourceDoesNotExist
from schemas.events import (
    AnyEvent,
    DatasetInput,
    ExperimentDeleted,
    ExperimentRenamed,
    RegisteredModelCreated,
    RegisteredModelDeleted,
    RegisteredModelRenamed,
    RoleAssigned,
    RoleCreated,
    RoleGranted,
    RunInputsLogged,
    UserAdminChanged,
    UserCreated,
    UserGranted,
    UserRevoked,
)
from schemas.rest.access import ASKING, Asking
from schemas.rest.past import POSITION_HEADER
from tests.memory_progress import MemoryProgress
from tests.unit.projector.histories import RUNS, created, experiment, log_of, metric
from tracklog.serving import folded_past
from tracklog.serving.folded_past import FoldedPast


class Asked:
    """Routes over a history, as a client asks them."""

    def __init__(self, log: EventLogReader, live: ReadModel) -> None:
        self.past = FoldedPast(log, SearchingStreamReader(log), live)
        service: object = SimpleNamespace()
        freshness = Freshness(log, MemoryProgress({0: 1_000}))
        routes = query_routes(live, freshness, log, None, service, past=self.past)  # type: ignore[arg-type]
        self._handlers = {route.path: route.handler for route in routes if route.method == "GET"}

    async def get(self, path: str, as_of: str, *, by_user: bool = False) -> web.Response:
        headers = {"X-Tracklog-As-Of": as_of} if as_of else {}
        request = make_mocked_request("GET", f"/?{path.partition('?')[2]}", headers)
        if by_user:
            request[ASKING] = cast(Asking, Allowing())
        place = path.partition("?")[0]
        answer = await self._handlers[place if place.startswith("/") else f"/mlflow/{place}"](request)
        assert isinstance(answer, web.Response)
        return answer

    async def json(self, path: str, as_of: str) -> object:
        body = (await self.get(path, as_of)).body
        assert isinstance(body, bytes)
        return json.loads(body)


class Allowing:
    """Somebody who is no administrator, and may read what is asked for as it is now."""

    async def allow(self, _message: object) -> None:
        pass


Asks: TypeAlias = Callable[..., Awaitable[Asked]]


@pytest.fixture
def asked() -> Iterator[Asks]:
    """Routes over a history of events."""
    with ExitStack() as opened:

        async def over(*history: AnyEvent) -> Asked:
            log = await log_of(*history)
            events = await log.read(0, 0, limit=1_000)
            fold = FoldInMemory(Gathered(log, {0: events}, 100))
            opened.callback(fold.connection.close)
            await (await fold.start()).fold_until({0: len(events)})
            return Asked(log, InMemoryReadModel(fold.connection))

        yield over


def model(name: str, number: int) -> RegisteredModelCreated:
    return RegisteredModelCreated(name=name, registered_model_id=f"{number:032x}", description=f"number {number}")


def inputs(run_id: str, source: str) -> RunInputsLogged:
    return RunInputsLogged(run_id=run_id, datasets=[DatasetInput(name="d", digest="1", source_type="t", source=source)])


async def test_positions_that_the_read_model_passed_are_answered_while_the_log_does_not_tell_its_end(
    asked: Asks, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_log: object) -> None:
        raise LogUnavailable("Kafka did not say where the log ends")

    api = await asked(experiment(), created(), metric(step=1, value=0.5), metric(step=2, value=0.25))
    path = f"runs/get?run_id={RUNS[0]}"
    before = await api.json(path, "0:3")
    monkeypatch.setattr(MemoryEventLog, "end", away)
    assert await api.json(path, "0:3") == before
    for beyond in ("0:1001", "1:0"):
        with pytest.raises(LogUnavailable):
            await api.get(path, beyond)


async def test_a_run_is_as_it_was_and_the_answer_says_when(asked: Asks) -> None:
    api = await asked(experiment(), created(), metric(step=1, value=0.5), metric(step=2, value=0.25))
    answer = await api.get(f"runs/get?run_id={RUNS[0]}", "0:3")
    assert answer.headers[POSITION_HEADER] == "0:3"
    assert isinstance(answer.body, bytes)
    assert b'"value":0.5' in answer.body
    with pytest.raises(ResourceDoesNotExist):
        await api.get(f"runs/get?run_id={RUNS[0]}", "0:1")


async def test_a_time_is_answered_with_its_positions(asked: Asks) -> None:
    api = await asked(experiment(), created(), metric(step=1))
    answer = await api.get(f"runs/get?run_id={RUNS[0]}", "1970-01-01T00:00:01.000001Z")
    assert answer.headers[POSITION_HEADER] == "0:2"


async def test_a_rename_that_lost_then_is_lost_in_the_past_too(asked: Asks) -> None:
    """Only the other experiment's stream, which is not read, could say so."""
    renamed = ExperimentRenamed(experiment_id=0, name="taken")
    api = await asked(experiment(0, "mine"), experiment(1, "taken"), renamed, experiment(2))
    document = await api.json("experiments/get?experiment_id=0", "0:3")
    assert document["experiment"]["name"] == "mine"  # type: ignore[index]


async def test_a_model_is_found_by_each_name_while_it_had_it(asked: Asks) -> None:
    api = await asked(model("a", 1), RegisteredModelRenamed(name="a", new_name="b"), model("a", 2))
    for name, as_of, number in (("a", "0:1", 1), ("b", "0:2", 1), ("b", "0:3", 1), ("a", "0:3", 2)):
        document = await api.json(f"registered-models/get?name={name}", as_of)
        assert document["registered_model"]["description"] == f"number {number}"  # type: ignore[index]
    with pytest.raises(ResourceDoesNotExist):
        await api.get("registered-models/get?name=a", "0:2")


async def test_a_name_that_another_model_gave_up_is_free_in_the_past_too(asked: Asks) -> None:
    """The other came to it from a name that is read, and was deleted under one that is not."""
    api = await asked(
        model("b", 1),
        RegisteredModelRenamed(name="b", new_name="a"),
        RegisteredModelDeleted(name="a"),
        model("b", 2),
        RegisteredModelRenamed(name="b", new_name="c"),
        RegisteredModelDeleted(name="c"),
        model("a", 3),
        RegisteredModelRenamed(name="a", new_name="c"),
    )
    with pytest.raises(ResourceDoesNotExist):
        await api.get("registered-models/get?name=a", "0:8")
    document = await api.json("registered-models/get?name=c", "0:8")
    assert document["registered_model"]["description"] == "number 3"  # type: ignore[index]


@pytest.mark.parametrize(
    "later", [(RegisteredModelDeleted(name="a"),), (RegisteredModelRenamed(name="a", new_name="b"), model("a", 2))]
)
async def test_what_had_a_name_that_is_no_longer_its_own_is_for_administrators(
    asked: Asks, later: Sequence[AnyEvent]
) -> None:
    """Rights are on what is there now: they would be on another model of that name, or on none."""
    api = await asked(model("a", 1), *later)
    await api.get("registered-models/get?name=a", "0:1")
    with pytest.raises(PermissionDenied):
        await api.get("registered-models/get?name=a", "0:1", by_user=True)


async def test_who_may_read_a_model_may_read_its_past(asked: Asks) -> None:
    api = await asked(model("a", 1), RegisteredModelRenamed(name="a", new_name="b"))
    await api.get("registered-models/get?name=b", "0:2", by_user=True)


async def test_a_dataset_is_described_as_another_run_did_first(asked: Asks) -> None:
    api = await asked(
        experiment(), created(), created(RUNS[1]), inputs(RUNS[1], "first"), inputs(RUNS[0], "second"), metric()
    )
    answer = await api.get(f"runs/get?run_id={RUNS[0]}", "0:5")
    assert isinstance(answer.body, bytes)
    assert b'"source":"first"' in answer.body


@pytest.mark.parametrize("as_of", ["friday", "9998-01-01", "0:9", "3:1", "0:1,0:1", "9" * 20_000])
async def test_what_is_no_moment_of_this_log_is_refused(asked: Asks, as_of: str) -> None:
    api = await asked(experiment())
    with pytest.raises(InvalidParameterValue):
        await api.get("experiments/get?experiment_id=0", as_of)


async def test_more_than_is_bounded_names_the_server_that_has_no_such_bound(
    asked: Asks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folded_past, "MAX_EVENTS", 2)
    api = await asked(experiment(), created(), metric(step=1), metric(step=2))
    await api.get(f"metrics/get-history?run_id={RUNS[0]}&metric_key=loss", "0:3")
    with pytest.raises(InvalidParameterValue, match="server --as-of 0:4"):
        await api.get(f"metrics/get-history?run_id={RUNS[0]}&metric_key=loss", "0:4")


async def test_who_is_one_too_many_is_told_to_come_again(asked: Asks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folded_past, "MAX_AT_ONCE", 1)
    api = await asked(experiment())
    async with api.past.of_streams(["experiment/0"], {0: 1}):
        with pytest.raises(RequestLimitExceeded):
            await api.get("experiments/get?experiment_id=0", "0:1")
    await api.get("experiments/get?experiment_id=0", "0:1")


async def test_a_difference_names_the_event_that_made_it(asked: Asks) -> None:
    api = await asked(experiment(), created(), metric(step=1, value=0.5), metric("other"), metric(step=2, value=0.25))
    answer = await api.json(f"/diff?run_id={RUNS[0]}&from=0:3&to=0:5", "")
    [loss, other] = answer["differences"]  # type: ignore[index]
    assert (loss["field"], loss["before"]["value"], loss["after"]["value"]) == ("data.metrics.loss", 0.5, 0.25)
    assert [one["offset"] for one in loss["events"]] == [4]
    assert (other["field"], other["before"]) == ("data.metrics.other", None)
    assert [one["offset"] for one in other["events"]] == [3]


async def test_a_run_is_deleted_by_an_event_of_its_experiment(asked: Asks) -> None:
    api = await asked(experiment(), created(), ExperimentDeleted(experiment_id=0))
    answer = await api.json(f"/diff?run_id={RUNS[0]}&from=0:2", "")
    [difference] = answer["differences"]  # type: ignore[index]
    assert (difference["field"], difference["after"]) == ("info.lifecycle_stage", "deleted")
    assert difference["events"][0]["stream"] == "experiment/0"


async def test_a_renamed_model_is_one_and_the_same(asked: Asks) -> None:
    api = await asked(model("a", 1), RegisteredModelRenamed(name="a", new_name="b"), model("a", 2))
    answer = await api.json("/diff?registered_model=b&from=0:1", "")
    changed = {one["field"]: (one["before"], one["after"]) for one in answer["differences"]}  # type: ignore[index]
    assert changed["name"] == ("a", "b")
    assert "description" not in changed


async def test_many_events_of_a_kind_make_one_step(asked: Asks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folded_past, "MAX_STEPS", 2)
    api = await asked(experiment(), created(), *(metric(step=step, value=float(step)) for step in range(1, 6)))
    answer = await api.json(f"/diff?run_id={RUNS[0]}&from=0:2", "")
    [loss] = answer["differences"]  # type: ignore[index]
    assert [(one["offset"], one.get("count")) for one in loss["events"]] == [(2, 3), (5, 2)]


@pytest.mark.parametrize(
    "query",
    [
        "from=0:1",
        f"run_id={RUNS[0]}",
        f"run_id={RUNS[0]}&experiment_id=0&from=0:1",
        f"run_id={RUNS[0]}&from=0:2&to=0:1",
        f"run_id={RUNS[0]}&from=friday",
    ],
)
async def test_a_question_that_names_no_thing_or_no_two_moments_is_refused(asked: Asks, query: str) -> None:
    api = await asked(experiment(), created())
    with pytest.raises(InvalidParameterValue):
        await api.json(f"/diff?{query}", "")


async def test_what_never_was_has_no_differences(asked: Asks) -> None:
    api = await asked(experiment())
    with pytest.raises(ResourceDoesNotExist):
        await api.json("/diff?run_id=nothing&from=0:0", "")


async def test_the_rights_of_a_user_change_by_roles_grants_and_the_account(asked: Asks) -> None:
    api = await asked(
        UserCreated(username="root", is_admin=True),
        UserCreated(username="ada", is_admin=True),
        RoleCreated(role_key="k1", name="readers"),
        RoleGranted(role_key="k1", resource_type="experiment", resource_pattern="3", level="READ"),
        UserGranted(username="ada", resource_type="experiment", resource_pattern="4", level="EDIT"),
        RoleAssigned(role_key="k1", username="ada"),
        UserRevoked(username="ada", resource_type="experiment", resource_pattern="4"),
        UserAdminChanged(username="ada", is_admin=False),
    )
    answer = await api.json("/diff?username=ada&from=0:5", "")
    changed = {
        one["field"]: (one["before"], one["after"], [event["offset"] for event in one["events"]])
        for one in answer["differences"]  # type: ignore[index]
    }
    assert changed == {
        "grants.experiment 3 by role readers": (None, "READ", [5]),
        "grants.experiment 4": ("EDIT", None, [6]),
        "is_admin": (True, False, [7]),
        "roles.readers": (None, "readers", [5]),
    }


async def test_the_rights_of_users_are_for_administrators(asked: Asks) -> None:
    api = await asked(UserCreated(username="ada", is_admin=True))
    with pytest.raises(PermissionDenied):
        await api.get("/diff?username=ada&from=0:0", "", by_user=True)
