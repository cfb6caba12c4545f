"""What `tracklog backup` and `tracklog restore` say, and what they refuse."""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from event_log.sqlite import copy as sqlite_copy
from event_log.sqlite.event_log import SqliteEventLog, SqliteEventLogReader
from schemas.durable_rename import rename_durably
from schemas.envelope import PARTITION, Actor, EventClock
from schemas.events import AnyEvent, ArtifactDeleted, ArtifactUploaded, ExperimentRenamed
from tests.contracts.test_sqlite_event_log import change
from tracklog.cli import artifact_list, copied_files
from tracklog.cli.commands import tracklog
from tracklog.cli.given_options import given_options
from tracklog.embedded import configuration
from tracklog.embedded.configuration import Configuration, write_configuration
from tracklog.embedded.files import configuration_file_of, secrets_file_of
from tracklog.proving.key_file import OwnKey
from tracklog.proving.places import proof_file_of
from tracklog.proving.prover import Prover
from tracklog.proving.sqlite_proof_store import SqliteProofStore
from tracklog.secret_store.store import SqliteSecretStore

_open = ExitStack()


@pytest.fixture(autouse=True)
def nothing_left_open() -> Iterator[None]:
    yield
    _open.close()


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


def signed(log: Path, key: Path) -> None:
    """Sign a checkpoint of the log."""

    async def sign() -> None:
        reader = SqliteEventLogReader(log)
        log_id = await reader.identity()
        store = SqliteProofStore(proof_file_of(log), log_id)
        await Prover(reader, log_id, store, OwnKey(key), lambda: {PARTITION}).round()
        await store.close()
        await reader.close()

    asyncio.run(sign())


def test_what_was_signed_goes_with_the_copy_and_comes_back(log: Path, tmp_path: Path) -> None:
    signed(log, tmp_path / "key")
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


def accounts_of(log: Path) -> Path:
    """A store of secrets beside a log, with one in it, that a server has open."""
    put_secret(SqliteSecretStore(secrets_file_of(log)), b"hash")
    return secrets_file_of(log)


def put_secret(store: SqliteSecretStore, secret: bytes) -> None:
    """Into a store that stays open until the test ends."""
    _open.callback(lambda: asyncio.run(store.close()))
    asyncio.run(store.put("password/1", secret))


def secret_in(file: Path) -> bytes | None:
    async def asked() -> bytes | None:
        store = SqliteSecretStore(file)
        try:
            return await store.get("password/1")
        finally:
            await store.close()

    return asyncio.run(asked())


def identity_of(log: Path) -> str:
    async def asked() -> str:
        reader = SqliteEventLogReader(log)
        try:
            return await reader.identity()
        finally:
            await reader.close()

    return asyncio.run(asked())


def test_how_the_server_was_started_and_its_accounts_go_with_the_copy_and_come_back(log: Path, tmp_path: Path) -> None:
    accounts_of(log)
    options = ("--app-name basic-auth", "--port 5001")
    write_configuration(configuration_file_of(log), Configuration(identity_of(log), "1.0", options))
    copy, there = tmp_path / "copy.db", tmp_path / "there.db"
    for _ in range(2):
        assert "Keys are not copied." in run("backup", copy, "--event-log", log).output
    assert secrets_file_of(copy).stat().st_mode & 0o777 == 0o600
    restored = run("restore", copy, "--event-log", there)
    assert "Its server was started by: tracklog server --app-name basic-auth --port 5001" in restored.output
    assert secret_in(secrets_file_of(there)) == b"hash"
    put_secret(SqliteSecretStore(secrets_file_of(there)), b"newer")
    there.unlink()
    assert "is there, and stays as it is" in run("restore", copy, "--event-log", there).output
    assert secret_in(secrets_file_of(there)) == b"newer"


class Killed(BaseException):
    """As if the process ended here."""


