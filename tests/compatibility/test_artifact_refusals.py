"""A stock client hears at once why its artifact cannot be stored, instead of repeating it until its patience ends."""

from pathlib import Path

import pytest
import requests
from mlflow import MlflowClient

from tests.small_disk import fill, read_only, small_disk
from tests.tracklog_server import TracklogServer


def uploads(server: TracklogServer) -> int:
    """How many the server has answered, by its metrics."""
    lines = requests.get(f"{server.url}/metrics", timeout=30).text.splitlines()
    counts = [line.split()[-1] for line in lines if line.startswith('tracklog_http_responses_total{method="PUT"')]
    return sum(map(int, map(float, counts)))


def test_the_client_is_told_why_and_asks_once(tmp_path: Path) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(bytes(200_000))
    with small_disk(tmp_path / "disk", "1m") as disk:
        server = TracklogServer(tmp_path / "server", options=("--artifacts-destination", str(disk / "artifacts")))
        with server:
            client = MlflowClient(server.url)
            run_id = client.create_run("0").info.run_id
            with read_only(disk), pytest.raises(Exception, match="Read-only file system"):
                client.log_artifact(run_id, str(file))
            assert uploads(server) == 1
            filling = fill(disk)
            with pytest.raises(Exception, match="No space left on device"):
                client.log_artifact(run_id, str(file))
            assert uploads(server) == 2
            filling.unlink()
            client.log_artifact(run_id, str(file))
            assert [one.path for one in client.list_artifacts(run_id)] == ["model.bin"]
