"""What an operator may say of the provider of single sign-on."""

from pathlib import Path
from typing import Any

import pytest

from tracklog.settings.authentication import authentication_of
from tracklog.settings.oidc import OidcOptions, OidcSettings, oidc_of
from tracklog.settings.store_uris import SettingRefused

ISSUER = "https://sso.example.com/realms/lab"


def settings(environment: dict[str, str] | None = None, **given: Any) -> OidcSettings | None:
    return oidc_of(OidcOptions(**{"issuer_url": ISSUER, "client_id": "tracklog", **given}), environment or {})


def test_without_a_provider_there_is_none() -> None:
    assert oidc_of(OidcOptions(), {}) is None


def test_the_audience_is_the_client_unless_it_is_said() -> None:
    one, other = settings(), settings(audience="api")
    assert one is not None
    assert other is not None
    assert (one.audience, other.audience) == ("tracklog", "api")


@pytest.mark.parametrize(
    "given",
    [
        {"client_id": None},
        {"issuer_url": None},
        {"issuer_url": None, "client_id": None, "admin_group": "admins"},
        {"issuer_url": "sso.example.com"},
        {"issuer_url": "http://sso.example.com"},
        {"issuer_url": "https://"},
        {"issuer_url": "https://ada:secret@sso.example.com"},
        {"issuer_url": "https://sso.example.com/?a=b"},
        {"issuer_url": "https://sso.example.com/\n"},
        {"ca_certs": Path("/nothing/here.pem")},
        {"client_secret_file": Path("/nothing/here")},
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(SettingRefused):
        settings(**given)


def test_a_provider_of_this_machine_may_speak_plain_http() -> None:
    assert settings(issuer_url="http://127.0.0.1:8080/realms/lab") is not None


def test_the_secret_of_the_client_is_in_a_file_or_the_environment_and_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("of the file\n")
    by_file, by_environment = (
        settings({"TRACKLOG_OIDC_CLIENT_SECRET": "of the environment"}, client_secret_file=path)
        for path in (file, None)
    )
    assert by_file is not None
    assert by_environment is not None
    assert (by_file.client_secret, by_environment.client_secret) == ("of the file", "of the environment")
    assert "of the" not in f"{by_file} {by_environment}"


def test_a_provider_needs_that_users_are_known() -> None:
    provider = settings()
    with pytest.raises(SettingRefused, match="--app-name"):
        authentication_of(None, provider, {})
    known = authentication_of("basic-auth", provider, {})
    assert known is not None
    assert known.oidc is provider
