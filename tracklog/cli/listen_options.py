"""The options of every command that listens."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from tracklog.cli.bad_usage import reporting_bad_settings
from tracklog.settings.process import DEFAULT_HOST, DEFAULT_PORT, ListenSettings, host_of

Command = Callable[..., Any]


def with_listening(command: Command) -> Command:
    """Give `command` the parameters `listen`, and `access_log` as a flag."""

    @click.option(
        *("--host", "-h"),
        envvar="MLFLOW_HOST",
        default=DEFAULT_HOST,
        show_default=True,
        help="The interface to listen on; 0.0.0.0 for all by IPv4, :: for all by IPv6 and IPv4.",
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
        "--access-log/--no-access-log",
        envvar="TRACKLOG_ACCESS_LOG",
        default=True,
        show_default=True,
        help="Write a line of JSON for each request to standard output.",
    )
    @wraps(command)
    def with_options(*, host: str, port: int, **given: Any) -> Any:
        with reporting_bad_settings():
            listen = ListenSettings(host=host_of(host), port=port)
        return command(listen=listen, **given)

    return with_options
