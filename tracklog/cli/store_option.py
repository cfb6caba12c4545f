"""The option by which every command finds the log."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tracklog.cli.commands import Refusal
from tracklog.settings import DEFAULT_DATA_FOLDER, LOG_FILE_NAME, SettingRefused, log_file_of


def log_file(_ctx: click.Context, _parameter: click.Parameter, uri: str | None) -> Path:
    """The file the option names, or the default one."""
    if uri is None:
        return (DEFAULT_DATA_FOLDER / LOG_FILE_NAME).absolute()
    try:
        return log_file_of(uri)
    except SettingRefused as refused:
        raise Refusal(str(refused)) from refused


def backend_store_uri() -> Callable[[Any], Any]:
    """`--backend-store-uri`, passed on as the path of the log in `log_file`."""
    return click.option(
        "--backend-store-uri",
        "log_file",
        envvar="MLFLOW_BACKEND_STORE_URI",
        callback=log_file,
        metavar="URI",
        help=f"The event log: sqlite:///FILE.  [default: sqlite:///{DEFAULT_DATA_FOLDER / LOG_FILE_NAME}]",
    )