def killed(monkeypatch: pytest.MonkeyPatch, names: int, *arguments: str | Path) -> Result | None:
    """A command that ends before it gives a file its name, so many others having got theirs; None where it did end."""
    left = names

    def rename(source: Path, target: Path) -> None:
        nonlocal left
        if left == 0:
            raise Killed
        left -= 1
        rename_durably(source, target)

    with monkeypatch.context() as patch:
        for module in (configuration, copied_files, artifact_list, sqlite_copy):
            patch.setattr(module, "rename_durably", rename)
        try:
            return run(*arguments)
        except Killed:
            return None


def test_what_is_killed_between_its_files_is_done_by_the_same_command(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log is restored last: before it is there, nothing says that it is done."""
    signed(log, tmp_path / "key")
    accounts_of(log)
    write_configuration(configuration_file_of(log), Configuration(identity_of(log), "1.0", ("--port 1",)))
    copy, there = tmp_path / "copy.db", tmp_path / "there.db"
    kills = 0
    while (done := killed(monkeypatch, kills, "backup", copy, "--event-log", log)) is None:
        kills += 1
    assert (done.exit_code, kills) == (0, 3)
    kills = 0
    while (done := killed(monkeypatch, min(kills, 1), "restore", copy, "--event-log", there)) is None:
        assert not there.exists()
        kills += 1
    assert (done.exit_code, kills) == (0, 3)
    assert secret_in(secrets_file_of(there)) == b"hash"
    assert "Its server was started by: tracklog server --port 1" in done.output
    assert run("verify", "--event-log", there).exit_code == 0


def test_what_lies_where_a_log_is_to_be_and_is_of_another_is_not_made_part_of_it(log: Path, tmp_path: Path) -> None:
    """As a restore leaves it that was broken off."""
    accounts_of(log)
    copy, there = tmp_path / "copy.db", tmp_path / "there.db"
    assert run("backup", copy, "--event-log", log).exit_code == 0
    with closing(sqlite3.connect(secrets_file_of(copy))) as connection:
        connection.execute("UPDATE copied_of_log SET log = 'another'")
        connection.commit()
    secrets_file_of(copy).rename(secrets_file_of(there))
    refused = run("restore", copy, "--event-log", there)
    assert (refused.exit_code, f"{secrets_file_of(there)} is of the log another" in refused.output) == (2, True)
    secrets_file_of(there).write_bytes(b"something else")
    assert run("restore", copy, "--event-log", there).exit_code == 2
    assert not there.exists()


@pytest.mark.parametrize("file_of", [configuration_file_of, secrets_file_of])
def test_what_lies_beside_a_copy_and_is_of_another_log_is_refused(
    log: Path, tmp_path: Path, file_of: Callable[[Path], Path]
) -> None:
    accounts_of(log)
    write_configuration(configuration_file_of(log), Configuration(identity_of(log), "1.0"))
    copy, other, there = tmp_path / "copy.db", tmp_path / "other.db", tmp_path / "there.db"
    assert run("backup", copy, "--event-log", log).exit_code == 0

    async def another() -> None:
        with ThreadPoolExecutor(1) as executor:
            await SqliteEventLog.open(tmp_path / "another.db", executor).close()

    asyncio.run(another())
    assert run("backup", other, "--event-log", tmp_path / "another.db").exit_code == 0
    file_of(copy).replace(file_of(other))
    refused = run("restore", other, "--event-log", there)
    assert (refused.exit_code, f"{file_of(other)} is of the log {identity_of(log)}" in refused.output) == (2, True)
    assert not there.exists()
    file_of(other).write_bytes(b"something else")
    assert run("restore", other, "--event-log", there).exit_code == 2


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


def test_options_are_kept_as_one_writes_them_and_without_passwords() -> None:
    @click.command()
    @click.option("--to", multiple=True)
    @click.option("--proof/--no-proof", default=True)
    @click.option("--name", envvar="GIVEN_NAME")
    @click.option("--left-out", default="a")
    def command(**_given: object) -> None:
        click.echo("\n".join(given_options()))

    given = ["--to", "s3://b?x=1", "--to", "ftp://eve:secret@host/a", "--no-proof"]
    said = CliRunner().invoke(command, given, env={"GIVEN_NAME": "a b"}).output
    assert said.splitlines() == ["--to 's3://b?x=1'", "--to 'ftp://eve:***@host/a'", "--no-proof", "--name 'a b'"]
