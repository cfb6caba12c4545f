"""How users are known, and who is the first of them."""

from collections.abc import Mapping
from configparser import ConfigParser
from configparser import Error as ConfigParserError
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from schemas.errors import InvalidParameterValue
from schemas.levels import Level, level_named
from schemas.messages.users import check_password, check_username
from tracklog.settings.oidc import OidcSettings
from tracklog.settings.store_uris import SettingRefused

BASIC_AUTH: Final = "basic-auth"
"""The only application that `--app-name` names, as MLflow calls it."""

DEFAULT_USERNAME: Final = "admin"

PASSWORD_FILE: Final = "TRACKLOG_ADMIN_PASSWORD_FILE"
PASSWORD: Final = "MLFLOW_AUTH_ADMIN_PASSWORD"
USERNAME: Final = "MLFLOW_AUTH_ADMIN_USERNAME"
DEFAULT_PERMISSION: Final = "TRACKLOG_DEFAULT_PERMISSION"
MLFLOW_FILE: Final = "MLFLOW_AUTH_CONFIG_PATH"
MLFLOW_SECTION: Final = "mlflow"
MLFLOW_FUNCTION: Final = "mlflow.server.auth:authenticate_request_basic_auth"
"""MLflow's own, which its file names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationSettings:
    """The first account, an administrator, which is made where there is none yet. Without a password none is made.

    `oidc` is the provider of single sign-on, where there is one.
    `default_permission` is what everybody holds on everything that is not denied to them.
    """

    admin_username: str = DEFAULT_USERNAME
    admin_password: str | None = field(default=None, repr=False)
    oidc: OidcSettings | None = None
    default_permission: Level = Level.NO_PERMISSIONS


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
    file = _mlflow_file(environment)
    settings = AuthenticationSettings(
        admin_username=environment.get(USERNAME) or file.get("admin_username") or DEFAULT_USERNAME,
        admin_password=_password_in(environment) or file.get("admin_password") or None,
        default_permission=_default_permission(environment, file),
        oidc=oidc,
    )
    try:
        check_username(settings.admin_username)
        if settings.admin_password is not None:
            check_password(settings.admin_username, settings.admin_password)
    except InvalidParameterValue as error:
        raise SettingRefused(f"The first administrator: {error.message}") from error
    return settings


def _mlflow_file(environment: Mapping[str, str]) -> Mapping[str, str]:
    """What MLflow's file of settings says; what means nothing here is passed over."""
    path = environment.get(MLFLOW_FILE)
    if not path:
        return {}
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingRefused(f"{MLFLOW_FILE}: {path} cannot be read: {error}") from error
    except ConfigParserError as error:  # whose message may show a line with a password
        raise SettingRefused(f"{MLFLOW_FILE}: {path} is not a file of settings in sections.") from error
    if not parser.has_section(MLFLOW_SECTION):
        raise SettingRefused(f"{MLFLOW_FILE}: {path} has no section [{MLFLOW_SECTION}].")
    settings = dict(parser[MLFLOW_SECTION])
    if settings.get("authorization_function", MLFLOW_FUNCTION) != MLFLOW_FUNCTION:
        raise SettingRefused(f"{MLFLOW_FILE}: an authorization_function of your own cannot be called here.")
    return settings


def _default_permission(environment: Mapping[str, str], file: Mapping[str, str]) -> Level:
    name = environment.get(DEFAULT_PERMISSION) or file.get("default_permission") or Level.NO_PERMISSIONS.name
    try:
        level = level_named(name)
    except InvalidParameterValue as error:
        raise SettingRefused(f"{DEFAULT_PERMISSION}: {error.message}") from error
    if level is Level.DENY:
        raise SettingRefused(f"{DEFAULT_PERMISSION}: DENY is of single users and roles; NO_PERMISSIONS gives nothing.")
    return level


def _password_in(environment: Mapping[str, str]) -> str | None:
    file = environment.get(PASSWORD_FILE)
    if not file:
        return environment.get(PASSWORD) or None
    try:
        return Path(file).read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingRefused(f"{PASSWORD_FILE}: {file} cannot be read: {error}") from error
