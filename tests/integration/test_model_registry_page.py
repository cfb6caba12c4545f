"""What docs/model-registry.md shows, run as written."""

import re
import subprocess
import sys
from pathlib import Path

from tests.tracklog_server import REPOSITORY, TracklogServer

PAGE = REPOSITORY / "docs" / "model-registry.md"
ADDRESS = "http://127.0.0.1:5000"
TIMEOUT_S = 240


def test_the_examples_register_load_and_format(tmp_path: Path) -> None:
    examples = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL))
    assert ADDRESS in examples
    seen = "\nprint([round(float(number), 6) for number in champion.predict([[2.0], [3.0]])], greeting)"
    with TracklogServer(tmp_path / "server") as server:
        done = subprocess.run(
            [sys.executable, "-c", examples.replace(ADDRESS, server.url) + seen],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=TIMEOUT_S,
        )
    assert done.stdout.splitlines()[-1] == "[4.0, 6.0] Hello Ada!"
