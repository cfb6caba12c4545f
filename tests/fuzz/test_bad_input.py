"""No request, however bad, is answered with a 5xx, in another shape than MLflow's, or with an event when refused.

Black box: a server in processes of its own, or the one that TRACKLOG_TEST_SERVER_URL names. Every request carries a
user agent of its own, which the events keep, so an event leads back to the request that made it.
TRACKLOG_FUZZ_EXAMPLES sets how many random bodies each route gets.
"""

import contextlib
import http.client
import importlib
import itertools
import json
import os
import pkgutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import messages
from schemas.messages import roles, users
from schemas.messages.history import AllHistory, FollowHistory
from schemas.messages.message import Message
from tests.eventually import wait_until
from tests.fuzz.routes import ALL_WRITES, ROUTES, V3, FuzzedRoute, Subject
from tests.fuzz.spoil import Request, fill, message_in, requests_of
from tests.systems import WEBHOOKS
from tests.tracklog_server import TracklogServer

EXAMPLES = int(os.environ.get("TRACKLOG_FUZZ_EXAMPLES", "20"))
SERVER_URL_VARIABLE = "TRACKLOG_TEST_SERVER_URL"
EVENTS_PER_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content_type: str
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    """One keep-alive connection that sends what HTTP libraries would refuse to."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url).netloc
        self._http = http.client.HTTPConnection(self._address, timeout=60)
        self._numbers = itertools.count()
        self._session = uuid.uuid4().hex[:8]
        self._cursor = ""

    def send(self, request: Request) -> tuple[str, Answer]:
        """The user agent that the request carried, and its answer."""
        user_agent = f"fuzz-{self._session}-{next(self._numbers)}"
        target = quote(request.path).encode() + (b"?" + request.query if request.query else b"")
        head = [
            b"%s %s HTTP/1.1" % (request.method.encode(), target),
            b"Host: " + self._address.encode(),
            b"User-Agent: " + user_agent.encode(),
        ]
        if request.body or request.method != "GET":
            head.append(b"Content-Length: %d" % len(request.body))
        if request.content_type:
            head.append(b"Content-Type: " + request.content_type.encode("latin-1"))
        if request.encoding:
            head.append(b"Content-Encoding: " + request.encoding.encode("latin-1"))
        if self._http.sock is None:
            self._http.connect()
        assert self._http.sock is not None
        # A request may be refused before it was read to its end; the answer is there all the same.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._http.sock.sendall(b"\r\n".join(head) + b"\r\n\r\n" + request.body)
        response = http.client.HTTPResponse(self._http.sock, method=request.method)
        response.begin()
        answer = Answer(response.status, response.headers.get("Content-Type", ""), response.read())
        if response.will_close:
            self._http.close()
        return user_agent, answer

    def post(self, path: str, body: Any, prefix: str = "/api/2.0/mlflow/") -> Any:
        """The answer to a good request."""
        _, answer = self.send(Request("good", "POST", f"{prefix}{path}", body=json.dumps(body).encode()))
        assert answer.status == 200, answer
        return answer.json()

    def new_events(self) -> list[dict[str, Any]]:
        """The events since the last call."""
        events: list[dict[str, Any]] = []
        while True:
            query = f"limit={EVENTS_PER_PAGE}&cursor={quote(self._cursor)}"
            _, answer = self.send(Request("events", "GET", "/api/tracklog/v1/events", query=query.encode()))
            assert answer.status == 200, answer
            page = answer.json()
            self._cursor = page["next_cursor"]
            if not page["events"]:
                return events
            events += page["events"]

    def close(self) -> None:
        self._http.close()


@pytest.fixture(scope="module")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of the server under test."""
    given_url = os.environ.get(SERVER_URL_VARIABLE)
    if given_url:
        yield given_url.rstrip("/")
        return
    folder: Path = tmp_path_factory.mktemp("server")
    with TracklogServer(folder, environment=WEBHOOKS) as server:
        yield server.url


