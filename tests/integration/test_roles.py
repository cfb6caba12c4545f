"""Rules of the roles as processes: who answers what, what two replicas know of each other, outages, and leaving.

TRACKLOG_RACING_CALLS says how many calls race on one registered model.
"""

import os
import random
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

from schemas.events import EVENT_TYPES, AnyEvent
from tests.eventually import AT_MOST_S, wait_until
from tests.registry_model import Model, replayed
from tests.services.kafka import Kafka
from tests.services.postgresql import Postgresql, execute
from tests.services.role import RoleProcess
from tests.services.roles import Roles
from tests.systems import shared_stores

API = "/api/2.0/mlflow/"
RACING_CALLS = int(os.environ.get("TRACKLOG_RACING_CALLS", "1000"))
RACING_CLIENTS = 24

WRITES_MEANWHILE = 100
"""How many metrics are logged one after another while the database is away."""


class Replica:
    """One process of a role, as a client sees it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.was_behind = False
        """Whether the last answer said that it had not seen the whole log."""
        self._session = requests.Session()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and JSON of one request; the path is below the tracking API unless it begins with a slash."""
        where = self.url + (path if path.startswith("/") else API + path)
        answer = self._session.request(method, where, json=body, headers=headers, timeout=30)
        self.was_behind = "X-Tracklog-Behind" in answer.headers
        is_json = answer.headers.get("Content-Type", "").startswith("application/json")
        return answer.status_code, answer.json() if is_json else answer.text

    def post(self, path: str, **body: Any) -> tuple[int, Any]:
        return self.ask("POST", path, body)

    def code(self, path: str, **body: Any) -> str:
        """The error code of a write, "" when it was taken."""
        status, told = self.post(path, **body)
        return "" if status == 200 else str(told["error_code"])

    def new_experiment(self) -> str:
        return str(self.post("experiments/create", name=f"e{time.time_ns()}")[1]["experiment_id"])

    def new_run(self, experiment_id: str = "0") -> str:
        return str(self.post("runs/create", experiment_id=experiment_id)[1]["run"]["info"]["run_id"])

    def log(self, run_id: str, step: int = 0) -> str:
        return self.code("runs/log-metric", run_id=run_id, key="m", value=1.0, timestamp=1, step=step)

    def run(self, run_id: str) -> Any:
        """A run, once an answer does not say that it is behind."""
        run = self.ask("GET", f"runs/get?run_id={run_id}")[1]["run"]
        deadline = time.monotonic() + AT_MOST_S
        while self.was_behind:
            assert time.monotonic() < deadline, "reads stay behind"
            run = self.ask("GET", f"runs/get?run_id={run_id}")[1]["run"]
        return run


@pytest.fixture(scope="module")
def roles(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Roles]:
    """The four roles on Kafka, PostgreSQL and MinIO, two of them ingest."""
    with ExitStack() as stack:
        environment = stack.enter_context(shared_stores(request, kafka=True))
        yield stack.enter_context(Roles(tmp_path_factory.mktemp("roles"), lambda: environment, {"ingest": 2}))


@pytest.fixture
def replicas(roles: Roles) -> tuple[Replica, Replica]:
    """The two ingest processes."""
    first, second = (Replica(process.url) for process in roles.processes["ingest"])
    return first, second


@pytest.fixture
def query(roles: Roles) -> Replica:
    return Replica(roles.processes["query"][0].url)


# Who answers what


@pytest.mark.parametrize(
    ("role", "method", "path"),
    [
        ("ingest", "GET", "runs/get"),
        ("ingest", "POST", "runs/search"),
        ("ingest", "GET", "/get-artifact"),
        ("query", "GET", "/model-versions/get-artifact"),
        ("ingest", "GET", "/"),
        ("query", "POST", "runs/create"),
        ("query", "POST", "runs/log-metric"),
        ("query", "GET", "artifacts/list"),
        ("artifacts", "GET", "runs/get"),
        ("artifacts", "POST", "runs/create"),
        ("projector", "GET", "runs/get"),
        ("projector", "POST", "runs/create"),
    ],
)
def test_a_role_that_does_not_serve_a_route_says_so(roles: Roles, role: str, method: str, path: str) -> None:
    status, told = Replica(roles.processes[role][0].url).ask(method, path)
    assert status == 404
    assert told["error_code"] == "ENDPOINT_NOT_FOUND"
    assert f"The {role} role" in told["message"]


