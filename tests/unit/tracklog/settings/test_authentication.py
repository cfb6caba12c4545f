"""What the environment and MLflow's file say of users."""

from pathlib import Path
from typing import Final

import pytest

from schemas.levels import Level
from tracklog.settings.authentication import authentication_of
from tracklog.settings.store_uris import SettingRefused

PASSWORD: Final = "correct horse 42 battery"


def settings_file(folder: Path, text: str) -> str:
    path = folder / "basic_auth.ini"
    path.write_text(text)
    return str(path)


def test_without_a_word_nothing_is_granted_and_there_is_no_password() -> None:
    settings = authentication_of("basic-auth", None, {})
    assert settings is not None
    assert (settings.admin_username, settings.admin_password) == ("admin", None)
    assert settings.default_permission is Level.NO_PERMISSIONS


def test_the_file_of_mlflow_is_read(tmp_path: Path) -> None:
    text = f"""[mlflow]
default_permission = READ
database_uri = sqlite:///basic_auth.db
admin_username = root
admin_password = {PASSWORD}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""
    settings = authentication_of("basic-auth", None, {"MLFLOW_AUTH_CONFIG_PATH": settings_file(tmp_path, text)})
    assert settings is not None
    assert (settings.admin_username, settings.admin_password) == ("root", PASSWORD)
    assert settings.default_permission is Level.READ


def test_a_variable_counts_more_than_the_file(tmp_path: Path) -> None:
    path = settings_file(tmp_path, "[mlflow]\nadmin_username = root\ndefault_permission = READ\n")
    environment = {
        "MLFLOW_AUTH_CONFIG_PATH": path,
        "MLFLOW_AUTH_ADMIN_USERNAME": "boss",
        "TRACKLOG_DEFAULT_PERMISSION": "EDIT",
    }
    settings = authentication_of("basic-auth", None, environment)
    assert settings is not None
    assert (settings.admin_username, settings.default_permission) == ("boss", Level.EDIT)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("admin_password = 100%$ecret no section", "not a file of settings"),
        ("[other]\nadmin_password = secret of mine", "no section"),
        ("[mlflow]\nauthorization_function = mine:check", "cannot be called"),
        ("[mlflow]\ndefault_permission = DENY", "DENY"),
        ("[mlflow]\ndefault_permission = SOME", "Invalid permission"),
        ("[mlflow]\nadmin_password = short", "password"),
    ],
)
def test_a_file_that_cannot_be_followed_ends_the_start_and_shows_no_password(
    tmp_path: Path, text: str, reason: str
) -> None:
    with pytest.raises(SettingRefused, match=reason) as refused:
        authentication_of("basic-auth", None, {"MLFLOW_AUTH_CONFIG_PATH": settings_file(tmp_path, text)})
    assert "ecret" not in str(refused.value)


def test_a_file_that_is_not_there_ends_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingRefused, match="cannot be read"):
        authentication_of("basic-auth", None, {"MLFLOW_AUTH_CONFIG_PATH": str(tmp_path / "none")})


@pytest.mark.parametrize("level", ["DENY", "read", "ALL"])
def test_a_default_that_is_none_ends_the_start(level: str) -> None:
    with pytest.raises(SettingRefused, match="TRACKLOG_DEFAULT_PERMISSION"):
        authentication_of("basic-auth", None, {"TRACKLOG_DEFAULT_PERMISSION": level})
