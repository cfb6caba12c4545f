"""The options of single sign-on, of every command that answers clients."""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click

from tracklog.cli.bad_usage import reporting_bad_settings
from tracklog.settings.oidc import GROUPS_CLAIM, USERNAME_CLAIM, OidcOptions, oidc_of

Command = Callable[..., Any]

FILE: Final = click.Path(path_type=Path, dir_okay=False)


def with_oidc(command: Command) -> Command:
    """Give `command` the parameter `oidc`."""

    @click.option(
        "--oidc-issuer-url",
        envvar="TRACKLOG_OIDC_ISSUER_URL",
        metavar="URL",
        help="The provider of OpenID Connect whose users are let in, with --app-name.  [default: none]",
    )
    @click.option(
        "--oidc-client-id",
        envvar="TRACKLOG_OIDC_CLIENT_ID",
        metavar="ID",
        help="What this server is called at the provider.",
    )
    @click.option(
        "--oidc-client-secret-file",
        envvar="TRACKLOG_OIDC_CLIENT_SECRET_FILE",
        type=FILE,
        metavar="FILE",
        help="What it proves that by.  [default: what TRACKLOG_OIDC_CLIENT_SECRET holds]",
    )
    @click.option(
        "--oidc-audience",
        envvar="TRACKLOG_OIDC_AUDIENCE",
        metavar="NAME",
        help="What tokens of scripts have to be meant for.  [default: the client id]",
    )
    @click.option(
        "--oidc-username-claim",
        envvar="TRACKLOG_OIDC_USERNAME_CLAIM",
        default=USERNAME_CLAIM,
        show_default=True,
        metavar="CLAIM",
        help="What names an account when it is made.",
    )
    @click.option(
        "--oidc-groups-claim",
        envvar="TRACKLOG_OIDC_GROUPS_CLAIM",
        default=GROUPS_CLAIM,
        show_default=True,
        metavar="CLAIM",
        help="What holds the groups of a user.",
    )
    @click.option(
        "--oidc-admin-group",
        envvar="TRACKLOG_OIDC_ADMIN_GROUP",
        metavar="GROUP",
        help="The group whose members may do everything.  [default: none]",
    )
    @click.option(
        "--oidc-allowed-group",
        envvar="TRACKLOG_OIDC_ALLOWED_GROUP",
        metavar="GROUP",
        help="The group whose members alone are let in.  [default: every user of the provider is]",
    )
    @click.option(
        "--oidc-ca-certs",
        envvar="TRACKLOG_OIDC_CA_CERTS",
        type=FILE,
        metavar="FILE",
        help="Authorities to trust when the provider is asked.  [default: the system's]",
    )
    @wraps(command)
    def with_options(
        *,
        oidc_issuer_url: str | None,
        oidc_client_id: str | None,
        oidc_client_secret_file: Path | None,
        oidc_audience: str | None,
        oidc_username_claim: str,
        oidc_groups_claim: str,
        oidc_admin_group: str | None,
        oidc_allowed_group: str | None,
        oidc_ca_certs: Path | None,
        **given: Any,
    ) -> Any:
        options = OidcOptions(
            issuer_url=oidc_issuer_url,
            client_id=oidc_client_id,
            client_secret_file=oidc_client_secret_file,
            audience=oidc_audience,
            username_claim=oidc_username_claim,
            groups_claim=oidc_groups_claim,
            admin_group=oidc_admin_group,
            allowed_group=oidc_allowed_group,
            ca_certs=oidc_ca_certs,
        )
        with reporting_bad_settings():
            oidc = oidc_of(options, os.environ)
        return command(oidc=oidc, **given)

    return with_options
