"""Webhooks of the distributed system: two senders share what is to be told, and take over from one another.

TRACKLOG_WEBHOOK_KILLS says how often something is killed under load.
"""

import os
import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest
from cryptography.fernet import Fernet

from tests.eventually import wait_until
from tests.services.roles import Roles
from tests.services.webhook_receiver import WebhookReceiver
from tests.systems import WEBHOOKS, shared_stores
from tests.webhook_load import (
    CALLER,
    Client,
    VersionLoad,
    assert_all_told,
    kill,
    processes,
)

KILLS: Final = int(os.environ.get("TRACKLOG_WEBHOOK_KILLS", "3"))
KEY: Final = "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY"
ROLE: Final = "webhooks"


@pytest.fixture(scope="module")
def roles(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Roles]:
    with ExitStack() as stack:
        stores = stack.enter_context(shared_stores(request, kafka=True))
        environment = {**stores, **WEBHOOKS, KEY: Fernet.generate_key().decode()}
        yield stack.enter_context(Roles(tmp_path_factory.mktemp("roles"), lambda: environment, {ROLE: 2}))


@pytest.fixture
def client(roles: Roles) -> Client:
    return Client(roles.url)


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[WebhookReceiver]:
    with WebhookReceiver(tmp_path / "receiver") as receiver:
        yield receiver


def test_two_senders_share_the_work_without_doubling_it(
    roles: Roles, client: Client, receiver: WebhookReceiver
) -> None:
    client.webhook(receiver.url(), "model_version.created", secret="s3cret")
    with VersionLoad(client.url, models=8) as load:
        load.wait_for_more(80)
    assert_all_told(client, load, receiver)
    ids = [one.delivery_id for one in receiver.received()]
    assert len(ids) == len(set(ids))
    assert all(one.headers["x-mlflow-signature"].startswith("v1,") for one in receiver.received())


def test_whatever_is_killed_nothing_is_lost(roles: Roles, client: Client, receiver: WebhookReceiver) -> None:
    client.webhook(receiver.url(), "model_version.created")
    victims = ["sender", "caller", "receiver"]
    with VersionLoad(client.url) as load:
        wait_until(receiver.received)
        for number in range(KILLS):
            load.wait_for_more(20)
            sender = random.choice(roles.processes[ROLE])
            match victims[number] if number < len(victims) else random.choice(victims):
                case "sender":
                    sender.kill()
                    load.wait_for_more(20)
                    sender.start()
                case "caller":
                    kill(processes(sender.pid, CALLER))
                case _:
                    receiver.kill()
                    load.wait_for_more(20)
                    receiver.start()
        load.wait_for_more(20)
    assert_all_told(client, load, receiver)