@pytest.fixture(scope="module")
def connection(server_url: str) -> Iterator[Connection]:
    """A connection to the server under test."""
    connection = Connection(server_url)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def delivery(connection: Connection) -> tuple[str, str]:
    """A webhook that was told of something, and the delivery."""
    webhook_id = new_webhook(connection)
    tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    connection.post("registered-models/create", {"name": uuid.uuid4().hex, "tags": tags})
    found: list[Any] = []

    def is_there() -> bool:
        path = f"/api/tracklog/v1/webhooks/{webhook_id}/deliveries"
        found[:] = connection.send(Request("good", "GET", path))[1].json().get("deliveries", [])
        return bool(found)

    wait_until(is_there)
    return webhook_id, found[0]["delivery_id"]


@pytest.fixture
def subject(connection: Connection, delivery: tuple[str, str]) -> Subject:
    """An experiment with a run with data and a logged model, a registered model and a webhook, of the test's own."""
    experiment_id = connection.post("experiments/create", {"name": uuid.uuid4().hex})["experiment_id"]
    run_id = connection.post("runs/create", {"experiment_id": experiment_id})["run"]["info"]["run_id"]
    tagged = {"experiment_id": experiment_id, "source_run_id": run_id, "tags": [{"key": "k", "value": "v"}]}
    model = connection.post("logged-models", tagged)
    metric = {"key": "m", "value": 1, "timestamp": 1, "step": 1}
    connection.post("experiments/set-experiment-tag", {"experiment_id": experiment_id, "key": "k", "value": "v"})
    connection.post(
        "runs/log-batch", {"run_id": run_id, "metrics": [metric], "params": [{"key": "corrected", "value": "u"}]}
    )
    connection.post("runs/set-tag", {"run_id": run_id, "key": "k", "value": "v"})
    name = uuid.uuid4().hex
    connection.post("registered-models/create", {"name": name, "tags": [{"key": "k", "value": "v"}]})
    version = {"name": name, "source": "s3://bucket/model", "tags": [{"key": "k", "value": "v"}]}
    model_id, location = model["model"]["info"]["model_id"], model["model"]["info"]["artifact_uri"]
    for more in ({}, {"source": f"models:/{model_id}", "model_id": model_id}, {}):
        connection.post("model-versions/create", {**version, **more})
    file = f"/api/2.0/mlflow-artifacts/artifacts/{location.removeprefix('mlflow-artifacts:/')}/file"
    _, answer = connection.send(Request("good", "PUT", file, body=b"{}"))
    assert answer.status == 200, answer
    kept = {"experiment_id": experiment_id, "name": "kept", "serialized_scorer": "{}"}
    connection.post("scorers/register", kept, V3)
    dataset = connection.post("datasets/create", {"name": "d", "experiment_ids": [experiment_id]}, V3)["dataset"]
    of_it = {"experiment_id": experiment_id, "name": "n"}
    issue = connection.post("issues", {**of_it, "description": "d"}, V3)["issue"]
    question = {**of_it, "type": "FEEDBACK", "input": {"text": {}}}
    schema = connection.post("label-schemas/create", question, V3)["label_schema"]
    queue, empty_queue = (
        connection.post("review-queues/create", {**of_it, "name": name, "queue_type": "CUSTOM"}, V3)["review_queue"]
        for name in ("n", "empty")
    )
    for alias in ("a", "kept"):
        connection.post("registered-models/alias", {"name": name, "alias": alias, "version": "1"})
    trace_id = new_trace(connection, experiment_id)
    items = {"queue_id": queue["queue_id"], "item_type": "TRACE", "item_ids": [trace_id]}
    connection.post("review-queues/items/add", items, V3)
    return Subject(
        experiment_id,
        run_id,
        model_id,
        name,
        trace_id,
        new_webhook(connection),
        *delivery,
        dataset["dataset_id"],
        issue["issue_id"],
        schema["schema_id"],
        queue["queue_id"],
        empty_queue["queue_id"],
    )


def new_trace(connection: Connection, experiment_id: str) -> str:
    """The id of one with a tag, about which something was said."""
    pair = {"key": "k", "value": "v"}
    started = connection.post("traces", {"experiment_id": experiment_id, "tags": [pair]})
    trace_id: str = started["trace_info"]["request_id"]
    said = {"assessment": {"assessment_id": "a-1", "assessment_name": "good", "feedback": {"value": True}}}
    where = f"/api/3.0/mlflow/traces/{trace_id}/assessments"
    _, answer = connection.send(Request("good", "POST", where, body=json.dumps(said).encode()))
    assert answer.status == 200, answer
    return trace_id


