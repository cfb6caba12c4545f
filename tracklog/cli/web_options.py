"""The options of every command that answers clients: what is let in, and how it is answered."""

import os
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from tracklog.cli.bad_usage import reporting_bad_settings
from tracklog.cli.listen_options import with_listening
from tracklog.cli.oidc_options import with_oidc
from tracklog.settings.authentication import authentication_of
from tracklog.settings.oidc import OidcSettings
from tracklog.settings.process import (
    FRAME_OPTIONS,
    WebSettings,
    allowed_origins_of,
    frame_options_of,
    names_of,
    static_prefix_of,
    trusted_proxies_of,
    user_header_of,
)

Command = Callable[..., Any]


def with_web(command: Command) -> Command:
    """Give `command` the parameters `listen` and `web`."""

    @click.option(
        "--static-prefix",
        envvar="MLFLOW_STATIC_PREFIX",
        metavar="PATH",
        help="A path below which everything is served.",
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
        "--trusted-proxies",
        envvar="TRACKLOG_TRUSTED_PROXIES",
        metavar="NETWORKS",
        help="Networks whose X-Forwarded-For is believed, comma-separated, such as 10.0.0.0/8.  [default: none]",
    )
    @click.option(
        "--user-header",
        envvar="TRACKLOG_USER_HEADER",
        metavar="NAME",
        help="The header in which a trusted proxy names the user, such as X-Forwarded-User; others are refused.",
    )
    @click.option(
        "--app-name",
        envvar="TRACKLOG_APP_NAME",
        metavar="NAME",
        help="basic-auth: only users with a password or an access token are let in.  [default: everybody is]",
    )
    @wraps(command)
    def with_options(
        *,
        static_prefix: str | None,
        allowed_hosts: str | None,
        cors_allowed_origins: str | None,
        x_frame_options: str,
        trusted_proxies: str | None,
        user_header: str | None,
        app_name: str | None,
        oidc: OidcSettings | None,
        access_log: bool,
        **given: Any,
    ) -> Any:
        with reporting_bad_settings():
            proxies = trusted_proxies_of(trusted_proxies)
            web = WebSettings(
                static_prefix=static_prefix_of(static_prefix),
                allowed_hosts=names_of("--allowed-hosts", allowed_hosts),
                allowed_origins=allowed_origins_of(cors_allowed_origins),
                frame_options=frame_options_of(x_frame_options),
                access_log=access_log,
                trusted_proxies=proxies,
                user_header=user_header_of(user_header, proxies),
                authentication=authentication_of(app_name, oidc, os.environ),
            )
        return command(web=web, **given)

    return with_listening(with_oidc(with_options))
