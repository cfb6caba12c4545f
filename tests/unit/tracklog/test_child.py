"""A child of a server leaves when the server says so, not at Ctrl-C."""

import os
import subprocess
import sys
from pathlib import Path

from tests.tracklog_server import REPOSITORY

MODULE = """
import os, signal, sys
print(__name__, sys.argv[1:], flush=True)
for number in (signal.SIGINT, signal.SIGTERM):
    os.kill(os.getpid(), number)
print("still there", flush=True)
"""


def test_a_child_is_deaf_to_signals_before_its_module_is_imported(tmp_path: Path) -> None:
    (tmp_path / "some_child.py").write_text(MODULE)
    done = subprocess.run(
        [sys.executable, "-m", "tracklog.child", "some_child", "a", "b"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{REPOSITORY}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "__main__ ['a', 'b']\nstill there\n"
    assert done.stderr == ""