@pytest.mark.parametrize("role", ["ingest", "query", "artifacts", "projector"])
def test_every_role_says_how_it_is(roles: Roles, role: str) -> None:
    process = Replica(roles.processes[role][0].url)
    assert process.ask("GET", "/health") == (200, "OK")
    assert process.ask("GET", "/ready") == (200, {"ready": True})
    assert process.ask("GET", "/version")[0] == 200
    status, metrics = process.ask("GET", "/metrics")
    assert status == 200
    assert 'tracklog_projection_lag_events{partition="7"}' in metrics


def test_the_address_in_an_event_is_the_clients_and_not_the_proxys(roles: Roles, query: Replica) -> None:
    first = Replica(roles.processes["ingest"][0].url)
    experiment_id = str(
        first.ask("POST", "experiments/create", {"name": "from-afar"}, **{"X-Forwarded-For": "192.0.2.7"})[1][
            "experiment_id"
        ]
    )
    events = query.ask("GET", f"/api/tracklog/v1/events?stream=experiment/{experiment_id}")[1]["events"]
    assert {event["actor"]["address"] for event in events} == {"192.0.2.7"}


# Two replicas


def test_what_one_replica_is_told_the_next_read_sees(replicas: tuple[Replica, Replica], query: Replica) -> None:
    for number in range(20):
        run_id = replicas[number % 2].new_run()
        assert replicas[1 - number % 2].log(run_id, number) == ""
        assert query.run(run_id)["data"]["metrics"][0]["step"] == number


def test_the_files_of_a_version_are_given_as_soon_as_one_replica_has_registered_it(
    roles: Roles, replicas: tuple[Replica, Replica]
) -> None:
    name = f"m{time.time_ns()}"
    run_id = replicas[0].new_run()
    artifacts = Replica(roles.url)
    at = f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/note.json"
    assert artifacts.ask("PUT", at, {"note": 1})[0] == 200
    assert replicas[0].code("registered-models/create", name=name) == ""
    source = f"mlflow-artifacts:/0/{run_id}/artifacts"
    for number in range(1, 6):
        registering = replicas[number % 2]
        assert registering.code("model-versions/create", name=name, source=source, run_id=run_id) == ""
        file = f"/model-versions/get-artifact?name={name}&version={number}&path=note.json"
        assert artifacts.ask("GET", file) == (200, '{"note": 1}')


def test_a_run_deleted_through_one_replica_takes_no_metrics_at_another_within_a_second(
    replicas: tuple[Replica, Replica],
) -> None:
    deleting, other = replicas
    run_id = other.new_run()
    assert other.log(run_id) == ""
    assert deleting.code("runs/delete", run_id=run_id) == ""
    wait_until(lambda: other.log(run_id) == "INVALID_PARAMETER_VALUE")
    assert deleting.code("runs/restore", run_id=run_id) == ""
    wait_until(lambda: other.log(run_id) == "")


def test_an_experiment_deleted_through_one_replica_takes_no_runs_at_another_within_a_second(
    replicas: tuple[Replica, Replica],
) -> None:
    deleting, other = replicas
    experiment_id = other.new_experiment()
    other.new_run(experiment_id)
    assert deleting.code("experiments/delete", experiment_id=experiment_id) == ""
    wait_until(lambda: other.code("runs/create", experiment_id=experiment_id) != "")


def race(*calls: Callable[[], str]) -> list[str]:
    """What each of the calls, made at once, was told."""
    with ThreadPoolExecutor(len(calls)) as threads:
        return [call.result() for call in [threads.submit(call) for call in calls]]


