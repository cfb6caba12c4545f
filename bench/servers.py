"""The servers that are measured, and how each is started: as its own documentation says, with durable writes."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.peer_installation import install

PROJECT = Path(__file__).parent.parent
MLFLOW_VERSION = "3.17.2"
FASTTRACKML_VERSION = "0.6.0"
PSYCOPG = "psycopg[binary]==3.3.9"


@dataclass(frozen=True, slots=True)
class Server:
    """One of the competitors: `command(port, folder)` is what starts it with all its data below `folder`."""

    name: str
    title: str
    command: Callable[[int, Path], list[str]]
    log_files: tuple[str, ...] = ()
    read_model_files: tuple[str, ...] = ()
    """Glob patterns of data files below the folder; a server without a log of its own has only the second kind."""
    setup_connections: int = 4
    """How many connections fill it before a measure: as many as it takes without failing."""
    runs_in_project: bool = False
    """Whether its command finds modules of this project; others run in their data folder and may litter it."""


def _tracklog(port: int, folder: Path) -> list[str]:
    return [
        str(PROJECT / ".venv" / "bin" / "python"),
        *("-m", "tracklog", "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", f"sqlite:///{folder}/tracklog.db"),
        *("--artifacts-destination", f"{folder}/artifacts"),
    ]


ALLOWING = ("--webhook-allowed-schemes", "http", "--webhook-allow-private-ips")


def _tracklog_with_webhooks(port: int, folder: Path) -> list[str]:
    return [*_tracklog(port, folder), *ALLOWING]


def _tracklog_with_webhooks_on_postgresql(port: int, folder: Path) -> list[str]:
    key = folder / "webhook-key"
    key.write_bytes(base64.urlsafe_b64encode(b"k" * 32))
    return [*_tracklog_on_postgresql(port, folder), *ALLOWING, "--webhook-key-file", str(key)]


def _mlflow(port: int, folder: Path) -> list[str]:
    programs = install("mlflow", f"mlflow=={MLFLOW_VERSION}")
    return [
        str(programs / "mlflow"),
        *("server", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db"),
        *("--artifacts-destination", f"{folder}/artifacts"),
    ]


def _fasttrackml(port: int, folder: Path) -> list[str]:
    """FastTrackML's SQLite answers before the fsync unless told otherwise; `_synchronous=FULL` makes it durable."""
    programs = install("fasttrackml", f"fasttrackml=={FASTTRACKML_VERSION}")
    return [
        str(programs / "fml"),
        *("server", "--listen-address", f"127.0.0.1:{port}"),
        *("--database-uri", f"sqlite://{folder}/fasttrackml.db?_synchronous=FULL"),
        *("--default-artifact-root", f"{folder}/artifacts"),
    ]


def _on_postgresql(folder: Path, *command: str) -> list[str]:
    """A command that starts a PostgreSQL first; `{url}` in it stands for its address."""
    return [str(PROJECT / ".venv" / "bin" / "python"), "-m", "bench.on_postgresql", str(folder), *command]


def _tracklog_on_postgresql(port: int, folder: Path) -> list[str]:
    return _on_postgresql(
        folder,
        *(str(PROJECT / ".venv" / "bin" / "tracklog"), "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", "{url}", "--artifacts-destination", f"{folder}/artifacts"),
    )


