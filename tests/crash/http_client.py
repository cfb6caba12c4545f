"""Plain HTTP to a server that may be killed at any moment."""

import http.client
import json
from typing import Any
from urllib.parse import urlencode

TIMEOUT_S = 30.0
API = "/api/2.0/mlflow/"
BAD_GATEWAY = 502


class NoAnswerError(Exception):
    """The connection ended before an answer was there: nobody knows what has happened."""


class Behind(Exception):
    """The server said that what it answers is older than the end of its log, or that it cannot answer now."""


class Connection:
    """One keep-alive connection, opened again after it broke."""

    def __init__(self, port: int) -> None:
        self.headers: dict[str, str] = {}
        """Sent with every request."""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)

    def ask(self, method: str, target: str, body: Any = None, request_id: str = "") -> tuple[int, dict[str, Any]]:
        """Send one request; its status and JSON.

        Raises NoAnswerError, Behind.
        """
        headers = {"Content-Type": "application/json", **self.headers}
        if request_id:
            headers["X-Request-Id"] = request_id
        try:
            self._connection.request(method, target, None if body is None else json.dumps(body), headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise NoAnswerError(repr(error)) from error
        if answer.status == BAD_GATEWAY:
            raise NoAnswerError("the proxy got no answer")
        if answer.headers.get("X-Tracklog-Behind"):
            raise Behind
        return answer.status, json.loads(content) if content.startswith(b"{") else {}

    def get(self, path: str, **query: str) -> tuple[int, dict[str, Any]]:
        """Read from the tracking API, or at a whole path."""
        return self.ask("GET", f"{_whole(path)}?{urlencode(query)}")

    def post(self, path: str, body: Any, request_id: str = "") -> tuple[int, dict[str, Any]]:
        """Write to the tracking API, or search; or at a whole path."""
        return self.ask("POST", _whole(path), body, request_id)

    def is_healthy(self) -> bool:
        """Whether the server answers now."""
        try:
            return self.ask("GET", "/health")[0] == 200
        except NoAnswerError:
            return False

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()


def _whole(path: str) -> str:
    return path if path.startswith("/") else API + path
