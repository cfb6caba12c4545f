"""What was erased is nowhere any more in what an embedded server keeps, and does not come back."""

import asyncio
import urllib.error
import urllib.request
from pathlib import Path

import asyncpg
import pytest

from tests.erased_runs import ask, deleted_experiment, deleted_run, every_row, readable_in, stored, tracklog
from tests.eventually import AT_MOST_S, wait_until
from tests.planted_secrets import Planted
from tests.services.given import GivenKafka
from tests.services.running import AnyKafka
from tests.tracklog_server import TracklogServer


def test_what_was_erased_is_in_no_file_and_does_not_come_back(tmp_path: Path) -> None:
    planted = Planted()
    stores = ("--backend-store-uri", f"sqlite:///{tmp_path}/data/tracklog.db")
    with TracklogServer(tmp_path) as server:
        run_id = deleted_run(server, planted)
        deleted_experiment(server, planted)
        assert len(planted.found_in(stored(server))) > 5
        backup = tracklog("backup", str(tmp_path / "backup.db"), *stores)
        assert backup.returncode == 0, backup.stderr
        (tmp_path / "again.db").write_bytes((tmp_path / "backup.db").read_bytes())
        erased = tracklog("gc", "--url", server.url, "--yes", "--reason", "asked to")
        assert erased.returncode == 0, erased.stderr
        assert tracklog("backup", str(tmp_path / "again.db"), *stores).returncode == 0
        wait_until(lambda: not planted.found_in(stored(server)))
        assert planted.found_in((tmp_path / "again.db").read_bytes()) == []
        history = urllib.request.urlopen(f"{server.url}/api/tracklog/v1/events?stream=run/{run_id}").read()
        assert (b"run.erased" in history, planted.found_in(history)) == (True, [])
        wait_until(lambda: tracklog("verify", *stores).returncode == 0)
    certificate, keys = tmp_path / "certificate.json", tmp_path / "keys.txt"
    certificate.write_text(tracklog("certificate", f"run/{run_id}", *stores).stdout)
    keys.write_text(tracklog("keys", "publish", *stores).stdout)
    assert planted.found_in(certificate.read_bytes()) == []
    verify = ("verify", str(certificate), "--public-key", str(keys))
    assert tracklog(*verify).returncode == 0
    certificate.write_text(certificate.read_text().replace("asked to", "nobody asked"))
    assert (tracklog(*verify).returncode, "not in the log" in tracklog(*verify).stdout) == (1, True)
    # A copy of before the erasure is put back: the list beside the log tells what it does not know.
    assert planted.found_in((tmp_path / "backup.db").read_bytes())
    server.event_log_file.rename(tmp_path / "moved-away.db")
    restored = tracklog("restore", str(tmp_path / "backup.db"), *stores)
    assert restored.returncode == 0, restored.stderr
    assert planted.found_in(stored(server)) == []
    (server.data_dir / "tracklog.db.proof").unlink()
    for file in server.data_dir.glob("tracklog.db.read-model*"):
        file.unlink()
    with server:
        with pytest.raises(urllib.error.HTTPError, match="404"):
            ask(server, f"api/2.0/mlflow/runs/get?run_id={run_id}", method="GET")
        assert planted.found_in(stored(server)) == []


def test_a_stopped_log_is_erased_from_by_the_command_alone(tmp_path: Path) -> None:
    planted = Planted()
    data = tmp_path / "data"
    stores = ("--backend-store-uri", f"sqlite:///{data}/tracklog.db", "--artifacts-destination", f"{data}/artifacts")
    with TracklogServer(tmp_path) as server:
        run_id = deleted_run(server, planted)
        refused = tracklog("gc", *stores, "--yes", "--reason", "r")
        assert (refused.returncode, "--url" in refused.stderr) == (2, True)
    shown = tracklog("gc", *stores, "--dry-run", "--run-ids", run_id)
    assert (shown.returncode, run_id in shown.stdout) == (0, True)
    erased = tracklog("gc", *stores, "--yes", "--reason", "asked to", "--run-ids", run_id)
    assert erased.returncode == 0, erased.stderr
    assert planted.found_in(stored(server)) == []
    assert "Nothing would be erased" in tracklog("gc", *stores, "--yes", "--reason", "again").stdout


