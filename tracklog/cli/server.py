"""`tracklog server`: the options of `mlflow server` by the same names, where they mean something here."""

import logging
import os
import sys
from pathlib import Path
from typing import Final

import click

from tracklog.cli.commands import Refusal
from tracklog.cli.store_option import backend_store_uri
from tracklog.cli.unsupported_options import unsupported_options
from tracklog.settings import (
    ARTIFACTS_FOLDER_NAME,
    DEFAULT_DATA_FOLDER,
    DEFAULT_HOST,
    DEFAULT_PORT,
    FRAME_OPTIONS,
    SettingRefused,
    Settings,
    WebSettings,
    allowed_origins_of,
    artifact_root_of,
    artifacts_folder_of,
    frame_options_of,
    host_of,
    names_of,
    static_prefix_of,
)

DEFAULT_ARTIFACTS: Final = DEFAULT_DATA_FOLDER / ARTIFACTS_FOLDER_NAME
ACCESS_LOG_FD: Final = 1
"""Standard output; whatever else there is to say goes to standard error."""


@click.command("server")
@backend_store_uri()
@click.option(
    "--artifacts-destination",
    envvar="MLFLOW_ARTIFACTS_DESTINATION",
    default=str(DEFAULT_ARTIFACTS),
    show_default=True,
    metavar="URI",
    help="The local folder in which artifacts are kept that clients send through this server.",
)
@click.option(
    "--default-artifact-root",
    envvar="MLFLOW_DEFAULT_ARTIFACT_ROOT",
    metavar="URI",
    help="Where new experiments keep their artifacts.  [default: mlflow-artifacts:/, through this server; with "
    "--no-serve-artifacts the folder of --artifacts-destination]",
)
@click.option(
    "--serve-artifacts/--no-serve-artifacts",
    envvar="MLFLOW_SERVE_ARTIFACTS",
    default=True,
    show_default=True,
    help="Pass artifacts between clients and --artifacts-destination.",
)
@click.option(
    "--artifacts-only",
    envvar="MLFLOW_ARTIFACTS_ONLY",
    is_flag=True,
    help="Pass artifacts and do nothing else: no log is opened.",
)
@click.option(
    *("--host", "-h"),
    envvar="MLFLOW_HOST",
    default=DEFAULT_HOST,
    show_default=True,
    help="The interface to listen on; 0.0.0.0 for all.",
)
@click.option(
    *("--port", "-p"),
    envvar="MLFLOW_PORT",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="The port to listen on; 0 for any that is free.",
)
@click.option(
    "--static-prefix", envvar="MLFLOW_STATIC_PREFIX", metavar="PATH", help="A path below which everything is served."
)
@click.option(
    "--allowed-hosts",
    envvar="MLFLOW_SERVER_ALLOWED_HOSTS",
    metavar="HOSTS",
    help="Host headers to let in, comma-separated, '*' for any text.  [default: localhost, private addresses]",
)
@click.option(
    "--cors-allowed-origins",
    envvar="MLFLOW_SERVER_CORS_ALLOWED_ORIGINS",
    metavar="ORIGINS",
    help="Origins whose pages may use this server, comma-separated, '*' for any text.  [default: localhost]",
)
@click.option(
    "--x-frame-options",
    envvar="MLFLOW_SERVER_X_FRAME_OPTIONS",
    default="SAMEORIGIN",
    show_default=True,
    help=f"Who may show the page in a frame: {', '.join(FRAME_OPTIONS)}.",
)
@click.option(
    "--access-log/--no-access-log",
    envvar="TRACKLOG_ACCESS_LOG",
    default=True,
    show_default=True,
    help="Write a line of JSON for each request to standard output.",
)
@unsupported_options
def command(
    log_file: Path,
    artifacts_destination: str,
    default_artifact_root: str | None,
    serve_artifacts: bool,
    artifacts_only: bool,
    host: str,
    port: int,
    static_prefix: str | None,
    allowed_hosts: str | None,
    cors_allowed_origins: str | None,
    x_frame_options: str,
    access_log: bool,
) -> None:
    """Serve the tracking API, the artifacts and the page from one process tree.

    Without options everything is kept in ./tracklog-data and served at http://127.0.0.1:5000.
    """
    try:
        if artifacts_only and not serve_artifacts:
            raise SettingRefused("--artifacts-only and --no-serve-artifacts together leave nothing to serve.")
        folder = artifacts_folder_of(artifacts_destination)
        settings = Settings(
            host=host_of(host),
            port=port,
            log_file=log_file,
            artifacts_folder=folder,
            default_artifact_root=artifact_root_of(
                default_artifact_root, serve_artifacts=serve_artifacts, artifacts_folder=folder
            ),
            web=WebSettings(
                static_prefix=static_prefix_of(static_prefix),
                allowed_hosts=names_of("--allowed-hosts", allowed_hosts),
                allowed_origins=allowed_origins_of(cors_allowed_origins),
                frame_options=frame_options_of(x_frame_options),
                access_log=access_log,
                artifacts_only=artifacts_only,
                serve_artifacts=serve_artifacts,
            ),
        )
    except SettingRefused as refused:
        raise Refusal(str(refused)) from refused
    run(settings)


def run(settings: Settings) -> None:
    """Serve until a signal says to stop."""
    from tracklog.embedded.sqlite_memory import count_no_memory

    count_no_memory()  # before anything imports sqlite3

    import uvloop

    from event_log.port import ForeignLog, LogInUse
    from tracklog.embedded.server import AddressTaken, serve
    from tracklog.log_lines import JsonLines

    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[lines])
    try:
        uvloop.run(serve(settings, announce=announce, access_log_fd=ACCESS_LOG_FD if settings.web.access_log else None))
    except (ForeignLog, LogInUse, AddressTaken) as error:
        raise click.ClickException(str(error)) from error
    except PermissionError as error:
        raise click.ClickException(f"{error.filename}: {os.strerror(error.errno or 0)}.") from error


def announce(text: str) -> None:
    """Say something to whoever started the server."""
    click.echo(text, err=True)
