"""Data frames of a running server: the example of the docs, as written."""

import re
import subprocess
import sys
from pathlib import Path

from tests.integration.test_history import log_metric, new_run
from tests.tracklog_server import REPOSITORY, TracklogServer


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
    assert done.stdout == f"['{runs[1]}'] [0.5] [[0.0, 0.5], [1.0, 0.5], [2.0, 0.5]]\n"
