"""A sealed log that two servers share: one of them is killed with an erasure in the log and its keys still there.

Nothing of what was erased comes back, and whoever goes on destroys the keys: the other server, or that one when it is
there again. TRACKLOG_SEALED_ERASURE_KILLS sets how many times.
"""

import asyncio
import os
import urllib.error
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.erased_runs import ask, deleted_experiment, deleted_run, every_row, readable_in, tracklog
from tests.eventually import AT_MOST_S, wait_until
from tests.planted_secrets import Planted
from tests.services.given import GivenKafka
from tests.services.running import AnyKafka
from tests.tracklog_server import TracklogServer

KILLS = int(os.environ.get("TRACKLOG_SEALED_ERASURE_KILLS", "1"))
ERASURES = "api/tracklog/v1/erasures"

WAITING = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def is_carried_out(server: TracklogServer) -> bool:
    return bool(ask(server, f"{ERASURES}/carry-out", {})["pending"] == 0)


def is_gone(server: TracklogServer, run_id: str) -> bool:
    try:
        ask(server, f"api/2.0/mlflow/runs/get?run_id={run_id}", method="GET")
    except urllib.error.HTTPError as error:
        return error.code == 404
    return False


@pytest.mark.timeout(0)
@pytest.mark.service
async def test_keys_go_when_the_server_that_erased_is_killed_before(
    tmp_path: Path,
    postgresql_database: str,
    kafka_service: AnyKafka | GivenKafka,
    kafka_topic: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = f"kafka://{kafka_service.bootstrap}/{kafka_topic}"
    environment = {
        "MLFLOW_BACKEND_STORE_URI": postgresql_database,
        "MLFLOW_ARTIFACTS_DESTINATION": str(tmp_path / "artifacts"),
        "TRACKLOG_EVENT_LOG": log,
        "TRACKLOG_KAFKA_PARTITIONS": "3",
        "TRACKLOG_KAFKA_SEALED_PAYLOADS": "true",
        "TRACKLOG_PROOF_KEY_FILE": str(tmp_path / "proof-key"),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert tracklog("keys", "create").returncode == 0
    database = await asyncpg.connect(postgresql_database)

    def erase(server: TracklogServer) -> Any:
        digest = ask(server, f"{ERASURES}/plan", {})["digest"]
        return ask(server, ERASURES, {"digest": digest, "reason": "asked to"})

    one, other = (TracklogServer(tmp_path / name, stores=(), environment=environment) for name in ("one", "other"))
    planted, runs = Planted(), list[str]()
    with one, other:
        for kill in range(KILLS):
            runs.append(deleted_run(one, planted))
            deleted_experiment(other, planted)
            locking = await asyncpg.connect(postgresql_database)
            await locking.execute("BEGIN; LOCK TABLE tracklog_keys.stream_keys IN SHARE MODE")
            assert len(erase(one)["erased"]) > 2
            async with asyncio.timeout(AT_MOST_S):
                while not await database.fetchval(f"SELECT count(*) {WAITING}"):
                    await asyncio.sleep(0.05)
            one.kill()
            await database.execute(f"SELECT pg_terminate_backend(pid) {WAITING}")  # what it asked for is not done
            await locking.execute("COMMIT")
            await locking.close()
            assert len(planted.found_in(await readable_in(log, database))) > 10, "the keys went before the kill"
            if kill % 2:
                one.start()
            going_on = one if kill % 2 else other
            wait_until(lambda: is_gone(going_on, runs[-1]))  # noqa: B023 - it is called in this turn
            wait_until(lambda: is_carried_out(going_on))  # noqa: B023
            assert planted.found_in(await readable_in(log, database)) == []
            assert planted.found_in(await every_row(postgresql_database)) == []
            if not one.is_running:
                one.start()
    # Folded anew by both of them it comes to no more.
    await database.execute("DROP SCHEMA tracklog_read_model_1 CASCADE; DELETE FROM tracklog.read_models")
    with one, other:
        for server in (one, other):
            assert [run_id for run_id in runs if not is_gone(server, run_id)] == []
        assert is_carried_out(other)
        assert planted.found_in(await every_row(postgresql_database)) == []
        wait_until(lambda: tracklog("verify").returncode == 0)
    await database.close()
