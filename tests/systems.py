"""The systems that one suite of tests is run against: the ways to run Tracklog, each a whole that answers at one URL.

`TRACKLOG_TEST_SYSTEMS=embedded,distributed` chooses among them; without it a suite runs on all.
"""

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import requests
from cryptography.fernet import Fernet

from tests.eventually import wait_until
from tests.services.kafka_topic import remove_topic
from tests.services.postgresql import execute, run_apart
from tests.services.roles import Roles
from tests.services.s3_bucket import REGION, S3Service, fresh_bucket_name, remove_bucket, s3_client
from tests.tracklog_server import TracklogServer

SYSTEMS = ("embedded", "postgresql", "distributed")
"""Everything in one process tree on SQLite; one server on PostgreSQL and MinIO; the four roles behind nginx on Kafka,
PostgreSQL and MinIO."""

OF_A_USER: Final = "user"
"""Tested only where it is named: the embedded server for somebody who may do no more than what tests need."""

SYSTEMS_VARIABLE = "TRACKLOG_TEST_SYSTEMS"

WEBHOOKS: Final = {"MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https", "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true"}
"""So that webhooks may lead to a receiver of a test."""

Log = Callable[[], str]
"""The last lines that a system printed."""


def chosen_systems() -> list[str]:
    """The systems to test, in the order of `SYSTEMS`."""
    given = os.environ.get(SYSTEMS_VARIABLE)
    names = SYSTEMS if not given else [name.strip() for name in given.split(",")]
    known = (*SYSTEMS, OF_A_USER)
    unknown = set(names) - set(known)
    if unknown:
        raise pytest.UsageError(f"{SYSTEMS_VARIABLE} names {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return [name for name in known if name in names]


@dataclass(frozen=True, slots=True)
class RunningSystem:
    """Where clients are pointed, and what the processes printed last."""

    name: str
    url: str
    log_tail: Log


@contextmanager
def running_system(name: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[RunningSystem]:
    """A system on `folder` and on stores of its own in the services of the session, removed in the end."""
    if name == "embedded":
        with TracklogServer(folder, environment=WEBHOOKS) as server:
            yield RunningSystem(name, server.url, server.log_tail)
        return
    if name == OF_A_USER:
        options, password = ("--app-name", "basic-auth"), secrets.token_urlsafe()
        environment = {**WEBHOOKS, "MLFLOW_AUTH_ADMIN_PASSWORD": password}
        with TracklogServer(folder, options=options, environment=environment) as server:
            yield RunningSystem(name, _url_of_a_user(server, ("admin", password)), server.log_tail)
        return
    with contextlib.ExitStack() as stack:
        stores = stack.enter_context(shared_stores(request, kafka=name == "distributed"))
        environment = {**stores, **WEBHOOKS, "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": Fernet.generate_key().decode()}
        if name == "postgresql":
            server = stack.enter_context(TracklogServer(folder, stores=(), environment=environment))
            yield RunningSystem(name, server.url, server.log_tail)
        else:
            roles = stack.enter_context(Roles(folder, lambda: environment, {"webhooks": 1}))
            yield RunningSystem(name, roles.url, roles.log_tails)


def _url_of_a_user(server: TracklogServer, admin: tuple[str, str]) -> str:
    """The URL of the server with the name and the password of a new user, who may use the default experiment."""
    api, name, password = f"{server.url}/api", "ada", secrets.token_urlsafe()
    wait_until(lambda: requests.get(f"{api}/2.0/mlflow/users/current", auth=admin, timeout=60).status_code == 200)
    user = {"username": name, "password": password}
    requests.post(f"{api}/2.0/mlflow/users/create", json=user, auth=admin, timeout=60).raise_for_status()
    right = {"username": name, "resource_type": "experiment", "resource_id": "0", "permission": "EDIT"}
    granted = requests.post(f"{api}/3.0/mlflow/users/permissions/grant", json=right, auth=admin, timeout=60)
    granted.raise_for_status()
    return server.url.replace("://", f"://{name}:{password}@")


@contextmanager
def shared_stores(request: pytest.FixtureRequest, *, kafka: bool) -> Iterator[dict[str, str]]:
    """The environment that names an empty database, an empty bucket and, with `kafka`, a topic not there yet."""
    postgresql: Any = request.getfixturevalue("postgresql_service")
    s3: S3Service = request.getfixturevalue("s3_service")
    name = fresh_bucket_name()
    with contextlib.ExitStack() as stack:
        database = name.replace("-", "_")
        execute(postgresql.url, f"CREATE DATABASE {database}")
        stack.callback(execute, postgresql.url, f"DROP DATABASE {database} WITH (FORCE)")
        stack.enter_context(_bucket(s3, name))
        environment = {
            "MLFLOW_BACKEND_STORE_URI": postgresql.url_of(database),
            "MLFLOW_ARTIFACTS_DESTINATION": f"s3://{name}/artifacts",
            "MLFLOW_S3_ENDPOINT_URL": s3.url,
            "AWS_ACCESS_KEY_ID": s3.access_key,
            "AWS_SECRET_ACCESS_KEY": s3.secret_key,
            "AWS_DEFAULT_REGION": REGION,
        }
        if kafka:
            bootstrap: str = request.getfixturevalue("kafka_service").bootstrap
            stack.callback(lambda: run_apart(remove_topic(bootstrap, name)))
            environment["TRACKLOG_EVENT_LOG"] = f"kafka://{bootstrap}/{name}"
        yield environment


@contextmanager
def _bucket(s3: S3Service, name: str) -> Iterator[None]:
    client = s3_client(s3)
    client.create_bucket(Bucket=name)
    try:
        yield
    finally:
        remove_bucket(client, name)
        client.close()
