"""How users are known, and who is the first of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from schemas.errors import InvalidParameterValue
from schemas.messages.users import check_password, check_username
from tracklog.settings.oidc import OidcSettings
from tracklog.settings.store_uris import SettingRefused

BASIC_AUTH: Final = "basic-auth"
"""The only application that `--app-name` names, as MLflow calls it."""

DEFAULT_USERNAME: Final = "admin"

PASSWORD_FILE: Final = "TRACKLOG_ADMIN_PASSWORD_FILE"
PASSWORD: Final = "MLFLOW_AUTH_ADMIN_PASSWORD"
USERNAME: Final = "MLFLOW_AUTH_ADMIN_USERNAME"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationSettings:
    """The first account, an administrator, which is made where there is none yet. Without a password none is made.

    `oidc` is the provider of single sign-on, where there is one.
    """

    admin_username: str = DEFAULT_USERNAME
    admin_password: str | None = field(default=None, repr=False)
    oidc: OidcSettings | None = None


def authentication_of(
    app_name: str | None, oidc: OidcSettings | None, environment: Mapping[str, str]
) -> AuthenticationSettings | None:
    """What `--app-name` and the environment say; None where users are not known. Raises SettingRefused."""
    if app_name is None:
        if oidc is not None:
            raise SettingRefused(f"--oidc-issuer-url needs --app-name {BASIC_AUTH}: without it everybody is let in.")
        return None
    if app_name != BASIC_AUTH:
        raise SettingRefused(f"--app-name {app_name!r}: {BASIC_AUTH} is the only one that there is.")
    username = environment.get(USERNAME) or DEFAULT_USERNAME
    password = _password_in(environment)
    settings = AuthenticationSettings(admin_username=username, admin_password=password, oidc=oidc)
    try:
        check_username(settings.admin_username)
        if settings.admin_password is not None:
            check_password(settings.admin_username, settings.admin_password)
    except InvalidParameterValue as error:
        raise SettingRefused(f"The first administrator: {error.message}") from error
    return settings


def _password_in(environment: Mapping[str, str]) -> str | None:
    file = environment.get(PASSWORD_FILE)
    if not file:
        return environment.get(PASSWORD) or None
    try:
        return Path(file).read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingRefused(f"{PASSWORD_FILE}: {file} cannot be read: {error}") from error
