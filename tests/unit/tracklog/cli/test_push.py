"""`tracklog push`, on its terminal: what it says, and how it ends."""

import asyncio
import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import Result

from event_log.sqlite.event_log import SqliteEventLog
from schemas.envelope import Actor, EventClock
from schemas.events import AnyEvent, ArtifactUploaded, ExperimentCreated, RunCreated, RunDataLogged, Tag
from tests.unit.tracklog.cli.answering import Answering, Asked, Said, answering, refusal
from tracklog.cli.remote import MLFLOW_2, OURS

EVENTS: Final = f"POST {OURS}/events"
FILES: Final = "api/2.0/mlflow-artifacts/artifacts"
RUN_ID: Final = "a" * 32
PROXIED: Final = f"mlflow-artifacts:/1/{RUN_ID}/artifacts"


async def append(path: Path, *payloads: AnyEvent) -> None:
    clock = EventClock(lambda: 10**15)
    with ThreadPoolExecutor(1) as executor:
        log = SqliteEventLog.open(path, executor)
        await log.append([clock.stamp(payload, Actor("ada", "", ""), "q") for payload in payloads])
        await log.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a server leaves in which a run was logged."""
    payloads: list[AnyEvent] = [
        ExperimentCreated(experiment_id=1, name="train", artifact_location="mlflow-artifacts:/1"),
        RunCreated(run_id=RUN_ID, experiment_id=1, name="n", user_id="u", start_time_ms=1, artifact_uri=PROXIED),
        RunDataLogged(run_id=RUN_ID, tags=[Tag("long", "x" * 2000)]),
    ]
    asyncio.run(append(tmp_path / "tracklog.db", *payloads))
    return tmp_path


def taken(asked: Asked) -> Any:
    """Every event is new."""
    return {"appended": len(asked_events(asked)), "refused": [], "versions": {}}


def asked_events(asked: Asked) -> list[dict[str, Any]]:
    raw = gzip.decompress(asked.raw) if asked.headers.get("content-encoding") == "gzip" else asked.raw
    found: list[dict[str, Any]] = json.loads(raw)["events"]
    return found


def brought(server: Answering) -> list[str]:
    return [one["type"] for asked in server.asked if asked.path == f"{OURS}/events" for one in asked_events(asked)]


NEW: Final[dict[str, Any]] = {EVENTS: taken, f"POST {MLFLOW_2}/experiments/search": {}}


def push(server: Answering, folder: Path, *words: str) -> Result:
    return server.run("push", str(folder), "--to", f"{server.url}/", *words)


def test_what_was_logged_is_brought_and_said_in_numbers(folder: Path) -> None:
    with answering(NEW) as server:
        done = push(server, folder, "--no-artifacts")
        assert (done.exit_code, done.stderr) == (0, "")
        assert done.stdout.splitlines() == [
            f"3 events of {folder / 'tracklog.db'} sent to {server.url}, 3 of them new.",
            "0 files looked at, 0 uploaded (0 bytes).",
        ]
        assert brought(server) == ["experiment.created", "run.created", "run.data-logged"]
        assert [asked.headers.get("content-encoding") for asked in server.asked if asked.path == f"{OURS}/events"] == [
            None,
            "gzip",
        ]


def test_a_dry_run_sends_nothing(folder: Path) -> None:
    with answering(NEW) as server:
        done = push(server, folder, "--dry-run", "--json", "--no-artifacts")
        assert json.loads(done.stdout)["events"] == {"sent": 3, "new": 0, "forgotten": 0}
        assert brought(server) == []


def test_what_is_not_allowed_is_said_and_the_exit_code_1(folder: Path) -> None:
    with answering({**NEW, EVENTS: refusal(403, "Permission denied.")}) as server:
        done = push(server, folder, "--no-artifacts")
        assert done.exit_code == 1
        assert "not allowed: experiment.created of experiment/1, and what comes after it: Permission denied." in (
            done.stdout
        )


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (refusal(503, "It starts."), "It starts. Push again: it goes on where it was."),
        (refusal(429, "Too many."), "Too many. Push again: it goes on where it was."),
        (Said(b"", 502), "The server does not say why. Push again: it goes on where it was."),
        (refusal(401, "Who?"), "Who? Push again when this is mended: it goes on where it was."),
        (Said(b"[]", 404), "[] Push again when this is mended: it goes on where it was."),
    ],
)
def test_what_keeps_it_from_pushing_is_said_in_a_sentence(folder: Path, answer: Said, said: str) -> None:
    with answering({**NEW, EVENTS: answer}) as server:
        done = push(server, folder)
        assert (done.exit_code, done.stderr) == (1, f"Error: {said}\n")


def test_files_are_uploaded_as_they_are(folder: Path) -> None:
    file = folder / "artifacts" / "1" / RUN_ID / "artifacts" / "ä"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"bytes")
    uploaded = ArtifactUploaded(path=f"1/{RUN_ID}/artifacts/ä", size=5, etag="e")
    asyncio.run(append(folder / "tracklog.db", uploaded))
    there = f"9/{RUN_ID}/artifacts/%C3%A4"
    answers = {
        **NEW,
        f"GET {MLFLOW_2}/runs/get": {"run": {"info": {"artifact_uri": f"mlflow-artifacts:/9/{RUN_ID}/artifacts"}}},
        f"GET {OURS}/history": {"events": [], "is_last": True},
        f"PUT {FILES}/{there}": Said(b""),
    }
    with answering(answers) as server:
        done = push(server, folder, "--json", "--artifacts", str(folder / "artifacts"))
        assert done.exit_code == 1  # the history of the server does not tell of it
        document = json.loads(done.stdout)
        assert document["artifacts"] == {"files": 1, "uploaded": 1, "bytes": 5}
        assert document["notes"]["damaged"] == [
            f"artifact 9/{RUN_ID}/artifacts/ä is not there as it was sent: push again"
        ]
        [upload] = [one for one in server.asked if one.method == "PUT"]
        assert (upload.raw, upload.headers["content-type"]) == (b"bytes", "application/octet-stream")


def test_a_folder_without_a_log_is_refused(tmp_path: Path) -> None:
    with answering(NEW) as server:
        refused = push(server, tmp_path)
        assert (refused.exit_code, server.asked) == (2, [])
        (tmp_path / "tracklog.db").write_text("No log.")
        assert push(server, tmp_path).exit_code == 2