def test_of_creates_of_one_name_through_two_replicas_exactly_one_wins(replicas: tuple[Replica, Replica]) -> None:
    for number in range(10):
        name = f"raced-{number}-{time.time_ns()}"
        told = race(*[partial(replica.code, "experiments/create", name=name) for replica in replicas * 3])
        assert sorted(told) == ["", *["RESOURCE_ALREADY_EXISTS"] * 5]


def test_of_renames_to_one_name_through_two_replicas_exactly_one_wins(replicas: tuple[Replica, Replica]) -> None:
    for number in range(5):
        ids = [replicas[0].new_experiment() for _ in replicas]
        name = f"renamed-{number}-{time.time_ns()}"
        told = race(
            *[
                partial(replica.code, "experiments/update", experiment_id=one, new_name=name)
                for replica, one in zip(replicas, ids, strict=True)
            ]
        )
        assert sorted(told) == ["", "BAD_REQUEST"]


def test_of_two_values_of_a_param_through_two_replicas_exactly_one_wins(
    replicas: tuple[Replica, Replica], query: Replica
) -> None:
    for _ in range(10):
        run_id = replicas[0].new_run()
        told = race(
            *[
                partial(replica.code, "runs/log-parameter", run_id=run_id, key="p", value=value)
                for replica, value in zip(replicas, ("a", "b"), strict=True)
            ]
        )
        assert sorted(told) == ["", "INVALID_PARAMETER_VALUE"]
        assert query.run(run_id)["data"]["params"] == [{"key": "p", "value": "ab"[told.index("")]}]


