"""What a command sends to a server, and to whom."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import click
import pytest

from tests.unit.tracklog.cli.answering import POLL_S, Said, answering, refusal
from tracklog.cli.bad_usage import BadUsage
from tracklog.cli.remote import Remote, RemoteAway
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
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": POLL_S})
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


# --- answers that are more than one JSON ------------------------------------------------------------------------------


def test_an_answer_is_downloaded_whole_or_not_at_all(tmp_path: Path) -> None:
    answers = {
        "GET whole": Said(b"bytes"),
        "GET cut": Said(b"byt", length=5),
        "GET refused": refusal(404, "Not there."),
    }
    with answering(answers) as server:
        remote = Remote(server.url, {})
        remote.download("whole", {"path": "ä"}, tmp_path / "whole")
        assert (tmp_path / "whole").read_bytes() == b"bytes"
        assert server.asked[0].query == {"path": ["ä"]}
        for path, why in (("cut", "was lost"), ("refused", "Not there.")):
            with pytest.raises(click.ClickException, match=why):
                remote.download(path, {}, tmp_path / path)
        assert [file.name for file in tmp_path.iterdir()] == ["whole"]


def test_a_page_comes_with_its_headers() -> None:
    with answering({"GET page": Said(b"lines", headers={"X-Next": "c"})}) as server:
        page = Remote(server.url, {}).page("page", {"a": ["1", "2"]})
        assert (page.body, page.headers["X-Next"], server.asked[0].query) == (b"lines", "c", {"a": ["1", "2"]})


def test_lines_come_until_the_answer_ends_or_is_cut() -> None:
    with answering({"GET lines": Said(b"a\r\nb\n"), "GET cut": Said(b"a\nb", length=10)}) as server:
        remote = Remote(server.url, {TOKEN: "t"})
        assert list(remote.lines("lines", {}, {"X-From": "c"})) == [b"a", b"b"]
        assert (server.asked[0].headers["x-from"], server.asked[0].headers["authorization"]) == ("c", "Bearer t")
        lines = remote.lines("cut", {}, {})
        assert next(lines) == b"a"
        with pytest.raises(RemoteAway, match="was lost"):
            list(lines)


def test_an_answer_to_a_post_is_read_piece_by_piece() -> None:
    answers = {
        "POST whole": Said(b"bytes"),
        "POST cut": Said(b"byt", length=5),
        "POST away": refusal(503, "It starts."),
    }
    with answering(answers) as server:
        remote = Remote(server.url, {})
        with remote.body("whole", {"q": "ä"}) as body:
            assert (body.read(2), body.read()) == (b"by", b"tes")
        assert server.asked[0].body == {"q": "ä"}
        with pytest.raises(RemoteAway, match="was lost"), remote.body("cut", {}) as body:
            body.read()
        with pytest.raises(RemoteAway, match=r"It starts\."), remote.body("away", {}):
            pytest.fail("There is no body.")


def test_a_server_that_is_away_is_away_however_it_is_asked() -> None:
    remote = Remote("http://127.0.0.1:9", {})
    for ask in (lambda: remote.page("x", {}), lambda: remote.answer("GET", "x", {"a": 1}, None, {})):
        with pytest.raises(RemoteAway, match="cannot be reached"):
            ask()


def test_any_answer_is_given_with_its_status() -> None:
    with answering({"PUT x": refusal(409, "Taken."), "PUT y": Said(b"done", 201)}) as server:
        remote = Remote(server.url, {})
        status, body = remote.answer("PUT", "x", {}, b"b", {})
        assert (status, json.loads(body)["message"]) == (409, "Taken.")
        assert remote.answer("PUT", "y", {"a": 1}, b"b", {}) == (201, b"done")
