"""The server under test and the stock clients that speak to it.

The suite states what an MLflow client sees, so it can be pointed at any server: `TRACKLOG_TEST_SERVER_URL=http://...`
runs it against that one (a real MLflow server shows that an assertion is parity and not wishful), otherwise it is run
on each of the `tests.systems`, one after the other, each started once. What the server on PostgreSQL alone has is a
log in PostgreSQL; the files that are not about writes and when they are seen run on it in `make soak`.
"""

import functools
import os
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import mlflow
import pytest
import requests
from mlflow import MlflowClient

from tests.compatibility.refused_to_users import reason_to_refuse
from tests.compatibility.rest import Rest
from tests.compatibility.training import CLIENT_ENVIRONMENT, NOWHERE
from tests.systems import OF_A_USER, SYSTEMS_VARIABLE, RunningSystem, chosen_systems, running_system

SERVER_URL_VARIABLE = "TRACKLOG_TEST_SERVER_URL"
GIVEN = "given"
"""The name of the server that the environment names."""

ALSO_ON_POSTGRESQL: Final = {
    "test_log_batch",
    "test_read_your_writes",
    "test_registered_models",
    "test_runs",
    "test_webhook_deliveries",
}
"""The files that run on it without being told to: its read model is that of the distributed system."""


ALSO_OF_A_USER: Final = {"test_rest_writes"}
"""The file that runs as a user with just enough rights without being told to: it has most rules."""


OF_CLIENTS: Final = {
    "test_artifact_locations",
    "test_artifact_names",
    "test_java_client",
    "test_mlflow2_client",
    "test_node_exporter",
    "test_prompts",
    "test_registering_models",
    "test_training_scripts",
}
"""The files about what a client sends and takes, which is the same whatever stores are behind the server: on the
distributed system they run in `make soak`."""


def pytest_report_header() -> str:
    """Say which client is used: the installed one, or the one that goes before it on the path."""
    return f"MLflow client {mlflow.__version__}"


@pytest.fixture(scope="session", autouse=True)
def _client_environment() -> Iterator[None]:
    """Give the in-process client the environment that the client subprocesses get too."""
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith(("MLFLOW_", "_MLFLOW_"))]:
            environment.delenv(name)
        for name, value in {**CLIENT_ENVIRONMENT, "MLFLOW_TRACKING_URI": NOWHERE}.items():
            environment.setenv(name, value)
        yield


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what asks for a server on the systems that the environment names, without it on those of its file."""
    if "system" in metafunc.fixturenames:
        systems = [GIVEN] if SERVER_URL_VARIABLE in os.environ else chosen_systems()
        if SYSTEMS_VARIABLE not in os.environ and metafunc.module.__name__.rpartition(".")[2] not in ALSO_ON_POSTGRESQL:
            systems = [name for name in systems if name != "postgresql"]
        if SYSTEMS_VARIABLE not in os.environ and metafunc.module.__name__.rpartition(".")[2] in ALSO_OF_A_USER:
            systems += [OF_A_USER] if systems != [GIVEN] else []
        metafunc.parametrize("system", systems, indirect=True, scope="package")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have what a user without more rights is refused fail for that user, and mark what takes long."""
    for item in items:
        system = getattr(getattr(item, "callspec", None), "params", {}).get("system")
        if system == "distributed" and item.path.stem in OF_CLIENTS and SYSTEMS_VARIABLE not in os.environ:
            item.add_marker(pytest.mark.soak)
        if system == OF_A_USER:
            reason = reason_to_refuse(item.nodeid)
            if reason is not None:
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the last lines that the system under test printed where a test failed."""
    report = yield
    system: RunningSystem | None = getattr(item, "funcargs", {}).get("system")
    if report.failed and system is not None:
        report.sections.append((f"Log of {system.name}", system.log_tail()))
    return report


@pytest.fixture(scope="package")
def started(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], RunningSystem]]:
    """A system by its name, started for the first who asks and stopped after the last test.

    Each file of tests is run on one system after the other: to start them for each file took longer than its tests.
    """
    with ExitStack() as stack:

        @functools.cache
        def start(name: str) -> RunningSystem:
            return stack.enter_context(running_system(name, tmp_path_factory.mktemp("system"), request))

        yield start


@pytest.fixture(scope="package")
def system(request: pytest.FixtureRequest, started: Callable[[str], RunningSystem]) -> RunningSystem:
    """The system under test."""
    if request.param == GIVEN:
        return RunningSystem(GIVEN, os.environ[SERVER_URL_VARIABLE].rstrip("/"), str)
    return started(request.param)


@pytest.fixture(scope="package")
def server_url(system: RunningSystem) -> str:
    """The base URL of the system under test, without a slash at its end."""
    return system.url


@pytest.fixture(scope="package")
def is_mlflow(server_url: str) -> bool:
    """Whether the server under test is a real MLflow, which has no event route.

    A server that the session started itself is never taken for one.
    """
    if SERVER_URL_VARIABLE not in os.environ:
        return False
    answer = requests.get(f"{server_url}/api/tracklog/v1/events", params={"limit": "1"}, timeout=30)
    return answer.status_code == 404 and "html" in answer.headers.get("Content-Type", "")


@pytest.fixture(scope="package")
def rest(server_url: str) -> Iterator[Rest]:
    """Plain HTTP, for what a stock client cannot be made to send."""
    with requests.Session() as session:
        yield Rest(server_url, session)


@pytest.fixture(scope="package")
def client(server_url: str) -> MlflowClient:
    """The stock client of MLflow 3, pointed at the server by argument and not by a global."""
    return MlflowClient(tracking_uri=server_url)


@pytest.fixture
def followed(server_url: str) -> Iterator[None]:
    """MLflow's functions without a client of their own talk to the server."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(server_url)
    yield
    mlflow.set_tracking_uri(before)


