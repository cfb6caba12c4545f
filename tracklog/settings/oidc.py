"""The provider of OpenID Connect as an operator sets it: who it is, and what its tokens are asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from ssl import SSLContext, SSLError, create_default_context
from typing import Final
from urllib.parse import urlsplit

from tracklog.settings.store_uris import SettingRefused

CLIENT_SECRET: Final = "TRACKLOG_OIDC_CLIENT_SECRET"

USERNAME_CLAIM: Final = "preferred_username"
GROUPS_CLAIM: Final = "groups"

THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings:
    """A provider, and this server as a client of it.

    `issuer` is compared as it is. `audience` is what a script's token has to be meant for. Who is in `admin_group` may
    do everything; where `allowed_group` is set, nobody else is let in. `ca_certs` are trusted in the place of the
    system's authorities.
    """

    issuer: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    audience: str
    username_claim: str = USERNAME_CLAIM
    groups_claim: str = GROUPS_CLAIM
    admin_group: str | None = None
    allowed_group: str | None = None
    ca_certs: Path | None = None

    def tls(self) -> SSLContext:
        """What the provider is asked with. Raises SettingRefused for a file that cannot be used."""
        try:
            return create_default_context(cafile=self.ca_certs)
        except (OSError, SSLError) as error:
            reason = error.strerror or error
            raise SettingRefused(f"--oidc-ca-certs {self.ca_certs} cannot be used: {reason}.") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcOptions:
    """What was given on the command line or by the environment, unchecked; None and "" for nothing."""

    issuer_url: str | None = None
    client_id: str | None = None
    client_secret_file: Path | None = None
    audience: str | None = None
    username_claim: str = USERNAME_CLAIM
    groups_claim: str = GROUPS_CLAIM
    admin_group: str | None = None
    allowed_group: str | None = None
    ca_certs: Path | None = None


def oidc_of(given: OidcOptions, environment: Mapping[str, str]) -> OidcSettings | None:
    """What the options say; None without a provider. Raises SettingRefused."""
    if not given.issuer_url:
        others = (given.client_id, given.audience, given.admin_group, given.allowed_group, given.ca_certs)
        if any(others):
            raise SettingRefused("Options of --oidc- mean nothing without --oidc-issuer-url.")
        return None
    if not given.client_id:
        raise SettingRefused("--oidc-issuer-url needs --oidc-client-id: what this server is called at the provider.")
    settings = OidcSettings(
        issuer=checked_issuer(given.issuer_url),
        client_id=given.client_id,
        client_secret=_client_secret(given.client_secret_file, environment),
        audience=given.audience or given.client_id,
        username_claim=given.username_claim,
        groups_claim=given.groups_claim,
        admin_group=given.admin_group or None,
        allowed_group=given.allowed_group or None,
        ca_certs=given.ca_certs,
    )
    settings.tls()
    return settings


def checked_issuer(url: str) -> str:
    """`url`, which names a provider that is asked by TLS, or one of this machine. Raises SettingRefused."""
    parts = urlsplit(url)
    if not parts.hostname or parts.query or parts.fragment or parts.username is not None or not url.isprintable():
        raise SettingRefused(
            f"--oidc-issuer-url {url!r} is not the URL of a provider, such as https://sso.example.com/lab."
        )
    if not is_protected(url):
        raise SettingRefused(f"--oidc-issuer-url {url!r}: a provider is asked by https; by http only on this machine.")
    return url


def is_protected(url: str) -> bool:
    """Whether nobody between can read or change what is said to `url`: by TLS, or without leaving this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in THIS_MACHINE)


def _client_secret(file: Path | None, environment: Mapping[str, str]) -> str | None:
    if file is None:
        return environment.get(CLIENT_SECRET) or None
    try:
        return file.read_text(encoding="utf-8").strip("\r\n") or None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingRefused(f"--oidc-client-secret-file {file} cannot be read: {error}") from error
