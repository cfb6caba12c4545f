"""`tracklog events --url`: the history of a server, page after page or as it comes."""

from pathlib import Path
from typing import Any, Final

import pytest

from tests.unit.tracklog.cli.answering import Asked, Said, answering, refusal
from tracklog.cli import remote_events
from tracklog.cli.remote import OURS

HISTORY: Final = f"GET {OURS}/history"
STREAM: Final = f"GET {OURS}/history/stream"


def page(body: bytes, events: int, following: str = "") -> Said:
    headers = {"X-Tracklog-Events": str(events), "X-Tracklog-Is-Last": "false" if following else "true"}
    return Said(body, headers={**headers, "X-Tracklog-Next-Cursor": following})


def pages(asked: Asked) -> Said:
    """Two pages, each with its columns where it is a table."""
    names = b"id,type\n" if asked.query["format"] == ["csv"] else b""
    return page(names + b"three\n", 1) if "cursor" in asked.query else page(names + b"one\ntwo\n", 2, "c")


@pytest.mark.parametrize(("form", "printed"), [("jsonl", "one\ntwo\nthree\n"), ("csv", "id,type\none\ntwo\nthree\n")])
def test_pages_are_printed_as_one_answer(form: str, printed: str) -> None:
    with answering({HISTORY: pages}) as server:
        words = ["--run", "r", "--type", "run.created", "--since", "1970-01-01T00:00:01Z", "--order", "newest"]
        assert server.done("events", "--url", server.url, *words, "--format", form) == printed
        asked = {"run_id": "r", "type": "run.created", "since": "1000", "order": "newest", "limit": "1000"}
        assert [body for _, body in server.bodies] == [
            {**asked, "format": form},
            {**asked, "format": form, "cursor": "c"},
        ]


def test_at_most_so_many_are_asked_for() -> None:
    with answering({HISTORY: pages}) as server:
        assert server.done("events", "--url", server.url, "--limit", "2") == "one\ntwo\n"
        assert [body["limit"] for _, body in server.bodies] == ["2"]


@pytest.mark.parametrize(("status", "said"), [(400, "Not so."), (503, "It starts.")])
def test_a_refused_history_is_a_sentence(status: int, said: str) -> None:
    with answering({HISTORY: refusal(status, said)}) as server:
        refused = server.run("events", "--url", server.url)
        assert (refused.exit_code, refused.stderr) == (1, f"Error: {said}\n")


def test_a_stream_that_is_cut_is_gone_on_with_where_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_events, "AGAIN_S", 0.0)
    answers: list[Any] = [
        Said(b"id: c1\r\ndata: one\r\n\r\n: still there\n", length=1000),
        refusal(503, "It starts."),
        Said(b"id: c2\ndata: two\n\nid: c3\ndata: three\n\n"),
    ]
    with answering({STREAM: lambda _: answers.pop(0)}) as server:
        printed = server.done("events", "--url", server.url, "--follow", "--limit", "3", "--actor", "ada")
        assert printed == "one\ntwo\nthree\n"
        assert [one.headers.get("last-event-id") for one in server.asked] == [None, "c1", "c1"]
        assert {one.query["actor"][0] for one in server.asked} == {"ada"}


def test_a_stream_that_never_began_is_not_asked_for_again() -> None:
    with answering({STREAM: refusal(503, "It starts.")}) as server:
        refused = server.run("events", "--url", server.url, "--follow")
        assert (refused.exit_code, refused.stderr, len(server.asked)) == (1, "Error: It starts.\n", 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--since", "2026-01-01T00:00:00Z", "--until", "2026-01-01T00:00:00Z"], "--since is not before --until"),
        (["--format", "parquet", "--follow"], "--format parquet is one file"),
        (["--format", "csv"], "--order and --format csv are for --url."),
        (["--order", "newest"], "--order and --format csv are for --url."),
    ],
)
def test_what_does_not_go_together_is_refused(words: list[str], said: str, tmp_path: Path) -> None:
    with answering({}) as server:
        refused = server.run("events", "--event-log", f"sqlite:///{tmp_path / 'log.db'}", *words)
        assert (refused.exit_code, said in refused.stderr) == (2, True)
