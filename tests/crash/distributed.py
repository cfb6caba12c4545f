"""The distributed system under faults: two of each role that shares its work, on Kafka, PostgreSQL and MinIO."""

import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from tests.crash.rounds import SHOWN_FAULTS
from tests.services.stack import Stack, StackSettings
from tests.tracklog_server import REPOSITORY

SHOWN_CHARACTERS = 2000
SEVERAL: Final = StackSettings(ingest=2, projectors=2, query=1, artifacts=1)


class DistributedSystem(Stack):
    """A stack, as a round of load and faults sees it."""

    def __init__(self, folder: Path, settings: StackSettings = SEVERAL, **makers: Any) -> None:
        """`makers` say what its stores are, as for every stack."""
        super().__init__(folder, settings, **makers)

    @property
    def port(self) -> int:
        return self.nginx.port

    def tracklog(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        stores = ["--backend-store-uri", self.database_url, "--event-log", self.event_log_uri]
        command = [sys.executable, "-m", "tracklog", *arguments, *stores]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=600, check=False)

    def errors(self) -> str:
        shown: list[str] = []
        for processes in self.roles.values():
            for process in processes:
                lines = [
                    line
                    for line in process.log_file.read_text(errors="replace").splitlines()
                    if '"level"' in line or "Traceback" in line
                ]
                shown += [f"{process.name}: {line[:SHOWN_CHARACTERS]}" for line in lines[-SHOWN_FAULTS:]]
        return "\n".join(shown)
