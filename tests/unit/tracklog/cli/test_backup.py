"""What `tracklog backup` and `tracklog restore` say, and what they refuse."""

import asyncio
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from event_log.sqlite.event_log import SqliteEventLog, SqliteEventLogReader
from schemas.envelope import PARTITION, Actor, EventClock
from schemas.events import AnyEvent, ArtifactDeleted, ArtifactUploaded, ExperimentRenamed
from tests.contracts.test_sqlite_event_log import change
from tracklog.cli.commands import tracklog
from tracklog.proving.key_file import OwnKey
from tracklog.proving.places import proof_file_of
from tracklog.proving.prover import Prover
from tracklog.proving.sqlite_proof_store import SqliteProofStore


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of three events."""

    async def make() -> None:
        with ThreadPoolExecutor(1) as executor:
            made = SqliteEventLog.open(tmp_path / "log.db", executor)
            clock = EventClock(lambda: 1_795_910_400_000_000_000)
            events: Sequence[str] = ("one", "two", "three")
            await made.append(
                [clock.stamp(ExperimentRenamed(experiment_id=0, name=name), Actor(), "r") for name in events]
            )
            await made.close()

    asyncio.run(make())
    return tmp_path / "log.db"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(tracklog, [str(argument) for argument in arguments])


def test_it_says_what_a_copy_holds(log: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    done = run("backup", copy, "--event-log", f"sqlite:///{log}")
    assert done.exit_code == 0, done.output
    assert f"{copy} holds the events 0 to 2 of the log " in done.output
    assert "the last of 2026-11-29 00:00:00 UTC; 3 are new" in done.output
    assert "0 are new" in run("backup", copy, "--event-log", f"sqlite:///{log}").output
    there = tmp_path / "there.db"
    done = run("restore", copy, "--event-log", f"sqlite:///{there}")
    assert done.exit_code == 0, done.output
    assert f"{there} holds the events 0 to 2 of the log " in done.output


def test_what_was_signed_goes_with_the_copy_and_comes_back(log: Path, tmp_path: Path) -> None:
    async def sign() -> None:
        reader = SqliteEventLogReader(log)
        log_id = await reader.identity()
        store = SqliteProofStore(proof_file_of(log), log_id)
        await Prover(reader, log_id, store, OwnKey(tmp_path / "key"), lambda: {PARTITION}).round()
        await store.close()
        await reader.close()

    asyncio.run(sign())
    copy, there = tmp_path / "copy.db", tmp_path / "there.db"
    for _ in range(2):
        assert run("backup", copy, "--event-log", log).exit_code == 0
    assert run("verify", "--event-log", copy).exit_code == 0
    assert run("restore", copy, "--event-log", there).exit_code == 0
    assert run("verify", "--event-log", there).exit_code == 0
    assert run("keys", "publish", "--event-log", there).output == run("keys", "publish", "--event-log", log).output
    change(there, 'UPDATE events SET time_us = 1, checksum = NULL WHERE "offset" = 1')
    found = run("verify", "--event-log", there)
    assert (found.exit_code, "partition 0, offset 1: envelope changed" in found.output) == (1, True)


def test_the_artifacts_that_are_there_are_listed(tmp_path: Path) -> None:
    def uploaded(path: str, size: int, root: str = "") -> ArtifactUploaded:
        return ArtifactUploaded(path=path, size=size, etag="e", sha256=f"{size:064x}", root=root)

    async def make() -> None:
        with ThreadPoolExecutor(1) as executor:
            made = SqliteEventLog.open(tmp_path / "log.db", executor)
            clock = EventClock(lambda: 1_795_910_400_000_000_000)
            events: Sequence[AnyEvent] = (
                uploaded("0/a/artifacts/m/x", 1),
                uploaded("0/a/artifacts/m", 2),
                uploaded("0/a/artifacts/m.txt", 3),
                uploaded("0/a/artifacts/m.txt", 4),
                uploaded("0/a/artifacts/m/y", 5, "s3://b"),
                ArtifactDeleted(path="0/a/artifacts/m"),
                uploaded("0/a/artifacts/m/z", 6),
            )
            await made.append([clock.stamp(event, Actor(), "r") for event in events])
            await made.close()

    asyncio.run(make())
    copy, listed = tmp_path / "copy.db", tmp_path / "copy.db.artifacts"
    done = run("backup", copy, "--event-log", tmp_path / "log.db")
    assert f"{listed} lists 3 artifacts of 15 bytes together." in done.output
    assert [tuple(json.loads(line).values()) for line in listed.read_text().splitlines()] == [
        ("", "0/a/artifacts/m.txt", 4, f"{4:064x}"),
        ("", "0/a/artifacts/m/z", 6, f"{6:064x}"),
        ("s3://b", "0/a/artifacts/m/y", 5, f"{5:064x}"),
    ]
    assert "It names 3 artifacts of 15 bytes" in run("restore", copy, "--event-log", tmp_path / "there.db").output
    listed.write_text("a shopping list")
    assert run("restore", copy, "--event-log", tmp_path / "elsewhere.db").exit_code == 2


def test_damage_is_an_exit_code(log: Path, tmp_path: Path) -> None:
    change(log, 'UPDATE events SET payload = ? WHERE "offset" = 1', b"{}")
    copy = tmp_path / "copy.db"
    done = run("backup", copy, "--event-log", f"sqlite:///{log}")
    assert done.exit_code == 1
    assert "1 events are damaged in the log, and so in the copy: 1." in done.output
    done = run("restore", copy, "--event-log", f"sqlite:///{tmp_path / 'there.db'}")
    assert done.exit_code == 1
    assert "events are damaged" in done.output


def test_what_is_no_copy_is_refused(log: Path, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("a shopping list")
    for arguments, said in (
        (("backup", log, "--event-log", f"sqlite:///{log}"), "is the log itself"),
        (("backup", text, "--event-log", f"sqlite:///{log}"), "is not a Tracklog event log"),
        (("backup", tmp_path / "c", "--event-log", "sqlite:////nowhere/log.db"), "There is no log at"),
        (("restore", text, "--event-log", f"sqlite:///{tmp_path / 'there.db'}"), "is not a Tracklog event log"),
        (("restore", log, "--event-log", f"sqlite:///{log}"), "There is a log at"),
        (("restore", log, "--event-log", "kafka://127.0.0.1:1/topic"), "A log in Kafka is not made from a copy"),
    ):
        done = run(*arguments)
        assert (done.exit_code, "Traceback" in done.output) == (2, False), done.output
        assert said in done.output
    assert text.read_text() == "a shopping list"
