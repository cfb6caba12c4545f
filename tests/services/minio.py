"""MinIO, built from its Go module."""

import http.client
import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.services.cache import cached
from tests.services.given import S3_VARIABLE
from tests.services.go import install
from tests.services.kept_secret import kept_secret
from tests.services.ports import HOST
from tests.services.process import ServiceProcess

VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"
MODULE = f"github.com/minio/minio@{VERSION}"
ACCESS_KEY = "tracklog"


def binary() -> Path:
    """MinIO's program: the one on the PATH, or built once. Raises ServiceMissing."""
    found = shutil.which("minio")
    if found is not None:
        return Path(found)
    return cached(f"minio-{VERSION}", _build) / "minio"


def _build(folder: Path) -> None:
    install(
        MODULE,
        folder,
        f"Instead, put a `minio` on the PATH, or set {S3_VARIABLE}, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a "
        "running store's. ",
    )


class Minio(ServiceProcess):
    """One server on one folder; its secret is made at its birth and kept beside it, mode 0600."""

    name = "minio"
    access_key = ACCESS_KEY

    @property
    def url(self) -> str:
        """What S3 clients take as their endpoint."""
        return f"http://{self.address}"

    @property
    def secret_key(self) -> str:
        """Made at the first start."""
        return kept_secret(self.folder / "secret-key")

    def command(self) -> list[str]:
        return [str(binary()), "server", "--quiet", "--address", self.address, str(self.folder / "data")]

    def environment(self) -> Mapping[str, str]:
        return {
            "MINIO_ROOT_USER": self.access_key,
            "MINIO_ROOT_PASSWORD": self.secret_key,
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
            # Without it MinIO keeps its data off the disk that holds `/`.
            "MINIO_CI_CD": "true",
        }

    def is_ready(self) -> bool:
        return minio_is_ready(HOST, self.port)


def minio_is_ready(host: str, port: int) -> bool:
    """Whether the server there takes requests."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/minio/health/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
