"""Webhooks of a whole server: what is killed, hangs or misbehaves costs no delivery and stops nobody else.

TRACKLOG_WEBHOOK_KILLS says how often something is killed under load.
"""

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.eventually import wait_until
from tests.services.certificate import self_signed
from tests.services.ports import HOST
from tests.services.webhook_receiver import WebhookReceiver
from tests.systems import WEBHOOKS
from tests.tracklog_server import TracklogServer
from tests.webhook_load import (
    CALLER,
    SENDER,
    Client,
    VersionLoad,
    assert_all_told,
    kill,
    processes,
)

KILLS: Final = int(os.environ.get("TRACKLOG_WEBHOOK_KILLS", "4"))
OURS: Final = "/api/tracklog/v1/webhooks"


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[WebhookReceiver]:
    with WebhookReceiver(tmp_path / "receiver") as receiver:
        yield receiver


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TracklogServer]:
    with TracklogServer(tmp_path / "server", environment=WEBHOOKS) as server:
        yield server


@pytest.fixture
def client(server: TracklogServer) -> Client:
    return Client(server.url)


def deliveries(client: Client, webhook_id: str, **query: str) -> list[dict[str, Any]]:
    """One page of what was, or is to be, delivered; the newest first."""
    asked = "&".join(f"{name}={value}" for name, value in {"max_results": "1000", **query}.items())
    found: list[dict[str, Any]] = client.ask("GET", f"{OURS}/{webhook_id}/deliveries?{asked}").get("deliveries", [])
    return found


# --- what is killed ---------------------------------------------------------------------------------------------------


def test_a_receiver_killed_and_restarted_gets_everything_in_order_per_model(
    client: Client, receiver: WebhookReceiver
) -> None:
    client.webhook(receiver.url(), "model_version.created", secret="s3cret")
    with VersionLoad(client.url) as load:
        load.wait_for_more(40)
        receiver.kill()
        load.wait_for_more(40)
        receiver.start()
        load.wait_for_more(40)
    assert_all_told(client, load, receiver)


def test_whatever_is_killed_nothing_is_lost(server: TracklogServer, client: Client, receiver: WebhookReceiver) -> None:
    client.webhook(receiver.url(), "model_version.created")
    victims = ["receiver", "caller", "sender", "server"]
    with VersionLoad(client.url) as load:
        wait_until(receiver.received)
        for number in range(KILLS):
            load.wait_for_more(20)
            match victims[number] if number < len(victims) else random.choice(victims):
                case "receiver":
                    receiver.kill()
                    load.wait_for_more(20)
                    receiver.start()
                case "caller":
                    kill(processes(server.pid, CALLER))
                case "sender":
                    kill(processes(server.pid, SENDER))
                case _:
                    server.kill()
                    server.start()
        load.wait_for_more(20)
    assert_all_told(client, load, receiver)


# --- who misbehaves ---------------------------------------------------------------------------------------------------


def test_a_receiver_that_misbehaves_stops_only_itself(
    tmp_path: Path, client: Client, receiver: WebhookReceiver
) -> None:
    files = (tmp_path / "certificate", tmp_path / "key")
    for file, content in zip(files, reversed(self_signed(HOST)), strict=True):
        file.write_bytes(content)
    with WebhookReceiver(tmp_path / "tls", tls=files) as untrusted:
        urls = {name: receiver.url(f"/{name}") for name in ("hang", "endless", "drip", "redirect", "503", "410")}
        urls["untrusted"] = untrusted.url()
        misbehaving = {name: client.webhook(url, "model_version.created") for name, url in urls.items()}
        client.webhook(receiver.url("/200"), "model_version.created")
        with VersionLoad(client.url) as load:
            load.wait_for_more(200)
        expected = sum(client.last_version(model) for model in load.models)
        wait_until(lambda: len(receiver.received("/200")) >= expected)
        last = {name: last_attempt(client, misbehaving[name]) for name in misbehaving if name not in ("hang", "drip")}
    assert {name: attempt.get("status") for name, attempt in last.items()} == {
        "endless": 200,
        "redirect": 307,
        "503": 503,
        "410": 410,
        "untrusted": None,
    }
    assert "certificate" in last["untrusted"]["error"]
    assert untrusted.received() == []
    assert receiver.received("/redirected") == []
    for name in ("hang", "drip", "redirect", "503"):
        of_models: dict[str, set[str]] = {}
        for one in receiver.received(f"/{name}"):
            of_models.setdefault(one.said["data"]["name"], set()).add(one.delivery_id)
        assert of_models
        assert all(len(ids) == 1 for ids in of_models.values()), f"{name} was sent the next before it had the first"


def last_attempt(client: Client, webhook_id: str) -> dict[str, Any]:
    """What came of one of the deliveries that were tried, once any was."""
    found: list[dict[str, Any]] = []

    def is_tried() -> bool:
        found[:] = [one["last_attempt"] for one in deliveries(client, webhook_id) if "last_attempt" in one]
        return bool(found)

    wait_until(is_tried)
    return found[0]


# --- secrets ----------------------------------------------------------------------------------------------------------

SECRETS: Final = ("planted-secret-of-creation", "planted-secret-of-update")


def test_a_secret_is_nowhere_but_sealed(tmp_path: Path, server: TracklogServer, client: Client) -> None:
    with WebhookReceiver(tmp_path / "receiver") as receiver:
        created, updated = SECRETS
        good = client.webhook(receiver.url(), "registered_model.created", secret=created)
        bad = client.webhook(receiver.url("/503"), "registered_model.created", secret=created)
        answers = [client.answer("PATCH", f"webhooks/{bad}", secret=updated).text]
        client.ask("POST", "registered-models/create", name="m")
        wait_until(lambda: receiver.received("/200") and receiver.received("/503"))
        delivery_id = receiver.received("/200")[0].delivery_id
        last_attempt(client, bad)
        reads = (
            "webhooks",
            f"webhooks/{good}",
            OURS,
            f"{OURS}/{good}",
            f"{OURS}/{good}/deliveries",
            f"{OURS}/{good}/deliveries/{delivery_id}",
            f"{OURS}/{bad}/deliveries",
            "/api/tracklog/v1/events?limit=100",
            "/metrics",
        )
        answers += [client.answer("GET", path).text for path in reads]
        answers.append(client.answer("POST", f"webhooks/{good}/test").text)
        answers.append(client.answer("POST", "webhooks", name="-", url="x", events=[], secret=created).text)
        answers.append(client.answer("POST", "webhooks", name=1, secret=created).text)
    server.stop()
    for answer in answers:
        assert not any(secret in answer for secret in SECRETS)
    files = [file for file in (tmp_path / "server").rglob("*") if file.is_file()]
    assert any(file.name == "server.log" for file in files)
    for file in files:
        assert not any(secret.encode() in file.read_bytes() for secret in SECRETS), file
