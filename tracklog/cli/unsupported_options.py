"""The options of `mlflow server` that mean nothing here: refused with a sentence, never ignored."""

from collections.abc import Callable
from typing import Any, Final

import click

from tracklog.cli.bad_usage import BadUsage

ONE_PROCESS: Final = "Tracklog serves from one process of its own, without a server framework to be configured"

UNSUPPORTED: Final = {
    "--read-replica-backend-store-uri": "Reads are answered from the read model beside the log",
    "--registry-store-uri": "There is one log for everything",
    "--gunicorn-opts": ONE_PROCESS,
    "--waitress-opts": ONE_PROCESS,
    "--expose-prometheus": "Metrics are always served at /metrics, and need no folder",
    "--trace-archival-config": "Traces are not implemented yet",
    "--secrets-cache-ttl": "The AI gateway and its secrets are not implemented",
    "--secrets-cache-max-size": "The AI gateway and its secrets are not implemented",
    "--workspace-store-uri": "There are no workspaces",
}
"""By option, why it is refused. Each takes a value; so does its environment name."""

UNSUPPORTED_FLAGS: Final = {
    "--disable-security-middleware": "Name what is to be let in by --allowed-hosts and --cors-allowed-origins",
    "--dev": "There is no debugging mode",
    "--enable-workspaces": "There are no workspaces",
}

NAMED_BY_ENVIRONMENT: Final = {
    "--read-replica-backend-store-uri": "MLFLOW_READ_REPLICA_BACKEND_STORE_URI",
    "--registry-store-uri": "MLFLOW_REGISTRY_STORE_URI",
    "--gunicorn-opts": "MLFLOW_GUNICORN_OPTS",
    "--expose-prometheus": "MLFLOW_EXPOSE_PROMETHEUS",
    "--trace-archival-config": "MLFLOW_TRACE_ARCHIVAL_CONFIG",
    "--workspace-store-uri": "MLFLOW_WORKSPACE_STORE_URI",
    "--disable-security-middleware": "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE",
    "--enable-workspaces": "MLFLOW_ENABLE_WORKSPACES",
}
"""The environment names that `mlflow server` reads for them."""

Decorator = Callable[[Any], Any]


def unsupported_options(command: Any) -> Any:
    """Have `command` recognise every option above, and refuse it."""
    for option in UNSUPPORTED:
        command = _refused(option)(command)
    for flag in UNSUPPORTED_FLAGS:
        command = _refused(flag, is_flag=True)(command)
    command = click.option("--disable-workspaces", is_flag=True, hidden=True, expose_value=False)(command)
    return click.option(
        *("--workers", "-w"), envvar="MLFLOW_WORKERS", hidden=True, expose_value=False, callback=refuse_workers
    )(command)


def _refused(option: str, **declared: Any) -> Decorator:
    return click.option(
        option,
        envvar=NAMED_BY_ENVIRONMENT.get(option),
        hidden=True,
        expose_value=False,
        callback=refuse,
        **declared,
    )


def refuse(_ctx: click.Context, parameter: click.Parameter, value: str | bool | None) -> None:
    """Raise BadUsage when the option was given."""
    if not value:
        return
    option = parameter.opts[0]
    reason = UNSUPPORTED.get(option) or UNSUPPORTED_FLAGS[option]
    raise BadUsage(f"{_given(parameter)} is not supported: {reason[0].lower()}{reason[1:]}.")


def refuse_workers(_ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """Raise BadUsage for any number of workers but the one there is."""
    if value not in (None, "", "1"):
        raise BadUsage(f"{_given(parameter)} {value} is not supported: one process serves, and a log has one writer.")


def _given(parameter: click.Parameter) -> str:
    """An option as the operator wrote it, or may have: by its environment name."""
    return f"{parameter.opts[0]} ({parameter.envvar})" if parameter.envvar else parameter.opts[0]
