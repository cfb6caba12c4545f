"""The options that say where artifacts are kept."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import click

from tracklog.cli.bad_usage import reporting_bad_settings
from tracklog.settings.process import (
    ARTIFACTS_FOLDER_NAME,
    ArtifactSettings,
    artifact_root_of,
    artifacts_destination_of,
)
from tracklog.settings.store_uris import DEFAULT_DATA_FOLDER

DEFAULT_ARTIFACTS: Final = DEFAULT_DATA_FOLDER / ARTIFACTS_FOLDER_NAME

Command = Callable[..., Any]


def with_artifacts(command: Command) -> Command:
    """Give `command` the parameter `artifacts`."""

    @click.option(
        "--artifacts-destination",
        envvar="MLFLOW_ARTIFACTS_DESTINATION",
        default=str(DEFAULT_ARTIFACTS),
        show_default=True,
        metavar="URI",
        help="Where artifacts are kept that clients send through this server: a local folder or s3://bucket/prefix.",
    )
    @_default_artifact_root
    @click.option(
        "--serve-artifacts/--no-serve-artifacts",
        envvar="MLFLOW_SERVE_ARTIFACTS",
        default=True,
        show_default=True,
        help="Pass artifacts between clients and --artifacts-destination.",
    )
    @wraps(command)
    def with_options(
        *, artifacts_destination: str, default_artifact_root: str | None, serve_artifacts: bool, **given: Any
    ) -> Any:
        with reporting_bad_settings():
            destination = artifacts_destination_of(artifacts_destination)
            root = artifact_root_of(default_artifact_root, serve_artifacts=serve_artifacts, destination=destination)
        artifacts = ArtifactSettings(destination=destination, default_root=root, serve=serve_artifacts)
        return command(artifacts=artifacts, **given)

    return with_options


def with_default_artifact_root(command: Command) -> Command:
    """Give `command` the parameter `artifacts`, for one that passes none but says where those of others lie."""

    @_default_artifact_root
    @wraps(command)
    def with_options(*, default_artifact_root: str | None, **given: Any) -> Any:
        with reporting_bad_settings():
            root = artifact_root_of(default_artifact_root, serve_artifacts=True, destination="")
        return command(artifacts=ArtifactSettings(destination="", default_root=root, serve=False), **given)

    return with_options


_default_artifact_root: Final = click.option(
    "--default-artifact-root",
    envvar="MLFLOW_DEFAULT_ARTIFACT_ROOT",
    metavar="URI",
    help="Where new experiments keep their artifacts.  [default: mlflow-artifacts:/, through the server; where it "
    "passes none (--no-serve-artifacts) its --artifacts-destination]",
)
