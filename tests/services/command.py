"""Commands that make a service."""

import os
import subprocess
from collections.abc import Mapping, Sequence

from tests.services.missing import ServiceMissing

LAST_CHARACTERS = 600


def run_to_make(
    command: Sequence[str], failure: str, timeout_s: float, environment: Mapping[str, str] | None = None
) -> None:
    """Run a command with more of an environment. Raises ServiceMissing: `failure`, and the end of what it said."""
    made = subprocess.run(
        command,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    if made.returncode:
        raise ServiceMissing(f"{failure}: {' '.join(made.stdout.split())[-LAST_CHARACTERS:]}")
