"""The options of every command that listens."""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click

from tracklog.cli.bad_usage import reporting_bad_settings
from tracklog.settings.process import DEFAULT_HOST, DEFAULT_PORT, ListenSettings, host_of
from tracklog.settings.tls import CLIENT_CERTIFICATES, PASSWORD_VARIABLE, tls_of, tls_options_in

Command = Callable[..., Any]

FILE: Final = click.Path(path_type=Path, dir_okay=False)


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
    @click.option(
        "--ssl-certfile",
        envvar="TRACKLOG_SSL_CERTFILE",
        type=FILE,
        help="Serve by TLS with this certificate, and those that vouch for it: PEM, read again when it changes.",
    )
    @click.option(
        "--ssl-keyfile",
        envvar="TRACKLOG_SSL_KEYFILE",
        type=FILE,
        help=f"The certificate's key; its password, if any, is in {PASSWORD_VARIABLE}.  [default: in the same file]",
    )
    @click.option(
        "--ssl-ca-certs",
        envvar="TRACKLOG_SSL_CA_CERTS",
        type=FILE,
        help="Let in only clients with a certificate that one of these vouches for.",
    )
    @click.option(
        "--ssl-cert-reqs",
        envvar="TRACKLOG_SSL_CERT_REQS",
        type=click.Choice(list(CLIENT_CERTIFICATES)),
        help="Certificates of clients: 0 asks for none, 1 checks one that is sent, 2 requires one.  "
        "[default: 2 with --ssl-ca-certs, else 0]",
    )
    @click.option("--uvicorn-opts", envvar="MLFLOW_UVICORN_OPTS", hidden=True, help="As --ssl-..., for MLflow's users.")
    @wraps(command)
    def with_options(
        *,
        host: str,
        port: int,
        ssl_certfile: Path | None,
        ssl_keyfile: Path | None,
        ssl_ca_certs: Path | None,
        ssl_cert_reqs: str | None,
        uvicorn_opts: str | None,
        **given: Any,
    ) -> Any:
        with reporting_bad_settings():
            by_uvicorn = tls_options_in(uvicorn_opts or "")
            tls = tls_of(
                ssl_certfile or _path(by_uvicorn.get("--ssl-certfile")),
                ssl_keyfile or _path(by_uvicorn.get("--ssl-keyfile")),
                ssl_ca_certs or _path(by_uvicorn.get("--ssl-ca-certs")),
                # uvicorn's own default, where its options name the authorities
                ssl_cert_reqs or by_uvicorn.get("--ssl-cert-reqs", "0" if "--ssl-ca-certs" in by_uvicorn else None),
                os.environ.get(PASSWORD_VARIABLE),
            )
            listen = ListenSettings(host=host_of(host), port=port, tls=tls)
        return command(listen=listen, **given)

    return with_options


def with_otlp_grpc(command: Command) -> Command:
    """Give `listen` of `command` a port for calls of gRPC, where one is named."""

    @click.option(
        "--otlp-grpc-port",
        envvar="TRACKLOG_OTLP_GRPC_PORT",
        type=click.IntRange(0, 65535),
        help="Take spans by OTLP over gRPC at this port, too; 0 for any that is free.  [default: by HTTP alone]",
    )
    @wraps(command)
    def with_options(*, listen: ListenSettings, otlp_grpc_port: int | None, **given: Any) -> Any:
        if otlp_grpc_port is not None:
            from tracklog.serving.otlp_grpc import check_grpc

            with reporting_bad_settings():
                check_grpc()
        return command(listen=replace(listen, otlp_grpc_port=otlp_grpc_port), **given)

    return with_options


def _path(value: str | None) -> Path | None:
    return None if value is None else Path(value)