def racing_calls(name: str, count: int) -> list[tuple[str, dict[str, Any]]]:
    """Creates, which tag their version with a number, and changes of versions that may be there by then."""
    dice = random.Random(13)
    calls: list[tuple[str, dict[str, Any]]] = []
    for number in range(count):
        version = str(dice.randint(1, 1 + number // 3))
        kind = dice.randrange(3)
        if kind == 0:
            tags = [{"key": "call", "value": str(number)}]
            calls.append(("model-versions/create", {"name": name, "source": "s3://bucket/model", "tags": tags}))
        elif kind == 1:
            alias = dice.choice(["champion", "challenger"])
            calls.append(("registered-models/alias", {"name": name, "alias": alias, "version": version}))
        else:
            change = {"stage": "Production", "archive_existing_versions": True}
            calls.append(("model-versions/transition-stage", {"name": name, "version": version, **change}))
    return calls


def history_of(query: Replica, stream: str) -> list[tuple[int, AnyEvent]]:
    """Every event of a stream with its time in milliseconds."""
    found: list[tuple[int, AnyEvent]] = []
    cursor = ""
    while True:
        path = f"/api/tracklog/v1/events?limit=10000&stream={stream}&cursor={cursor}"
        page = query.ask("GET", path)[1]
        for one in page["events"]:
            time_ms = int(datetime.fromisoformat(one["time"]).timestamp() * 1_000_000 + 0.5) // 1000
            found.append((time_ms, msgspec.convert(one["data"], EVENT_TYPES[one["type"]])))
        cursor = page["next_cursor"]
        if not page["events"]:
            return found


def test_racing_changes_of_one_registered_model_leave_what_one_order_explains(
    replicas: tuple[Replica, Replica], query: Replica
) -> None:
    name = f"racing-{time.time_ns()}"
    assert replicas[0].code("registered-models/create", name=name) == ""
    calls = racing_calls(name, RACING_CALLS)

    def client(number: int) -> list[tuple[str, int, Any]]:
        replica = Replica(replicas[number % 2].url)
        return [(path, *replica.post(path, **body)) for path, body in calls[number::RACING_CLIENTS]]

    with ThreadPoolExecutor(RACING_CLIENTS) as clients:
        answers = [answer for told in clients.map(client, range(RACING_CLIENTS)) for answer in told]

    history = history_of(query, f"registered-model/{name}")
    registry = replayed(history)
    model = registry.models[name]
    assert {status for _, status, _ in answers} <= {200, 404}, "what is not there yet is not found"
    taken = sum(status == 200 for _, status, _ in answers)
    assert 1 + taken == len(history) - len(registry.refused), "each event that holds was answered so, and once"
    assert_one_order(model, [told for path, _, told in answers if path == "model-versions/create"])
    assert_shown(query, name, model)


def assert_one_order(model: Model, created: list[Any]) -> None:
    """Numbers have no gap and no double, and are told to whom the order gives them; one version is in Production."""
    told = [(int(one["model_version"]["version"]), one["model_version"]["tags"][0]["value"]) for one in created]
    assert sorted(model.versions) == list(range(1, model.last_version + 1))
    assert sorted(told) == [(number, version.tags["call"]) for number, version in sorted(model.versions.items())]
    assert [version.stage for version in model.versions.values()].count("Production") == 1
    assert set(model.aliases) == {"champion", "challenger"}


def assert_shown(query: Replica, name: str, model: Model) -> None:
    """The read model holds what the order of the log comes to."""
    shown = query.ask("GET", f"registered-models/get?name={name}")[1]["registered_model"]
    assert {one["alias"]: int(one["version"]) for one in shown["aliases"]} == model.aliases
    assert (shown["creation_timestamp"], shown["last_updated_timestamp"]) == (model.created_ms, model.updated_ms)
    for number, version in model.versions.items():
        one = query.ask("GET", f"model-versions/get?name={name}&version={number}")[1]["model_version"]
        assert (one["current_stage"], one["tags"][0]["value"]) == (version.stage, version.tags["call"])
        assert (one["creation_timestamp"], one["last_updated_timestamp"]) == (version.created_ms, version.updated_ms)
        assert one.get("aliases", []) == sorted(alias for alias, its in model.aliases.items() if its == number)


def test_a_delete_that_races_metrics_loses_none_that_was_acknowledged(
    replicas: tuple[Replica, Replica], query: Replica
) -> None:
    deleting, writing = replicas
    run_id = writing.new_run()
    told = race(
        partial(deleting.code, "runs/delete", run_id=run_id),
        *[partial(writing.log, run_id, step) for step in range(20)],
    )
    acknowledged = {step for step, code in enumerate(told[1:]) if code == ""}
    history = query.ask("GET", f"metrics/get-history?run_id={run_id}&metric_key=m")[1].get("metrics", [])
    assert {point.get("step", 0) for point in history} == acknowledged


@pytest.fixture
def fast_replica(roles: Roles) -> Iterator[Replica]:
    """One more ingest process, whose clock is half a minute ahead of the others'."""
    process = roles.new_process("ingest", 9)
    process.clock_ahead_s = 30.0
    with process:
        yield Replica(process.url)


def test_clocks_that_differ_lose_no_acknowledged_delete(
    replicas: tuple[Replica, Replica], fast_replica: Replica, query: Replica
) -> None:
    """Commands of all kinds by turns, against what one MLflow server would hold after each of them."""
    chance = random.Random(25)
    ingests = (replicas[0], fast_replica)
    experiment_id = fast_replica.new_experiment()
    is_active = True
    runs: dict[str, bool] = {}
    for _ in range(60):
        ingest, act = chance.choice(ingests), chance.choice(["run", "runs/delete", "runs/restore", "experiment"])
        if act == "run" and is_active:
            status, made = ingest.post("runs/create", experiment_id=experiment_id)
            if status == 200:  # else it has not heard yet that the experiment was restored
                runs[made["run"]["info"]["run_id"]] = True
        elif act == "experiment":
            change = "experiments/delete" if is_active else "experiments/restore"
            assert ingest.code(change, experiment_id=experiment_id) == ""
            is_active = not is_active
            runs = dict.fromkeys(runs, is_active)
        elif act != "run" and runs:
            run_id = chance.choice(list(runs))
            assert ingest.code(act, run_id=run_id) == ""
            runs[run_id] = act == "runs/restore"
        if not runs:
            continue
        run_id = chance.choice(list(runs))
        shown = query.run(run_id)["info"]["lifecycle_stage"]
        assert shown == ("active" if runs[run_id] else "deleted")
    for run_id, active in runs.items():
        assert query.run(run_id)["info"]["lifecycle_stage"] == ("active" if active else "deleted")
        for ingest in ingests:
            wait_until(partial(takes_metrics, ingest, run_id, active))


def takes_metrics(ingest: Replica, run_id: str, active: bool) -> bool:
    return (ingest.log(run_id) == "") == active


def test_a_create_that_was_not_answered_is_answered_when_its_client_repeats_it(
    roles: Roles, replicas: tuple[Replica, Replica], query: Replica
) -> None:
    """Durable and told 503; repeated through another replica."""
    first, other = replicas
    name = f"repeated-{time.time_ns()}"
    [projector] = roles.processes["projector"]
    projector.suspend()
    try:
        assert first.code("experiments/create", name=name) == "TEMPORARILY_UNAVAILABLE"
    finally:
        projector.resume()
    strange = {"User-Agent": "another client"}
    wait_until(lambda: query.ask("GET", f"experiments/get-by-name?experiment_name={name}")[0] == 200)
    found = query.ask("GET", f"experiments/get-by-name?experiment_name={name}")[1]["experiment"]["experiment_id"]
    assert other.ask("POST", "experiments/create", {"name": name}, **strange)[0] == 400
    assert other.post("experiments/create", name=name) == (200, {"experiment_id": found})
    for replica in replicas:
        assert replica.code("experiments/create", name=name) == "RESOURCE_ALREADY_EXISTS"


# Leaving


def test_a_role_that_is_told_to_stop_ends_with_zero(roles: Roles, replicas: tuple[Replica, Replica]) -> None:
    for role in ("ingest", "query", "artifacts"):
        process = roles.new_process(role, 9).start()
        assert process.stop() == 0


def test_a_projector_that_is_told_to_stop_leaves_its_partitions_to_another(
    roles: Roles, replicas: tuple[Replica, Replica], query: Replica
) -> None:
    [first] = roles.processes["projector"]
    second = roles.new_process("projector", 2).start()
    try:
        assert first.stop() == 0
        run_id = replicas[0].new_run()
        assert replicas[1].log(run_id) == ""
        assert query.run(run_id)["data"]["metrics"]
    finally:
        first.start()
        assert second.stop() == 0
    assert query.run(replicas[0].new_run())


# Outages, on services of the test's own


@pytest.fixture
def own_environment(own_postgresql: Postgresql, own_kafka: Kafka) -> dict[str, str]:
    """The stores in services that the test may stop."""
    execute(own_postgresql.url, "CREATE DATABASE tracklog")
    return {
        "MLFLOW_BACKEND_STORE_URI": own_postgresql.url_of("tracklog"),
        "TRACKLOG_EVENT_LOG": f"kafka://{own_kafka.bootstrap}/tracklog-{uuid.uuid4().hex[:16]}",
    }


@pytest.fixture
def own_roles(own_environment: dict[str, str], tmp_path: Path) -> Iterator[dict[str, RoleProcess]]:
    """A projector, an ingest and a query process on them."""
    with ExitStack() as stack:
        processes = {
            role: RoleProcess(tmp_path / role, role, 1, own_environment) for role in ("projector", "ingest", "query")
        }
        for process in processes.values():
            process.spawn()
            stack.push(process)
        for process in processes.values():
            process.wait_until_ready()
        yield processes


def missing(process: RoleProcess) -> dict[str, str]:
    """What a process says it lacks."""
    _, told = Replica(process.url).ask("GET", "/ready")
    return dict(told.get("missing", {}))


def is_ready(process: RoleProcess) -> bool:
    return process.is_ready()


def test_while_postgresql_is_away_metrics_of_known_runs_are_acknowledged_and_the_rest_is_told_to_come_again(
    own_roles: dict[str, RoleProcess], own_postgresql: Postgresql
) -> None:
    ingest, query = Replica(own_roles["ingest"].url), Replica(own_roles["query"].url)
    run_id = ingest.new_run()
    unseen = ingest.new_run()
    assert ingest.log(run_id) == ""
    own_postgresql.stop()
    wait_until(lambda: "read model" in missing(own_roles["ingest"]))
    wait_until(lambda: "read model" in missing(own_roles["query"]))
    wait_until(lambda: missing(own_roles["projector"]))
    for step in range(1, WRITES_MEANWHILE + 1):
        assert ingest.log(run_id, step) == ""
    assert ingest.code("runs/set-tag", run_id=run_id, key="during", value="x") == ""
    for refused in (
        lambda: ingest.code("runs/log-parameter", run_id=run_id, key="p", value="1"),
        lambda: ingest.code("experiments/create", name="during"),
        lambda: ingest.log("f" * 32),
        lambda: query.ask("GET", f"runs/get?run_id={unseen}")[1].get("error_code"),
    ):
        assert refused() == "TEMPORARILY_UNAVAILABLE"
    own_postgresql.start()
    for process in own_roles.values():
        wait_until(partial(is_ready, process))
    tags = {tag["key"] for tag in query.run(run_id)["data"]["tags"]}
    assert "during" in tags
    history = query.ask("GET", f"metrics/get-history?run_id={run_id}&metric_key=m")[1]["metrics"]
    assert len(history) == 1 + WRITES_MEANWHILE
    assert ingest.code("experiments/create", name="during") == ""


def test_while_kafka_is_away_writes_are_told_to_come_again(own_roles: dict[str, RoleProcess], own_kafka: Kafka) -> None:
    ingest, query = Replica(own_roles["ingest"].url), Replica(own_roles["query"].url)
    run_id = ingest.new_run()
    assert query.run(run_id)
    own_kafka.stop()
    wait_until(lambda: "event log" in missing(own_roles["ingest"]))
    for _ in range(3):
        assert ingest.log(run_id) == "TEMPORARILY_UNAVAILABLE"
    assert query.ask("GET", f"runs/get?run_id={run_id}")[0] == 200
    assert query.was_behind
    own_kafka.start()
    wait_until(lambda: ingest.log(run_id) == "")
    for process in own_roles.values():
        wait_until(partial(is_ready, process))
    assert query.run(run_id)["data"]["metrics"]


def test_roles_wait_at_their_start_for_what_is_not_there_yet(
    own_environment: dict[str, str], own_postgresql: Postgresql, tmp_path: Path
) -> None:
    own_postgresql.stop()
    with ExitStack() as stack:
        projector = RoleProcess(tmp_path / "projector", "projector", 1, own_environment)
        ingest = RoleProcess(tmp_path / "ingest", "ingest", 1, own_environment)
        for process in (projector, ingest):
            process.spawn()
            stack.push(process)
        wait_until(lambda: projector.status_of("/health") == 200)
        assert missing(projector)
        own_postgresql.start()
        for process in (projector, ingest):
            process.wait_until_ready()
        assert Replica(ingest.url).new_run()


def waits_to_start(process: RoleProcess) -> bool:
    return "waiting to start" in process.log_tail()


def test_a_role_that_waits_can_be_told_to_stop(
    own_environment: dict[str, str], own_postgresql: Postgresql, own_kafka: Kafka, tmp_path: Path
) -> None:
    own_postgresql.stop()
    own_kafka.stop()
    waiting = [RoleProcess(tmp_path / role, role, 1, own_environment) for role in ("ingest", "projector", "query")]
    for process in waiting:
        process.spawn()
    for process in waiting:
        wait_until(partial(waits_to_start, process))
    for process in waiting:
        assert process.stop() == 0
