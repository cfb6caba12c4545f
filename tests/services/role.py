"""One process of a role of Tracklog: `tracklog ingest|projector|query|artifacts|webhooks`."""

import http.client
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.services.leash import REPOSITORY
from tests.services.ports import HOST
from tests.services.process import ServiceProcess


class RoleProcess(ServiceProcess):
    """A process of a role on a port of its own.

    What holds passwords comes by `environment`, which others on the machine cannot see, and the rest by `options`.
    """

    def __init__(
        self, folder: Path, role: str, number: int, environment: Mapping[str, str], options: Sequence[str] = ()
    ) -> None:
        self.role = role
        self.name = f"{role}-{number}"
        super().__init__(folder)
        self._environment = dict(environment)
        self._options = tuple(options)
        self.clock_ahead_s = 0.0
        """How far its clock is before the machine's from its next start on; less than 0 is behind."""

    @property
    def url(self) -> str:
        """Where it answers, without the proxy."""
        return f"http://{self.address}"

    def command(self) -> list[str]:
        listen = ["--host", HOST, "--port", str(self.port)]
        program = ["tests.services.skewed_clock", str(self.clock_ahead_s)] if self.clock_ahead_s else ["tracklog"]
        return [sys.executable, "-m", *program, self.role, *listen, *self._options]

    def inherited_environment(self) -> Mapping[str, str]:
        # Variables of the developer's shell must not change the server under test.
        foreign = ("MLFLOW_", "_MLFLOW_", "TRACKLOG_", "AWS_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        path = os.pathsep.join(filter(None, [str(REPOSITORY), inherited.get("PYTHONPATH")]))
        return {**inherited, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}

    def environment(self) -> Mapping[str, str]:
        return self._environment

    def is_ready(self) -> bool:
        return self.status_of("/ready") == 200

    def status_of(self, path: str) -> int | None:
        """The status of the answer to GET `path`; None when there is none."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
