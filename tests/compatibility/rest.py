"""Raw requests to the tracking API, and tables of them with what must come back."""

import re
import uuid
from dataclasses import dataclass
from typing import Any

import requests

TIMEOUT_S = 60
API = "/api/2.0/mlflow/"

ERROR_CLASSES = {
    "INVALID_PARAMETER_VALUE": ("KAM00", "INVALID_PARAMETER_VALUE"),
    "BAD_REQUEST": ("KAM00", "INVALID_PARAMETER_VALUE"),
    "RESOURCE_ALREADY_EXISTS": ("KAM00", "RESOURCE_ALREADY_EXISTS"),
    "RESOURCE_DOES_NOT_EXIST": ("KAM00", "RESOURCE_NOT_FOUND"),
    "NOT_FOUND": ("KAM00", "RESOURCE_NOT_FOUND"),
    "ENDPOINT_NOT_FOUND": ("KAM00", "RESOURCE_NOT_FOUND"),
    "INTERNAL_ERROR": ("XXM00", "CLIENT_INTERNAL_ERROR"),
}
"""What `sqlstate` and `error_class` say beside an `error_code`."""


class Rest:
    """HTTP to one server; paths are relative to /api/2.0/mlflow/ unless they begin with a slash."""

    def __init__(self, url: str, session: requests.Session) -> None:
        self.url = url
        self._session = session

    def send(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Send one request with the arguments of `requests.request`."""
        where = path if path.startswith("/") else API + path
        arguments.setdefault("timeout", TIMEOUT_S)
        return self._session.request(method, self.url + where, **arguments)

    def send_as_it_stands(self, method: str, path: str, data: bytes | None) -> requests.Response:
        """Send a request whose path the client library does not tidy up."""
        request = self._session.prepare_request(requests.Request(method, self.url, data=data))
        request.url = self.url + path
        return self._session.send(request, timeout=TIMEOUT_S)

    def get(self, path: str, params: Any = None, **arguments: Any) -> requests.Response:
        """Send a GET with query parameters."""
        return self.send("GET", path, params=params, **arguments)

    def post(self, path: str, body: Any = None, **arguments: Any) -> requests.Response:
        """Send a POST with a JSON body."""
        return self.send("POST", path, json={} if body is None else body, **arguments)


@dataclass(frozen=True, slots=True)
class Case:
    """One row of a table: a request and its answer.

    `body` is the JSON body, for GET the query. Text such as `<run_id>` stands for that field of the subjects, `<new>`
    for a name never used before. `code` is the expected `error_code`, None for success.
    """

    name: str
    method: str
    path: str
    body: Any
    status: int
    code: str | None = None

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


def ok(name: str, method: str, path: str, body: Any) -> Case:
    """A request that is accepted."""
    return Case(name, method, path, body, 200)


def invalid(name: str, method: str, path: str, body: Any) -> Case:
    """A request that is refused with 400 INVALID_PARAMETER_VALUE."""
    return Case(name, method, path, body, 400, "INVALID_PARAMETER_VALUE")


def bad(name: str, method: str, path: str, body: Any) -> Case:
    """A request that is refused with 400 BAD_REQUEST."""
    return Case(name, method, path, body, 400, "BAD_REQUEST")


def missing(name: str, method: str, path: str, body: Any) -> Case:
    """A request that names something that does not exist: 404 RESOURCE_DOES_NOT_EXIST."""
    return Case(name, method, path, body, 404, "RESOURCE_DOES_NOT_EXIST")


def fill(value: Any, subjects: object) -> Any:
    """Replace `<field>` by the subject's field and `<new>` by a fresh name, in text at any depth."""
    if isinstance(value, str):
        return re.sub(
            r"<([a-z_]+)>", lambda m: uuid.uuid4().hex if m[1] == "new" else str(getattr(subjects, m[1])), value
        )
    if isinstance(value, dict):
        return {key: fill(item, subjects) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, subjects) for item in value]
    return value


def send(rest: Rest, case: Case, subjects: object) -> requests.Response:
    """Send the request of a case."""
    body = fill(case.body, subjects)
    path = fill(case.path, subjects)
    return rest.get(path, body) if case.method == "GET" else rest.send(case.method, path, json=body)


def assert_answer(answer: requests.Response, case: Case) -> None:
    """Check status, error code and shape of an answer; the text of messages is free."""
    seen = f"{case.method} {case.path} {case.body!r} -> {answer.status_code} {answer.text[:500]}"
    assert answer.status_code == case.status, seen
    if case.code is None:
        assert isinstance(answer.json(), dict), seen
    else:
        assert_error(answer, case.status, case.code)


def assert_error(answer: requests.Response, status: int, code: str) -> None:
    """Check that an answer is a refusal in MLflow's shape."""
    seen = f"{answer.request.method} {answer.request.url} -> {answer.status_code} {answer.text[:500]}"
    assert answer.status_code == status, seen
    assert answer.headers["Content-Type"].startswith("application/json"), seen
    error = answer.json()
    assert error["error_code"] == code, seen
    assert isinstance(error["message"], str), seen
    assert error["message"], seen
    if code in ERROR_CLASSES:
        assert (error["sqlstate"], error["error_class"]) == ERROR_CLASSES[code], seen
