"""A load of events that webhooks are told of, and the check that a receiver was told all of them in order."""

import contextlib
import os
import signal
import threading
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Self

import requests

from tests.eventually import wait_until
from tests.services.process_tree import descendants
from tests.services.webhook_receiver import Received, WebhookReceiver

SENDER: Final = "tracklog.embedded.sender_child"
CALLER: Final = "tracklog.sending.caller"
"""What the command lines of these children hold."""

PAUSE_S: Final = 0.02


class Client:
    """Requests to one server."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()

    def ask(self, method: str, path: str, **body: Any) -> Any:
        """The JSON of an answer, which must be 200. The path is below MLflow's API unless it begins with a slash."""
        answer = self.answer(method, path, **body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def answer(self, method: str, path: str, **body: Any) -> requests.Response:
        where = self.url + (path if path.startswith("/") else f"/api/2.0/mlflow/{path}")
        return self._session.request(method, where, json=body, timeout=60)

    def webhook(self, url: str, *events: str, secret: str | None = None) -> str:
        """The id of a new webhook, by Tracklog's route."""
        body = {"name": "told", "url": url, "events": list(events)}
        if secret is not None:
            body["secret"] = secret
        made = self.ask("POST", "/api/tracklog/v1/webhooks", **body)
        webhook_id: str = made["webhook"]["webhook_id"]
        return webhook_id

    def last_version(self, model: str) -> int:
        """How many versions a model ever had."""
        answer = self.ask("GET", f"registered-models/get?name={model}")
        latest = answer["registered_model"].get("latest_versions", [])
        return max((int(one["version"]) for one in latest), default=0)


class VersionLoad:
    """Threads that make versions, each of a model of its own, as fast as they are answered until the end.

    A request that is not answered, because somebody killed the server, is not repeated.
    """

    def __init__(self, url: str, models: int = 4) -> None:
        self._url = url
        self._is_over = threading.Event()
        self.models = [f"m-{uuid.uuid4().hex[:8]}" for _ in range(models)]
        self.made = 0
        """How many requests were answered, at least."""
        client = Client(url)
        for model in self.models:
            client.ask("POST", "registered-models/create", name=model)
        self._threads = [threading.Thread(target=self._make, args=(model,), daemon=True) for model in self.models]

    def _make(self, model: str) -> None:
        client = Client(self._url)
        while not self._is_over.wait(PAUSE_S):
            with contextlib.suppress(requests.RequestException):
                if client.answer("POST", "model-versions/create", name=model, source="s3://b/x").ok:
                    self.made += 1

    def wait_for_more(self, count: int) -> None:
        """Return when `count` more were answered."""
        enough = self.made + count
        wait_until(lambda: self.made >= enough)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()


def told_versions(received: Iterable[Received]) -> dict[str, list[int]]:
    """The versions that were told as created, by model, in the order in which each came first."""
    told: dict[str, list[int]] = defaultdict(list)
    seen: set[str] = set()
    for one in received:
        if one.event == "model_version.created" and one.delivery_id not in seen:
            seen.add(one.delivery_id)
            told[one.said["data"]["name"]].append(int(one.said["data"]["version"]))
    return told


def assert_same_at_every_try(received: Sequence[Received]) -> None:
    """A delivery has one body, one position and one timestamp, and each position one delivery of a webhook."""
    by_id: dict[str, Received] = {}
    by_position: dict[tuple[str, str], str] = {}
    for one in received:
        first = by_id.setdefault(one.delivery_id, one)
        assert (one.body, one.headers["x-tracklog-event-position"], one.headers["x-mlflow-timestamp"]) == (
            first.body,
            first.headers["x-tracklog-event-position"],
            first.headers["x-mlflow-timestamp"],
        )
        place = (one.headers["x-tracklog-webhook-id"], one.headers["x-tracklog-event-position"])
        assert by_position.setdefault(place, one.delivery_id) == one.delivery_id


def assert_all_told(client: Client, load: VersionLoad, receiver: WebhookReceiver) -> None:
    """Every version of every model, in order, once it is counted once."""
    expected = {model: list(range(1, client.last_version(model) + 1)) for model in load.models}
    assert sum(map(len, expected.values())) >= load.made
    wait_until(lambda: sum(map(len, told_versions(receiver.received()).values())) >= sum(map(len, expected.values())))
    assert told_versions(receiver.received()) == expected
    assert_same_at_every_try(receiver.received())


def processes(pid: int, part: str) -> Iterator[int]:
    """The descendants of a process whose command line holds `part`."""
    for each in descendants(pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if part in Path(f"/proc/{each}/cmdline").read_bytes().decode(errors="replace").split("\0"):
                yield each


def kill(pids: Iterable[int]) -> int:
    """SIGKILL to each; how many there were."""
    count = 0
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            count += 1
    return count
