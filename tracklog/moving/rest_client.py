"""Asking a server of MLflow over HTTP, in one thread, with the credentials that MLflow's clients take."""

import json
import os
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final
from urllib.parse import unquote, urlencode, urlsplit

from tracklog.bringing import requests
from tracklog.moving.stores import NoStore
from tracklog.settings.tracking_client import CertificateUnusable, authorization, tls_of

TIMEOUT_S: Final = 120.0
"""A search over many runs may take MLflow a minute."""

ATTEMPTS: Final = 6
FIRST_PAUSE_S: Final = 0.5
"""Half a minute in all: as long as a server that starts again is away."""

MOST_ANSWER_BYTES: Final = 512 * 1024 * 1024
"""Of one answer, which is held in memory. Servers before 1.30 answer all points of a metric at once."""

RETRIED: Final = frozenset({429, 500, 502, 503, 504})
ABSENT: Final = frozenset({404, 405, 501})
"""Of a route that this version of a server does not have."""


class Refused(requests.Refused, NoStore):
    """The server said no, and says so again however often it is asked."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(status, f"The server answers {status}: {said}")


class RestClient:
    """One connection, kept open, to the server at `url`, in which a user and a password may stand.

    Redirections are not followed: credentials are for the server that was named.
    """

    def __init__(
        self,
        url: str,
        environment: Mapping[str, str] = os.environ,
        pause: Callable[[float], None] = time.sleep,
        attempts: int = ATTEMPTS,
    ) -> None:
        parts = urlsplit(url)
        if not parts.hostname:
            raise NoStore("The address must look like http://host:port.")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self.url = f"{parts.scheme}://{host}{'' if parts.port is None else f':{parts.port}'}{parts.path.rstrip('/')}"
        self.headers = authorization(environment, unquote(parts.username or ""), unquote(parts.password or ""))
        self._path = parts.path.rstrip("/")
        self._pause = pause
        self._attempts = attempts
        self._connection: HTTPConnection = (
            HTTPSConnection(parts.hostname, parts.port, timeout=TIMEOUT_S, context=trusted_by(environment))
            if parts.scheme == "https"
            else HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_S)
        )

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def get(self, path: str, query: Mapping[str, Any]) -> Any:
        """The JSON of an answer. Raises Refused, and NoStore where there is no answer."""
        return self._ask("GET", f"{path}?{urlencode(query, doseq=True)}", None)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """As `get`."""
        return self._ask("POST", path, json.dumps(body).encode())

    def post_json(self, path: str, body: bytes) -> Any:
        """As `post`, of what is JSON already. It may be sent again when its answer is lost."""
        return self._ask("POST", path, body)

    def pages(
        self, ask: Callable[[str, Mapping[str, Any]], Any], path: str, wanted: Mapping[str, Any]
    ) -> Iterator[Any]:
        """All pages of a list, by the tokens that the server gives; `ask` is `get` or `post`."""
        token = ""
        while True:
            page = ask(path, {**wanted, "page_token": token} if token else wanted)
            yield page
            before, token = token, str(page.get("next_page_token") or "")
            if not token or token == before:
                return

    def _ask(self, method: str, path: str, body: bytes | None) -> Any:
        pause_s = FIRST_PAUSE_S
        for attempt in range(1, self._attempts + 1):
            try:
                status, answer = self._once(method, path, body)
                if status not in RETRIED or attempt == self._attempts:
                    return _json_of(status, answer)
            except (OSError, HTTPException) as error:
                self._connection.close()
                if attempt == self._attempts:
                    raise NoStore(f"It cannot be reached: {error!r:.200}.") from error
            self._pause(pause_s)
            pause_s *= 2
        raise AssertionError("the last attempt returns or raises")

    def _once(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        headers = {"Accept": "application/json", **self.headers}
        if body is not None:
            headers["Content-Type"] = "application/json"
        self._connection.request(method, f"{self._path}/{path}", body, headers)
        answer = self._connection.getresponse()
        found = answer.read(MOST_ANSWER_BYTES + 1)
        if len(found) > MOST_ANSWER_BYTES:
            self._connection.close()
            raise NoStore(f"An answer to {path.partition('?')[0]} is larger than {MOST_ANSWER_BYTES} bytes.")
        return answer.status, found


def trusted_by(environment: Mapping[str, str]) -> ssl.SSLContext:
    """What is trusted, by the variables of MLflow's clients. Raises NoStore for a file that cannot be used."""
    try:
        return tls_of(environment)
    except CertificateUnusable as error:
        raise NoStore(f"A certificate named by the environment cannot be used: {error}.") from error


def _json_of(status: int, answer: bytes) -> Any:
    try:
        found = json.loads(answer)
    except ValueError:
        found = None
    if status != 200 or not isinstance(found, dict):
        said = found.get("message") if isinstance(found, dict) else None
        raise Refused(status, str(said or answer[:200].decode(errors="replace").strip() or "no JSON"))
    return found