def new_webhook(connection: Connection) -> str:
    """The id of one that leads to where nobody answers."""
    hook = {"name": "w", "url": "http://127.0.0.1:9/", "events": [{"entity": "PROMPT", "action": "CREATED"}]}
    webhook_id: str = connection.post("webhooks", hook)["webhook"]["webhook_id"]
    return webhook_id


def check_shape(route: FuzzedRoute, request: Request, answer: Answer) -> None:
    """200 with a JSON object or the file that was asked for, or a 4xx with MLflow's two fields."""
    sent = f"{route} {request.name}: {request.query[:300]!r} {request.body[:300]!r}"
    seen = f"{sent} -> {answer.status} {answer.body[:500]!r}"
    assert 200 <= answer.status < 500, seen
    if route.is_file and answer.status == 200:
        return
    if route.is_page and (answer.status == 303 or answer.content_type.startswith("text/html")):
        return
    assert answer.content_type.startswith("application/json"), seen
    document = answer.json()
    assert isinstance(document, dict), seen
    if answer.status != 200:
        assert isinstance(document.get("error_code"), str), seen
        assert isinstance(document.get("message"), str), seen


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_spoiled_requests_are_answered_in_mlflows_shape_and_leave_no_event_when_refused(
    route: FuzzedRoute, connection: Connection, subject: Subject
) -> None:
    connection.new_events()
    accepted: set[str] = set()
    names: dict[str, str] = {}
    for request in requests_of(route, subject):
        user_agent, answer = connection.send(request)
        check_shape(route, request, answer)
        names[user_agent] = request.name
        if answer.status == 200:
            accepted.add(user_agent)
        if request.name == "good":
            assert answer.status == 200 or route.path == "experiments/restore", answer
    made_by = {event["actor"]["user_agent"] for event in connection.new_events()} & names.keys()
    assert {names[user_agent] for user_agent in made_by - accepted} == set()
    assert route in ALL_WRITES or made_by == set(), "a read made an event"


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["NaN", "Infinity", "mlflow.runName", "FINISHED", "1", "a/b", "metrics.m > 1", "name ASC"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("route", [route for route in ROUTES if route.has_body], ids=str)
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_values_of_any_fields_are_answered_in_mlflows_shape(
    route: FuzzedRoute, connection: Connection, subject: Subject, data: st.DataObject
) -> None:
    body = fill(dict(route.example), subject)
    fields = data.draw(st.lists(st.sampled_from(route.message.__struct_fields__), min_size=1, max_size=3, unique=True))
    body.update({field: data.draw(json_values, label=field) for field in fields})
    text = json.dumps(body).encode("utf-8", "surrogatepass")
    path = route.prefix + fill(route.path, subject)
    request = Request("any", route.method, path, body=text)
    check_shape(route, request, connection.send(request)[1])


def test_nothing_that_was_accepted_is_set_aside_by_the_projector(connection: Connection, subject: Subject) -> None:
    # Reading what was just written waits until the projector is past everything before it.
    query = f"run_id={subject.run_id}".encode()
    _, read = connection.send(Request("read", "GET", "/api/2.0/mlflow/runs/get", query=query))
    assert read.status == 200, read
    _, metrics = connection.send(Request("metrics", "GET", "/metrics"))
    assert b"\ntracklog_set_aside_events 0.0\n" in metrics.body


def test_every_message_of_the_tracking_api_is_fuzzed() -> None:
    every = {
        one
        for module in pkgutil.iter_modules(messages.__path__, f"{messages.__name__}.")
        for one in vars(importlib.import_module(module.name)).values()
        if isinstance(one, type) and issubclass(one, Message)
    }
    # Their routes are there only where users are known: tests/integration/test_users.py and test_rights.py.
    of_users = {one for one in every if one.__module__ in (users.__name__, roles.__name__)}
    bases = {base for one in every for base in one.__bases__}
    inside = {
        found
        for one in every
        for annotation in one.__annotations__.values()
        if (found := message_in(annotation)) is not None
    }
    # What it answers has no end: tests/unit/query_api/history/test_tail.py. It is refused as ReadHistory is.
    endless = {FollowHistory, AllHistory}  # the latter names a right, and no route reads it
    fuzzed = {route.message for route in ROUTES}
    assert every - bases - inside - of_users - endless == fuzzed - bases
