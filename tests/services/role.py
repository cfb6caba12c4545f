"""One process of a role of Tracklog: `tracklog ingest|projector|query|artifacts|webhooks`."""

import http.client
import os
import ssl
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.services.certificate import Authority
from tests.services.leash import REPOSITORY
from tests.services.ports import HOST
from tests.services.process import ServiceProcess


class RolesTls:
    """Certificates in a folder, by which roles and who asks them know one another: one for each role, and one more."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._authority = Authority()
        self.authorities = folder / "authorities.pem"
        self.authorities.write_bytes(self._authority.certificate)
        self.client = self.file_of("proxy")

    def options_of(self, role: str) -> list[str]:
        """Those of a process that shows the certificate of its role, and lets nobody in without one."""
        return ["--ssl-certfile", str(self.file_of(role)), "--ssl-ca-certs", str(self.authorities)]

    def context(self) -> ssl.SSLContext:
        """Of a client with a certificate."""
        context = ssl.create_default_context(cafile=self.authorities)
        context.load_cert_chain(self.client)
        return context

    def file_of(self, name: str) -> Path:
        """The file with the key and the certificate of a role."""
        file = self._folder / f"{name}.pem"
        if not file.exists():
            file.write_bytes(b"".join(self._authority.issue(name, HOST)))
        return file


class RoleProcess(ServiceProcess):
    """A process of a role on a port of its own, which speaks TLS with `tls`.

    What holds passwords comes by `environment`, which others on the machine cannot see, and the rest by `options`.
    """

    def __init__(
        self,
        folder: Path,
        role: str,
        number: int,
        environment: Mapping[str, str],
        options: Sequence[str] = (),
        tls: RolesTls | None = None,
    ) -> None:
        self.role = role
        self.name = f"{role}-{number}"
        super().__init__(folder)
        self._environment = dict(environment)
        self._options = (*options, *(() if tls is None else tls.options_of(role)))
        self._tls = None if tls is None else tls.context()
        self.clock_ahead_s = 0.0
        """How far its clock is before the machine's from its next start on; less than 0 is behind."""

    @property
    def url(self) -> str:
        """Where it answers, without the proxy."""
        return f"{'http' if self._tls is None else 'https'}://{self.address}"

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
        connection = (
            http.client.HTTPConnection(HOST, self.port, timeout=5)
            if self._tls is None
            else http.client.HTTPSConnection(HOST, self.port, timeout=5, context=self._tls)
        )
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
