"""A backup that is killed again and again ends as a whole copy; one that is made under load holds what was answered."""

import json
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import requests

from event_log.sqlite.event_log import SqliteEventLog, SqliteEventLogReader
from schemas.envelope import RecordedEvent
from tests.contracts.event_log_contract import everything, param
from tests.eventually import wait_until
from tests.tracklog_server import TracklogServer
from tracklog.embedded.configuration import Configuration, read_configuration, write_configuration
from tracklog.embedded.files import configuration_file_of, secrets_file_of
from tracklog.secret_store.store import SqliteSecretStore

KILLS = 4
RESTORE = [sys.executable, "-m", "tracklog", "restore"]


def command(file: Path, log: Path) -> list[str]:
    return [sys.executable, "-m", "tracklog", "backup", str(file), "--event-log", f"sqlite:///{log}"]


async def events_in(file: Path) -> list[RecordedEvent]:
    reader = SqliteEventLogReader(file)
    try:
        return await everything(reader)
    finally:
        await reader.close()


async def test_a_backup_that_is_killed_is_gone_on_with(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as executor:
        log = SqliteEventLog.open(tmp_path / "log.db", executor)
        for start in range(0, 30_000, 1000):
            await log.append([param(number % 50, f"k{number}") for number in range(start, start + 1000)])
        await log.close()
    copy = tmp_path / "copy.db"

    def grown() -> int:
        return sum(file.stat().st_size for file in tmp_path.glob("copy.db*"))

    def kill_when_it_has_grown() -> None:
        before = grown()
        with subprocess.Popen(command(copy, tmp_path / "log.db"), stderr=subprocess.DEVNULL) as process:
            wait_until(lambda: grown() > before + 20_000 or process.poll() is not None)
            process.kill()

    for _ in range(KILLS):
        kill_when_it_has_grown()
    subprocess.run(command(copy, tmp_path / "log.db"), check=True, capture_output=True, timeout=120)
    assert await events_in(copy) == await events_in(tmp_path / "log.db")


async def test_what_lies_beside_a_log_is_there_whole_or_not_wherever_it_is_killed(tmp_path: Path) -> None:
    """And a restore that was killed is done by the same command, since the log comes last."""
    log, copy, there = tmp_path / "log.db", tmp_path / "copy.db", tmp_path / "there.db"
    with ThreadPoolExecutor(1) as executor:
        made = SqliteEventLog.open(log, executor)
        await made.append([param(number, "k") for number in range(10)])
        configuration = Configuration(await made.identity(), "1.0", ("--port 1",))
        await made.close()
    write_configuration(configuration_file_of(log), configuration)
    await SqliteSecretStore(secrets_file_of(log)).put("password/1", b"hash")
    with closing(sqlite3.connect(secrets_file_of(log))) as connection:
        connection.execute(
            "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
            " INSERT INTO secrets SELECT 'password/' || i, randomblob(1000) FROM n"
        )
        connection.commit()
    kept = secrets_in(secrets_file_of(log))
    restoring = [*RESTORE, str(copy), "--event-log", f"sqlite:///{there}"]
    for words, result in ((command(copy, log), copy), (restoring, there)):
        for beside in (secrets_file_of(result), configuration_file_of(result)):
            new = beside.with_name(f"{beside.name}.new")
            with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:
                while not new.exists() and process.poll() is None:
                    time.sleep(0.001)  # it is there for a moment
                process.kill()
            assert read_configuration(configuration_file_of(result)) in (None, configuration)
            assert not secrets_file_of(result).exists() or secrets_in(secrets_file_of(result)) == kept
        if result is copy or not there.exists():
            subprocess.run(words, check=True, capture_output=True, timeout=120)
        assert read_configuration(configuration_file_of(result)) == configuration
        assert secrets_in(secrets_file_of(result)) == kept
    assert await events_in(there) == await events_in(log)


def secrets_in(file: Path) -> list[tuple[str, bytes]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT secret_id, secret FROM secrets ORDER BY 1").fetchall()


async def test_a_backup_under_load_holds_a_beginning_of_the_log_with_all_that_was_answered(tmp_path: Path) -> None:
    with TracklogServer(tmp_path) as server:
        stop, answered = threading.Event(), list[str]()

        def write() -> None:
            with requests.Session() as session:
                while not stop.is_set():
                    url = f"{server.url}/api/2.0/mlflow/runs/create"
                    answer = session.post(url, json={"experiment_id": "0"}, timeout=30)
                    answered.append(answer.json()["run"]["info"]["run_id"])

        writers = [threading.Thread(target=write) for _ in range(4)]
        for writer in writers:
            writer.start()
        wait_until(lambda: len(answered) > 100)
        before = list(answered)
        done = subprocess.run(
            command(tmp_path / "copy.db", server.event_log_file),
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
        )
        stop.set()
        for writer in writers:
            writer.join()
        copied = await events_in(tmp_path / "copy.db")
        assert f"the events 0 to {len(copied) - 1} of the log" in done.stderr
        assert copied == (await events_in(server.event_log_file))[: len(copied)]
        created = {json.loads(event.payload)["run_id"] for event in copied if event.type == "run.created"}
        assert created >= set(before)
        restored = [*RESTORE, str(tmp_path / "copy.db"), "--event-log", f"sqlite:///{tmp_path / 'there.db'}"]
        said = subprocess.run(restored, check=True, capture_output=True, text=True, timeout=120).stderr
        assert f"the events 0 to {len(copied) - 1} of the log" in said
        assert (
            f"Its server was started by: tracklog server --backend-store-uri sqlite:///{server.event_log_file}" in said
        )
