"""A server for commands: it keeps what it is asked, and answers what a test says."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from click.testing import CliRunner, Result

from tracklog.cli.commands import tracklog

POLL_S = 0.005
"""How soon it ends once a test has."""


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: Mapping[str, Sequence[str]]
    raw: bytes
    headers: Mapping[str, str]
    """By their names in lower case."""

    @property
    def body(self) -> Any:
        return json.loads(self.raw) if self.raw else None


@dataclass(frozen=True)
class Said:
    """An answer that is more than JSON with status 200."""

    body: bytes = b"{}"
    status: int = 200
    headers: Mapping[str, str] | None = None
    length: int | None = None
    """What it says of its length, where that is a lie."""


def refusal(status: int, message: str, error_code: str = "INVALID_PARAMETER_VALUE") -> Said:
    return Said(json.dumps({"error_code": error_code, "message": message}).encode(), status)


Answer = Any | Said | Callable[[Asked], Any]


class Answering:
    """Answers by method and path. What it has no answer for is refused with 404."""

    def __init__(self, url: str, answers: Mapping[str, Answer]) -> None:
        self.url = url
        self.answers = dict(answers)
        self.asked: list[Asked] = []

    def answer(self, asked: Asked) -> Said:
        self.asked.append(asked)
        answer = self.answers.get(f"{asked.method} {asked.path}")
        if callable(answer):
            answer = answer(asked)
        if answer is None:
            return refusal(404, f"{asked.path} is not there.", "RESOURCE_DOES_NOT_EXIST")
        return answer if isinstance(answer, Said) else Said(json.dumps(answer).encode())

    def run(self, *words: str, typed: str | None = None, **environment: str) -> Result:
        """Run `tracklog` with these words, asking this server, as nobody unless `environment` says otherwise."""
        given = {name: None for name in os.environ if name.startswith(("MLFLOW_", "TRACKLOG_"))}
        asking = {**given, "MLFLOW_TRACKING_URI": self.url, **environment}
        return CliRunner().invoke(tracklog, list(words), input=typed, env=asking)

    def done(self, *words: str, typed: str | None = None) -> str:
        """What a command prints that succeeds."""
        result = self.run(*words, typed=typed)
        assert (result.exit_code, result.exception) == (0, None), result.output
        return result.stdout

    @property
    def bodies(self) -> list[tuple[str, Any]]:
        """Of each request its path, and its body or its query."""
        return [
            (f"{one.method} {one.path}", one.body if one.raw else {key: value[-1] for key, value in one.query.items()})
            for one in self.asked
        ]


def _lower(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@contextmanager
def answering(answers: Mapping[str, Answer]) -> Iterator[Answering]:
    class Handler(BaseHTTPRequestHandler):
        def _respond(self) -> None:
            address = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = Asked(self.command, address.path.lstrip("/"), parse_qs(address.query), raw, _lower(self.headers))
            said = there.answer(asked)
            self.send_response(said.status)
            for name, value in (said.headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.body) if said.length is None else said.length))
            self.end_headers()
            self.wfile.write(said.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _respond  # noqa: N815  # as its base calls them

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as its base calls it
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        there = Answering(f"http://127.0.0.1:{server.server_address[1]}", answers)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": POLL_S})
        thread.start()
        try:
            yield there
        finally:
            server.shutdown()
            thread.join()
