"""The servers that are measured, and how each is started: as its own documentation says, with durable writes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.peer_installation import install

PROJECT = Path(__file__).parent.parent
MLFLOW_VERSION = "3.17.2"
FASTTRACKML_VERSION = "0.6.0"


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


def _tracklog(port: int, folder: Path) -> list[str]:
    return [
        str(PROJECT / ".venv" / "bin" / "python"),
        *("-m", "tracklog", "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", f"sqlite:///{folder}/tracklog.db"),
        *("--artifacts-destination", f"{folder}/artifacts"),
    ]


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
