"""An emulator of Google Cloud Storage, fake-gcs-server, built from its Go module."""

import json
import shutil
from pathlib import Path
from urllib.request import Request, urlopen

from tests.services.cache import cached
from tests.services.go import install
from tests.services.listening import answers
from tests.services.ports import HOST
from tests.services.process import ServiceProcess

VERSION = "v1.56.1"
MODULE = f"github.com/fsouza/fake-gcs-server@{VERSION}"


def binary() -> Path:
    """The emulator's program: the one on the PATH, or built once. Raises ServiceMissing."""
    found = shutil.which("fake-gcs-server")
    if found is not None:
        return Path(found)
    return cached(f"fake-gcs-server-{VERSION}", lambda folder: install(MODULE, folder)) / "fake-gcs-server"


class FakeGcs(ServiceProcess):
    """One emulator, which keeps objects in memory."""

    name = "fake-gcs-server"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def command(self) -> list[str]:
        return [
            *(str(binary()), "-scheme", "http", "-host", HOST, "-port", str(self.port), "-backend", "memory"),
            *("-external-url", self.url, "-log-level", "warn"),
        ]

    def is_ready(self) -> bool:
        return answers(HOST, self.port)


def make_bucket(url: str, name: str) -> None:
    """Make an empty bucket."""
    body = json.dumps({"name": name}).encode()
    request = Request(f"{url}/storage/v1/b", data=body, headers={"Content-Type": "application/json"}, method="POST")
    with urlopen(request, timeout=10) as answer:
        assert answer.status == 200
