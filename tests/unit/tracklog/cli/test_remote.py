"""What a command sends to a server, and to whom."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import click
import pytest

from tracklog.cli.bad_usage import BadUsage
from tracklog.cli.remote import Remote
from tracklog.settings.tracking_client import INSECURE, PASSWORD, SERVER_CERTIFICATE, TOKEN, USERNAME

SECRET = "a long secret of mine"


class Answering(BaseHTTPRequestHandler):
    """Says what it was asked; `/moved` leads to another place."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        status, body = 200, json.dumps({"authorization": self.headers.get("Authorization")}).encode()
        if self.path == "/refused":
            status, body = 400, b'{"error_code": "BAD_REQUEST", "message": "Not so."}'
        if self.path == "/text":
            status, body = 401, b"You are not authenticated."
        if self.path == "/page":
            body = b"<html>"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as its base calls it
        pass


@pytest.fixture
def url() -> Iterator[str]:
    Answering.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("environment", "sent"),
    [
        ({}, None),
        ({USERNAME: "ada", PASSWORD: "pä"}, "Basic YWRhOnDDpA=="),
        ({TOKEN: "t"}, "Bearer t"),
        ({USERNAME: "ada", PASSWORD: "p", TOKEN: "t"}, "Basic YWRhOnA="),
        ({USERNAME: "ada", TOKEN: "t"}, "Bearer t"),
    ],
)
def test_credentials_are_those_that_mlflows_clients_send(url: str, environment: dict[str, str], sent: str) -> None:
    assert Remote(url, environment).get("x") == {"authorization": sent}


def test_credentials_follow_no_redirect(url: str) -> None:
    with pytest.raises(click.ClickException):
        Remote(url, {TOKEN: SECRET}).get("moved")
    assert Answering.asked == ["/moved"]


@pytest.mark.parametrize(
    ("path", "said"), [("refused", "Not so."), ("text", "You are not authenticated."), ("page", "does not answer as")]
)
def test_what_a_server_refuses_is_said_in_its_words(url: str, path: str, said: str) -> None:
    with pytest.raises(click.ClickException) as refused:
        Remote(url, {TOKEN: SECRET}).get(path)
    assert said in refused.value.message
    assert SECRET not in refused.value.message


def test_a_server_that_is_away_is_one_sentence() -> None:
    with pytest.raises(click.ClickException) as away:
        Remote("http://127.0.0.1:9", {TOKEN: SECRET}).get("x")
    assert "cannot be reached" in away.value.message


@pytest.mark.parametrize("given", ["sqlite:///mlflow.db", "file:///etc/passwd", "localhost:5000", ""])
def test_only_a_server_is_asked(given: str) -> None:
    with pytest.raises(BadUsage):
        Remote(given, {})


def test_a_certificate_that_cannot_be_read_is_bad_usage() -> None:
    with pytest.raises(BadUsage):
        Remote("https://localhost", {SERVER_CERTIFICATE: "/nowhere"})
    Remote("https://localhost", {INSECURE: "true"})
