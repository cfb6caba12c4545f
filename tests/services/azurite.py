"""Azurite, the emulator of Azure Blob Storage, on Node.js."""

from pathlib import Path

from tests.services.listening import answers
from tests.services.npm import installed
from tests.services.ports import HOST
from tests.services.process import ServiceProcess

VERSION = "3.35.0"

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Those that every Azurite has, as Microsoft documents them."""


def script() -> Path:
    """Azurite's program. Raises ServiceMissing."""
    return installed(f"azurite-{VERSION}", f"azurite@{VERSION}") / "azurite" / "dist" / "src" / "blob" / "main.js"


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