def fresh_name(prefix: str = "experiment") -> str:
    """Return a name that no other test uses."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def experiment_id(client: MlflowClient) -> str:
    """A new experiment of the test's own."""
    return client.create_experiment(fresh_name())


@pytest.fixture
def run_id(client: MlflowClient, experiment_id: str) -> str:
    """A new active run of the test's own."""
    made: str = client.create_run(experiment_id).info.run_id
    return made


@dataclass(frozen=True, slots=True)
class Subjects:
    """Ids of things that a table of requests may name as `<field>`; requests must leave them as they are."""

    experiment_id: str
    experiment_name: str
    deleted_experiment_id: str
    deleted_experiment_name: str
    run_id: str
    deleted_run_id: str
    model_id: str


@pytest.fixture(scope="package")
def subjects(client: MlflowClient) -> Subjects:
    """One experiment, run and logged model to aim requests at, and deleted ones beside them."""
    name, deleted_name = fresh_name("subject"), fresh_name("deleted-subject")
    experiment_id = client.create_experiment(name)
    deleted_experiment_id = client.create_experiment(deleted_name)
    client.delete_experiment(deleted_experiment_id)
    run_id = client.create_run(experiment_id, run_name="subject").info.run_id
    client.log_param(run_id, "fixed", "1")
    client.log_metric(run_id, "m", 1.0, timestamp=1, step=0)
    client.set_tag(run_id, "present", "yes")
    client.set_experiment_tag(experiment_id, "present", "yes")
    deleted_run_id = client.create_run(experiment_id, run_name="deleted").info.run_id
    client.delete_run(deleted_run_id)
    model = client.create_logged_model(experiment_id, name="subject", params={"fixed": "1"})
    return Subjects(
        experiment_id=experiment_id,
        experiment_name=name,
        deleted_experiment_id=deleted_experiment_id,
        deleted_experiment_name=deleted_name,
        run_id=run_id,
        deleted_run_id=deleted_run_id,
        model_id=model.model_id,
    )
