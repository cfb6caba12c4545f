"""A server on each store of artifacts."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.services.azure_container import make_container
from tests.services.fake_gcs import make_bucket
from tests.services.s3_bucket import REGION, fresh_bucket_name, remove_bucket
from tests.tracklog_server import TracklogServer

STORES = ("local", "s3", "gs", "wasbs", "sftp", "ftp", "hdfs")


@dataclass(frozen=True, slots=True)
class ArtifactStore:
    """A place for artifacts: its URI, and the variables that a server needs to reach it."""

    uri: str
    environment: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def artifact_store(name: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[ArtifactStore]:
    """An empty place in one of the STORES."""
    service: Any = None if name == "local" else request.getfixturevalue(SERVICES[name])
    fresh = fresh_bucket_name()
    match name:
        case "local":
            yield ArtifactStore(str(folder / "store"))
        case "s3":
            admin: Any = request.getfixturevalue("s3_admin")
            admin.create_bucket(Bucket=fresh)
            yield ArtifactStore(
                f"s3://{fresh}/prefix",
                {
                    "MLFLOW_S3_ENDPOINT_URL": service.url,
                    "AWS_ACCESS_KEY_ID": service.access_key,
                    "AWS_SECRET_ACCESS_KEY": service.secret_key,
                    "AWS_DEFAULT_REGION": REGION,
                },
            )
            remove_bucket(admin, fresh)
        case "gs":
            make_bucket(service.url, fresh)
            yield ArtifactStore(f"gs://{fresh}/prefix", {"STORAGE_EMULATOR_HOST": service.url})
        case "wasbs":
            make_container(service.endpoint, fresh)
            yield ArtifactStore(
                f"wasbs://{fresh}@account.blob.core.windows.net/prefix",
                {"AZURE_STORAGE_CONNECTION_STRING": service.connection_string},
            )
        case "sftp":
            home = folder / "home"
            (home / ".ssh").mkdir(parents=True)
            (home / ".ssh" / "known_hosts").write_text(service.known_hosts.read_text())
            (home / ".ssh" / "id_ed25519").touch(mode=0o600)
            (home / ".ssh" / "id_ed25519").write_text(service.client_key.read_text())
            yield ArtifactStore(f"sftp://{service.user}@127.0.0.1:{service.port}{folder}/store", {"HOME": str(home)})
        case "ftp":
            yield ArtifactStore(f"ftp://{service.user}:{service.password}@127.0.0.1:{service.port}/{fresh}")
        case _:
            yield ArtifactStore(f"hdfs://namenode/{uuid.uuid4().hex}", {"TRACKLOG_WEBHDFS_URL": service.url})


SERVICES: Mapping[str, str] = {
    "s3": "s3_service",
    "gs": "gcs_service",
    "wasbs": "azure_service",
    "sftp": "sftp_service",
    "ftp": "ftp_service",
    "hdfs": "hdfs_service",
}
"""The fixtures of the services."""


@contextmanager
def server_on(store: ArtifactStore, folder: Path, *options: str) -> Iterator[TracklogServer]:
    """An embedded server whose artifacts lie in `store`."""
    log = folder / "data" / "tracklog.db"
    server = TracklogServer(
        folder,
        stores=("--backend-store-uri", f"sqlite:///{log}", "--artifacts-destination", store.uri),
        options=options,
        environment=store.environment,
    )
    with server:
        yield server
