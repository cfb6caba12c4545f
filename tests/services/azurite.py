"""Azurite, the emulator of Azure Blob Storage, on Node.js."""

import shutil
import subprocess
from pathlib import Path

from tests.services.cache import cached
from tests.services.listening import answers
from tests.services.missing import ServiceMissing
from tests.services.ports import HOST
from tests.services.process import ServiceProcess

VERSION = "3.35.0"
INSTALL_TIMEOUT_S = 600.0

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Those that every Azurite has, as Microsoft documents them."""


def script() -> Path:
    """Azurite's program. Raises ServiceMissing."""
    if shutil.which("node") is None:
        raise ServiceMissing("Azurite needs Node.js and its npm (Debian: apt-get install npm).")
    return cached(f"azurite-{VERSION}", _install) / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"


def _install(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise ServiceMissing("Azurite needs Node.js and its npm (Debian: apt-get install npm).")
    installed = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), f"azurite@{VERSION}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=INSTALL_TIMEOUT_S,
        check=False,
    )
    if installed.returncode:
        raise ServiceMissing(f"npm could not install azurite: {' '.join(installed.stdout.split())[-600:]}")


class Azurite(ServiceProcess):
    """One emulator, which keeps blobs in memory."""

    name = "azurite"

    @property
    def endpoint(self) -> str:
        return f"http://{self.address}/{ACCOUNT}"

    @property
    def connection_string(self) -> str:
        return f"AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={self.endpoint};"

    def command(self) -> list[str]:
        return [
            *("node", str(script()), "--silent", "--blobHost", HOST, "--blobPort", str(self.port)),
            *("--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"),
        ]

    def is_ready(self) -> bool:
        return answers(HOST, self.port)
