"""What a laptop logged comes to the central server, wherever a push of it is killed."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from tests.eventually import wait_until
from tests.tracklog_server import TracklogServer
from tracklog.cli.remote import MLFLOW_2, Remote

POINTS = 1500


def push_of(laptop: TracklogServer, central: TracklogServer) -> Sequence[str]:
    return [sys.executable, "-m", "tracklog", "push", str(laptop.data_dir), "--to", central.url, "--json"]


def events_of(server: TracklogServer) -> int:
    with closing(sqlite3.connect(server.event_log_file)) as connection:
        return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])


def has_events(server: TracklogServer, number: int) -> bool:
    return events_of(server) >= number


def log_a_run(server: TracklogServer) -> str:
    """A run with many points, each an event of its own, and a file."""
    remote = Remote(server.url, {})
    experiment_id = remote.change("POST", f"{MLFLOW_2}/experiments/create", name="train")["experiment_id"]
    run = remote.change("POST", f"{MLFLOW_2}/runs/create", experiment_id=experiment_id, start_time=1)["run"]["info"]
    for step in range(POINTS):
        metric = {"key": "loss", "value": 1 / (step + 1), "timestamp": step, "step": step}
        remote.change("POST", f"{MLFLOW_2}/runs/log-metric", run_id=run["run_id"], **metric)
    path = f"api/2.0/mlflow-artifacts/artifacts/{experiment_id}/{run['run_id']}/artifacts/a%20file"
    assert remote.answer("PUT", path, {}, b"bytes", {})[0] == 200
    return str(run["run_id"])


def points_of(server: TracklogServer, run_id: str) -> Any:
    asked = {"run_id": run_id, "metric_key": "loss", "max_results": "25000"}
    return Remote(server.url, {}).get(f"{MLFLOW_2}/metrics/get-history", **asked)["metrics"]


def test_killed_pushes_bring_everything_once_and_a_later_one_what_is_new(tmp_path: Path) -> None:
    with TracklogServer(tmp_path / "laptop") as laptop, TracklogServer(tmp_path / "central") as central:
        run_id = log_a_run(laptop)
        before = events_of(central)
        for reached in (before + 1, before + 501):
            with subprocess.Popen(push_of(laptop, central), stdout=subprocess.DEVNULL) as process:
                wait_until(partial(has_events, central, reached))
                process.kill()
        report = json.loads(subprocess.run(push_of(laptop, central), check=True, capture_output=True).stdout)
        assert (report["artifacts"]["uploaded"], report["counts"]) == (1, {})
        assert points_of(central, run_id) == points_of(laptop, run_id)
        run = Remote(central.url, {}).get(f"{MLFLOW_2}/runs/get", run_id=run_id)["run"]["info"]
        path = run["artifact_uri"].removeprefix("mlflow-artifacts:/")
        assert Remote(central.url, {}).page(f"api/2.0/mlflow-artifacts/artifacts/{path}/a%20file", {}).body == b"bytes"
        Remote(laptop.url, {}).change("POST", f"{MLFLOW_2}/runs/update", run_id=run_id, status="FINISHED")
        report = json.loads(subprocess.run(push_of(laptop, central), check=True, capture_output=True).stdout)
        assert report["events"] == {"sent": 1, "new": 1, "forgotten": 0}