def _mlflow_on_postgresql(port: int, folder: Path) -> list[str]:
    programs = install("mlflow-postgresql", f"mlflow=={MLFLOW_VERSION}", PSYCOPG)
    return _on_postgresql(
        folder,
        *(str(programs / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", "{url}", "--artifacts-destination", f"{folder}/artifacts"),
    )


def _fasttrackml_on_postgresql(port: int, folder: Path) -> list[str]:
    programs = install("fasttrackml", f"fasttrackml=={FASTTRACKML_VERSION}")
    return _on_postgresql(
        folder,
        *(str(programs / "fml"), "server", "--listen-address", f"127.0.0.1:{port}"),
        *("--database-uri", "{url}", "--default-artifact-root", f"{folder}/artifacts"),
    )


def _on_minio(folder: Path, *command: str) -> list[str]:
    """A command that starts a MinIO first, and finds it by its environment."""
    return [str(PROJECT / ".venv" / "bin" / "python"), "-m", "bench.on_minio", str(folder), *command]


def _tracklog_on_minio(port: int, folder: Path) -> list[str]:
    return _on_minio(
        folder,
        *(str(PROJECT / ".venv" / "bin" / "tracklog"), "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", f"sqlite:///{folder}/tracklog.db", "--artifacts-destination", "s3://artifacts"),
    )


def _mlflow_on_minio(port: int, folder: Path) -> list[str]:
    programs = install("mlflow-s3", f"mlflow=={MLFLOW_VERSION}", "boto3")
    return _on_minio(
        folder,
        *(str(programs / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", "s3://artifacts"),
    )


def _tracklog_stack(port: int, folder: Path) -> list[str]:
    return [
        str(PROJECT / ".venv" / "bin" / "python"),
        *("-m", "tests.services.run_stack", "--data", str(folder / "stack"), "--port", str(port)),
    ]


EMBEDDED_SERVERS = {
    server.name: server
    for server in (
        Server(
            name="tracklog",
            title="Tracklog",
            command=_tracklog,
            log_files=("tracklog.db", "tracklog.db-wal"),
            read_model_files=("tracklog.db.read-model.*",),
            setup_connections=32,
            runs_in_project=True,
        ),
        Server(
            name="mlflow",
            title=f"MLflow {MLFLOW_VERSION}",
            command=_mlflow,
            read_model_files=("mlflow.db", "mlflow.db-*"),
            setup_connections=2,
        ),
        Server(
            name="fasttrackml",
            title=f"FastTrackML {FASTTRACKML_VERSION}",
            command=_fasttrackml,
            read_model_files=("fasttrackml.db", "fasttrackml.db-*"),
        ),
    )
}

DISTRIBUTED_SERVERS = {
    server.name: server
    for server in (
        Server(
            name="tracklog",
            title="Tracklog, four roles",
            command=_tracklog_stack,
            setup_connections=32,
            runs_in_project=True,
        ),
        Server(
            name="mlflow",
            title=f"MLflow {MLFLOW_VERSION} on PostgreSQL",
            command=_mlflow_on_postgresql,
            setup_connections=2,
            runs_in_project=True,
        ),
        Server(
            name="fasttrackml",
            title=f"FastTrackML {FASTTRACKML_VERSION} on PostgreSQL",
            command=_fasttrackml_on_postgresql,
            runs_in_project=True,
        ),
        Server(
            name="tracklog-postgresql",
            title="Tracklog, one server on PostgreSQL",
            command=_tracklog_on_postgresql,
            setup_connections=32,
            runs_in_project=True,
        ),
    )
}
"""Kafka, PostgreSQL, MinIO and the proxy are started with each server that uses them, and counted with it."""

ARTIFACT_SERVERS = {
    server.name: server
    for server in (
        Server(
            name="tracklog",
            title="Tracklog, local folder",
            command=_tracklog,
            runs_in_project=True,
        ),
        Server(name="mlflow", title=f"MLflow {MLFLOW_VERSION}, local folder", command=_mlflow),
        Server(
            name="tracklog-s3",
            title="Tracklog, MinIO",
            command=_tracklog_on_minio,
            runs_in_project=True,
        ),
        Server(
            name="mlflow-s3",
            title=f"MLflow {MLFLOW_VERSION}, MinIO",
            command=_mlflow_on_minio,
            runs_in_project=True,
        ),
    )
}

WEBHOOK_SERVERS = {
    server.name: server
    for server in (
        Server(name="tracklog", title="Tracklog", command=_tracklog_with_webhooks, runs_in_project=True),
        Server(
            name="tracklog-postgresql",
            title="Tracklog, one server on PostgreSQL",
            command=_tracklog_with_webhooks_on_postgresql,
            runs_in_project=True,
        ),
    )
}
"""MLflow forgets what it could not send at once: it has nothing to deliver again."""
