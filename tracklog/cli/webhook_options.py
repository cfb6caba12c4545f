"""The options that say where webhooks may lead, and what seals their secrets."""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from tracklog.cli.bad_usage import reporting_bad_settings
from tracklog.settings.webhooks import (
    DEFAULT_SCHEMES,
    DEFAULT_TIMEOUT_S,
    KEY_VARIABLE,
    WebhookSettings,
    schemes_of,
    timeout_of,
)

Command = Callable[..., Any]


def with_webhook_key(command: Command) -> Command:
    """Give `command` the parameters `webhook_keys` and `webhook_key_file`."""

    @click.option(
        "--webhook-key-file",
        envvar="TRACKLOG_WEBHOOK_KEY_FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help=f"Fernet keys, a line each: the first seals the secrets of webhooks, all open them.  [default: what "
        f"{KEY_VARIABLE} holds; a server on SQLite makes a file beside its log]",
    )
    @wraps(command)
    def with_options(*, webhook_key_file: Path | None, **given: Any) -> Any:
        return command(webhook_keys=os.environ.get(KEY_VARIABLE) or None, webhook_key_file=webhook_key_file, **given)

    return with_options


def with_webhooks(command: Command) -> Command:
    """Give `command` the parameter `webhooks`."""

    @click.option(
        "--webhook-allowed-schemes",
        envvar="MLFLOW_WEBHOOK_ALLOWED_SCHEMES",
        default=DEFAULT_SCHEMES,
        show_default=True,
        metavar="SCHEMES",
        help="Schemes that the URL of a webhook may have, comma-separated: https, http.",
    )
    @click.option(
        "--webhook-allow-private-ips/--no-webhook-allow-private-ips",
        envvar="MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS",
        default=False,
        show_default=True,
        help="Let webhooks call this machine and private networks.",
    )
    @click.option(
        "--webhook-request-timeout",
        envvar="MLFLOW_WEBHOOK_REQUEST_TIMEOUT",
        type=float,
        default=DEFAULT_TIMEOUT_S,
        show_default=True,
        metavar="SECONDS",
        help="How long a call of a webhook may take.",
    )
    @with_webhook_key
    @wraps(command)
    def with_options(
        *,
        webhook_allowed_schemes: str,
        webhook_allow_private_ips: bool,
        webhook_request_timeout: float,
        webhook_keys: str | None,
        webhook_key_file: Path | None,
        **given: Any,
    ) -> Any:
        with reporting_bad_settings():
            webhooks = WebhookSettings(
                schemes=schemes_of(webhook_allowed_schemes),
                private=webhook_allow_private_ips,
                timeout_s=timeout_of(webhook_request_timeout),
                keys=webhook_keys,
                key_file=webhook_key_file,
            )
        return command(webhooks=webhooks, **given)

    return with_options
