"""An FTP server, pyftpdlib's, on a folder of its own."""

import sys
from importlib.util import find_spec
from pathlib import Path

from tests.services.certificate import self_signed
from tests.services.kept_secret import kept_secret
from tests.services.listening import greets
from tests.services.missing import ServiceMissing
from tests.services.ports import HOST
from tests.services.process import ServiceProcess


class Ftpd(ServiceProcess):
    """One server, which lets `user` in with `password`."""

    name = "ftpd"
    user = "tracklog"

    @property
    def data_folder(self) -> Path:
        """What a client sees as `/`."""
        return self.folder / "data"

    @property
    def password(self) -> str:
        """Made at the first start."""
        return kept_secret(self.folder / "password")

    def prepare(self) -> None:
        if find_spec("pyftpdlib") is None:
            raise ServiceMissing("pyftpdlib is not installed: pip install 'tracklog[dev]'.")
        self.data_folder.mkdir(exist_ok=True)

    def command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "pyftpdlib", "--interface", HOST, "--port", str(self.port), "--write"),
            *("--directory", str(self.data_folder), "--username", self.user, "--password", self.password),
        ]

    def is_ready(self) -> bool:
        return greets(HOST, self.port, b"220")


class TlsFtpd(Ftpd):
    """One server that speaks to nobody but by TLS. A client may trust it by `certificate`."""

    name = "ftpd-tls"

    @property
    def certificate(self) -> Path:
        return self.folder / "certificate.pem"

    def prepare(self) -> None:
        super().prepare()
        if find_spec("OpenSSL") is None:
            raise ServiceMissing("pyOpenSSL is not installed: pip install 'tracklog[dev]'.")
        key, certificate = self_signed(HOST)
        (self.folder / "key.pem").touch(mode=0o600)
        (self.folder / "key.pem").write_bytes(key)
        self.certificate.write_bytes(certificate)

    def command(self) -> list[str]:
        return [
            *super().command(),
            *("--tls", "--tls-control-required", "--tls-data-required"),
            *("--keyfile", str(self.folder / "key.pem"), "--certfile", str(self.certificate)),
        ]
