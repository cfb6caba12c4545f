"""OpenSSH's server, for SFTP: it lets in whoever runs the tests, by a key of its own."""

import os
import shutil
import subprocess
from getpass import getuser
from pathlib import Path

from tests.services.listening import greets
from tests.services.missing import ServiceMissing
from tests.services.ports import HOST
from tests.services.process import ServiceProcess

PRIVILEGE_SEPARATION = Path("/run/sshd")
"""Run by root, it insists on this folder."""


def binary() -> Path:
    """The server's program. Raises ServiceMissing."""
    found = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise ServiceMissing("OpenSSH's server is not installed (Debian: apt-get install openssh-server).")
    return Path(found)


class Sshd(ServiceProcess):
    """One server. `client_key` opens it to `user`, and `known_hosts` is what a client may trust it by."""

    name = "sshd"

    @property
    def user(self) -> str:
        return getuser()

    @property
    def client_key(self) -> Path:
        return self.folder / "client_key"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def prepare(self) -> None:
        if os.geteuid() == 0:
            PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
        for key in (self.client_key, self.folder / "host_key"):
            if not key.exists():
                subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        host_key = (self.folder / "host_key.pub").read_text()
        self.known_hosts.write_text(f"[{HOST}]:{self.port} {host_key}")
        (self.folder / "sshd_config").write_text(
            f"ListenAddress {HOST}\n"
            f"Port {self.port}\n"
            f"HostKey {self.folder}/host_key\n"
            f"AuthorizedKeysFile {self.client_key}.pub\n"
            "PidFile none\n"
            "UsePAM no\n"
            # The folder of the tests may be anybody's.
            "StrictModes no\n"
            "PermitRootLogin prohibit-password\n"
            "PasswordAuthentication no\n"
            "MaxStartups 100\n"
            "Subsystem sftp internal-sftp\n"
        )

    def command(self) -> list[str]:
        return [str(binary()), "-D", "-e", "-f", str(self.folder / "sshd_config")]

    def is_ready(self) -> bool:
        return greets(HOST, self.port, b"SSH-")
