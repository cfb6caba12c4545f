"""Data frames of a running server: the example of the docs, as written."""

import json
import re
import subprocess
import sys
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet
from click.testing import CliRunner

from tests.integration.test_history import log_metric, new_run
from tests.tracklog_server import REPOSITORY, TracklogServer
from tracklog.cli.commands import tracklog

RUN_FILES: Final = ("runs/", "params/", "tags/", "metrics/", "metric_history/", "experiments/", "experiment_tags/")


def exported(*words: str | Path) -> dict[str, Any]:
    """The manifest of an export."""
    done = CliRunner().invoke(tracklog, ["export", "parquet", *map(str, words)])
    assert done.exit_code == 0, done.output
    (manifest,) = Path(words[0]).glob("*/manifest.json")
    return {"folder": manifest.parent, **json.loads(manifest.read_bytes())}


def same_bytes_from_log_and_server(server: TracklogServer, folder: Path) -> None:
    """What the server shows is what the log comes to, byte for byte, where nothing happens meanwhile."""
    of_log = exported(folder / "of-log", "--event-log", server.event_log_file)
    served = exported(folder / "served", "--url", server.url)
    assert (served["position"], served["of_one_moment"]) == (of_log["position"], True)
    expected = [one for one in of_log["files"] if one["path"].startswith(RUN_FILES)]
    assert sorted(served["files"], key=itemgetter("path")) == sorted(expected, key=itemgetter("path"))
    again = CliRunner().invoke(tracklog, ["export", "parquet", str(folder / "served"), "--url", server.url])
    assert (again.exit_code, "already" in again.output) == (2, True)


def only_what_changed(server: TracklogServer, folder: Path, runs: list[str]) -> None:
    before = json.loads(next((folder / "served").glob("*/manifest.json")).read_bytes())["position"]
    log_metric(server.url, runs[0], 7)
    changed = exported(folder / "changed", "--url", server.url, "--since", before)
    assert changed["folder"].name.startswith(f"{before.replace(':', '-')}..")
    rows = {table: pyarrow.parquet.read_table(changed["folder"] / table).to_pylist() for table in ("runs", "metrics")}
    assert [row["run_id"] for row in rows["runs"]] == [runs[0]]
    assert [row["step"] for row in rows["metrics"]] == [7]
    refused = CliRunner().invoke(tracklog, ["export", "parquet", str(folder), "--url", server.url, "--as-of", "0:1"])
    assert (refused.exit_code, "--as-of" in refused.output) == (2, True)


def test_the_ten_lines_make_frames(tmp_path: Path) -> None:
    page = (REPOSITORY / "docs" / "data-frames.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    example = example.replace("metrics.loss < 0.5", "metrics.loss < 0.6")
    with TracklogServer(tmp_path) as server:
        runs = [new_run(server.url) for _ in range(2)]
        for step in range(3):
            log_metric(server.url, runs[1], step)
        told = "print(list(runs.run_id), runs['metrics.loss'].tolist(), history[['step', 'value']].values.tolist())"
        done = subprocess.run(
            [sys.executable, "-c", f"{example}\n{told}"],
            env={"MLFLOW_TRACKING_URI": server.url},
            check=True,
            capture_output=True,
            text=True,
        )
        same_bytes_from_log_and_server(server, tmp_path)
        only_what_changed(server, tmp_path, runs)
    assert done.stdout == f"['{runs[1]}'] [0.5] [[0.0, 0.5], [1.0, 0.5], [2.0, 0.5]]\n"
