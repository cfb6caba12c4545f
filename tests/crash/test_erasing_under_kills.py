"""An erasure survives SIGKILL of the whole server at any moment: it is whole, or goes on by itself, or was never begun.

TRACKLOG_ERASURE_KILLS sets how many times, TRACKLOG_KILL_SEED which moments.
"""

import os
import random
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from tests.erased_runs import ask, deleted_run, stored, tracklog
from tests.eventually import wait_until
from tests.planted_secrets import Planted
from tests.tracklog_server import TracklogServer

KILLS = int(os.environ.get("TRACKLOG_ERASURE_KILLS", "3"))
SEED = int(os.environ.get("TRACKLOG_KILL_SEED", str(time.time_ns() % 1_000_000)))
LONGEST_S = 0.05
TAGS = 60
ERASURES = "api/tracklog/v1/erasures"


def another_run(server: TracklogServer, planted: Planted) -> str:
    """One with so many events that forgetting them takes several transactions."""
    run_id = deleted_run(server, planted)
    ask(server, "api/2.0/mlflow/runs/restore", {"run_id": run_id})
    for _ in range(TAGS):
        tag = {"run_id": run_id, "key": "t", "value": planted.new("tag")}
        ask(server, "api/2.0/mlflow/runs/set-tag", tag)
    ask(server, "api/2.0/mlflow/runs/delete", {"run_id": run_id})
    return run_id


def erase_everything(server: TracklogServer) -> None:
    """As far as the server lives."""
    with suppress(OSError, urllib.error.HTTPError):
        plan = ask(server, f"{ERASURES}/plan", {})
        ask(server, ERASURES, {"digest": plan["digest"], "reason": "asked to"})


def is_erased(server: TracklogServer, run_id: str) -> bool:
    history = urllib.request.urlopen(f"{server.url}/api/tracklog/v1/events?stream=run/{run_id}").read()
    return b"run.erased" in history


def is_carried_out(server: TracklogServer) -> bool:
    return bool(ask(server, f"{ERASURES}/carry-out", {"begin": False})["pending"] == 0)


@pytest.mark.timeout(0)
def test_an_erasure_is_whole_or_goes_on_after_every_kill(tmp_path: Path) -> None:
    dice = random.Random(SEED)
    stores = ("--backend-store-uri", f"sqlite:///{tmp_path}/data/tracklog.db")
    begun = 0
    with TracklogServer(tmp_path) as server:
        erasures = server.data_dir / "tracklog.db.erasures"
        for kill in range(KILLS):
            planted = Planted()
            runs = [another_run(server, planted) for _ in range(2)]
            known = erasures.stat().st_size if erasures.exists() else 0
            eraser = threading.Thread(target=erase_everything, args=(server,))
            eraser.start()
            if kill % 3:  # in the middle of carrying it out; else while it is asked for
                wait_until(lambda before=known: erasures.exists() and erasures.stat().st_size > before)  # type: ignore[misc]
            time.sleep(dice.uniform(0, LONGEST_S))
            server.kill()
            eraser.join()
            server.start()
            begun += (was_begun := [is_erased(server, run_id) for run_id in runs]).count(True)
            wait_until(lambda: is_carried_out(server))
            if all(was_begun):
                assert planted.found_in(stored(server)) == [], f"seed {SEED}"
            else:
                erase_everything(server)
                wait_until(lambda: is_carried_out(server))
                assert all(is_erased(server, run_id) for run_id in runs), f"seed {SEED}"
                assert planted.found_in(stored(server)) == [], f"seed {SEED}"
        wait_until(lambda: tracklog("verify", *stores).returncode == 0)
        rebuilt = tracklog("rebuild", "--no-progress", *stores)
    assert begun, f"seed {SEED}: no erasure was begun before a kill"
    assert rebuilt.returncode == 0, f"seed {SEED}: a rebuild differs from the live read model: {rebuilt.stderr}"