async def test_what_was_erased_is_in_no_table_of_postgresql(tmp_path: Path, postgresql_database: str) -> None:
    planted = Planted()
    artifacts = ("--artifacts-destination", str(tmp_path / "data" / "artifacts"))
    stores = ("--backend-store-uri", postgresql_database, *artifacts)
    with TracklogServer(tmp_path, stores=stores) as server:
        run_id = deleted_run(server, planted)
        deleted_run(server, planted)
        for arguments in (("--url", server.url, "--run-ids", run_id), stores):  # by the server, and beside it
            erased = tracklog("gc", *arguments, "--yes", "--reason", "asked to")
            assert erased.returncode == 0, erased.stderr
        assert planted.found_in(await every_row(postgresql_database)) == []
    assert not list(server.artifacts_dir.rglob("artifacts/*"))


@pytest.mark.service
async def test_what_was_erased_from_a_sealed_log_in_kafka_is_opened_by_no_key(
    tmp_path: Path,
    postgresql_database: str,
    kafka_service: AnyKafka | GivenKafka,
    kafka_topic: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    planted = Planted()
    log = f"kafka://{kafka_service.bootstrap}/{kafka_topic}"
    environment = {
        "MLFLOW_BACKEND_STORE_URI": postgresql_database,
        "MLFLOW_ARTIFACTS_DESTINATION": str(tmp_path / "data" / "artifacts"),
        "TRACKLOG_EVENT_LOG": log,
        "TRACKLOG_KAFKA_PARTITIONS": "3",
        "TRACKLOG_PROOF_KEY_FILE": str(tmp_path / "proof-key"),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert tracklog("keys", "create").returncode == 0
    database = await asyncpg.connect(postgresql_database)

    def proven() -> str:
        verified = tracklog("verify")
        return verified.stderr if verified.returncode == 0 else ""

    sealing = environment | {"TRACKLOG_KAFKA_SEALED_PAYLOADS": "true"}
    with TracklogServer(tmp_path, stores=(), environment=sealing) as server:
        run_id = deleted_run(server, planted)
        kept = ask(server, "api/2.0/mlflow/runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"]
        assert len(planted.found_in(await readable_in(log, database))) > 5
        keys = await database.fetch("SELECT * FROM tracklog_keys.stream_keys WHERE secret IS NOT NULL")
        erased = tracklog("gc", "--url", server.url, "--yes", "--reason", "asked to")
        assert (erased.returncode, "cannot be changed" in erased.stderr) == (0, False), erased.stderr
        assert planted.found_in(await readable_in(log, database)) == []
        assert planted.found_in(await every_row(postgresql_database)) == []
        history = tracklog("events", "--stream", f"run/{run_id}").stdout
        assert ("run.erased" in history, '"forgotten"' in history, planted.found_in(history)) == (True, True, [])
        wait_until(lambda: f"by the erasure of run/{run_id}" in proven())
    certificate, public_key = tmp_path / "certificate.json", tmp_path / "keys.txt"
    certificate.write_text(tracklog("certificate", f"run/{run_id}").stdout)
    public_key.write_text(tracklog("keys", "publish").stdout)
    archive = tmp_path / "archive.zip"
    assert tracklog("export", "audit", f"run/{kept}", "--output", str(archive)).returncode == 0
    for file in (certificate, archive):
        checked = tracklog("verify", str(file), "--public-key", str(public_key))
        assert checked.returncode == 0, checked.stdout + checked.stderr
    refused = tracklog("server", "--no-kafka-sealed-payloads", "--port", "0")
    assert (refused.returncode, "was born with sealed payloads" in refused.stderr) == (1, True), refused.stderr
    # An older copy of the keys is put back, and the log is folded anew: what it knows to be erased goes again.
    await database.execute("TRUNCATE tracklog_keys.stream_keys, tracklog_keys.carried_out")
    await database.executemany("INSERT INTO tracklog_keys.stream_keys VALUES ($1, $2, $3)", [*map(tuple, keys)])
    assert planted.found_in(await readable_in(log, database))
    await database.execute("DROP SCHEMA tracklog_read_model_1 CASCADE; DELETE FROM tracklog.read_models")
    with TracklogServer(tmp_path, stores=(), environment=environment) as server:
        async with asyncio.timeout(AT_MOST_S):
            while planted.found_in(await readable_in(log, database)):
                await asyncio.sleep(0.1)
        with pytest.raises(urllib.error.HTTPError, match="404"):
            ask(server, f"api/2.0/mlflow/runs/get?run_id={run_id}", method="GET")
        assert ask(server, f"api/2.0/mlflow/runs/get?run_id={kept}", method="GET")["run"]["info"]["run_id"] == kept
    await database.close()
