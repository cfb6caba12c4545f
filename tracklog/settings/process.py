"""What an operator may set, checked once: everything behind this module relies on it."""

import os
import re
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from schemas.artifact_uris import PROXIED_SCHEMES, THIS_MACHINE
from tracklog.settings.authentication import AuthenticationSettings
from tracklog.settings.past import PastSettings
from tracklog.settings.proof import NO_PROOF, ProofSettings
from tracklog.settings.store_uris import SettingRefused, Stores, redacted
from tracklog.settings.tls import TlsSettings
from tracklog.settings.webhooks import WebhookSettings

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 5000
ARTIFACTS_FOLDER_NAME: Final = "artifacts"
PROXIED_ARTIFACTS: Final = "mlflow-artifacts:/"
"""The artifact root that makes clients send artifacts through this server."""

ANY: Final = "*"
FRAME_OPTIONS: Final = ("SAMEORIGIN", "DENY", "NONE")

IpNetwork = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """How the HTTP front behaves.

    `allowed_hosts` and `allowed_origins` None mean the defaults of `tracklog.web.origins`. `frame_options` None sends
    no header. `static_prefix` is "" or starts with a slash and ends without one. `trusted_proxies` are the networks
    whose `X-Forwarded-For` is believed, and whose `user_header`: with one, only requests of known users are answered.
    `authentication` None: every caller may do everything.
    """

    static_prefix: str = ""
    allowed_hosts: tuple[str, ...] | None = None
    allowed_origins: tuple[str, ...] | None = None
    frame_options: str | None = "SAMEORIGIN"
    access_log: bool = True
    trusted_proxies: tuple[IpNetwork, ...] = ()
    user_header: str | None = None
    authentication: AuthenticationSettings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenSettings:
    """Where a process listens, and whether by TLS. `otlp_grpc_port` None: it takes no calls of gRPC."""

    host: str
    port: int
    tls: TlsSettings | None = None
    otlp_grpc_port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactSettings:
    """Where artifacts are kept.

    `destination` is a URI: `file:///absolute/folder`, or a store of objects. `default_root` is what new experiments
    get, a URI without a trailing slash, except for a bare scheme such as `mlflow-artifacts:/`.
    """

    destination: str
    default_root: str
    serve: bool = True

    @property
    def folder(self) -> Path | None:
        """The folder that `destination` is, where it is one."""
        return folder_of(self.destination)

    @property
    def shown(self) -> str:
        """Where artifacts are kept, for people, without a password."""
        return redacted(self.destination) if self.folder is None else str(self.folder)


NO_ARTIFACTS: Final = ArtifactSettings(destination="", default_root=PROXIED_ARTIFACTS, serve=False)
"""Those of a process that has nothing to do with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a server, or one role of it, runs with. `past`: it shows a moment, and changes nothing.

    `options` are those that it was given, as one writes them, without secrets.
    """

    listen: ListenSettings
    stores: Stores
    artifacts: ArtifactSettings = NO_ARTIFACTS
    web: WebSettings = field(default_factory=WebSettings)
    webhooks: WebhookSettings = field(default_factory=WebhookSettings)
    proof: ProofSettings = NO_PROOF
    artifacts_only: bool = False
    past: PastSettings | None = None
    options: tuple[str, ...] = ()


def folder_of(location: str) -> Path | None:
    """The local folder that a URI or an absolute path names, None when it names something else."""
    if location.startswith("/"):
        return Path(location)
    parts = urlsplit(location)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def artifacts_destination_of(uri: str, option: str = "--artifacts-destination") -> str:
    """The URI of a destination, which `option` named: a path, a `file:` URI or a store that an adapter reaches.

    Raises SettingRefused, also when the store needs what is not installed.
    """
    parts = split_location(option, uri)
    if parts.scheme not in ("", "file"):
        check_store(option, uri)
        return uri.rstrip("/")
    path = unquote(parts.path) if parts.scheme else uri
    if not path or (parts.scheme and (parts.query or parts.fragment)):
        raise SettingRefused(f"{option} {uri!r} names no folder.")
    folder = Path(path).expanduser().absolute()
    if folder.exists() and not folder.is_dir():
        raise SettingRefused(f"{option} {uri!r} is not a folder.")
    return folder.as_uri()


def split_location(option: str, uri: str) -> SplitResult:
    """The parts of a place of artifacts, which holds no character that some reader of URIs would skip or change.

    Raises SettingRefused, also for a folder of another machine.
    """
    try:
        parts = urlsplit(uri)
        if parts.scheme in PROXIED_SCHEMES:
            _checked_port = parts.port
    except ValueError as error:
        raise SettingRefused(f"{option} {redacted(uri)!r} is not a URI: {error}.") from error
    if not unquote(uri).isprintable():
        raise SettingRefused(f"{option} {redacted(uri)!r} holds a character that cannot be printed.")
    if "\\" in parts.netloc or " " in parts.netloc or not parts.netloc.isascii():
        raise SettingRefused(f"{option} {redacted(uri)!r} names a host that cannot be.")
    if parts.scheme == "file" and parts.netloc not in THIS_MACHINE:
        raise SettingRefused(f"{option} {uri!r} names another host; mount its folder here.")
    return parts


def check_store(option: str, uri: str) -> None:
    """Raises SettingRefused when no adapter reaches the store that `uri` names."""
    # Not above: a process that keeps artifacts in a folder needs none of it.
    from artifact_proxy.stores import by_uri as store_by_uri
    from artifact_proxy.stores.uri import UnusableStore

    try:
        store_by_uri.check_store(uri, os.environ)
    except UnusableStore as error:
        raise SettingRefused(f"{option}: {error}") from error


def artifact_root_of(uri: str | None, *, serve_artifacts: bool, destination: str) -> str:
    """Where new experiments keep their artifacts: as given, else through this server, else the destination itself.

    A path becomes an absolute path and a URI stays one, because clients are sent what new experiments make of it.
    Raises SettingRefused, also for a URI with a password: events keep it, too.
    """
    if uri is None:
        if serve_artifacts:
            return PROXIED_ARTIFACTS
        check_tells_no_password("--artifacts-destination", destination)
        return destination
    parts = split_location("--default-artifact-root", uri)
    check_tells_no_password("--default-artifact-root", uri)
    if "#" in uri or ".." in unquote(uri).split("/"):
        raise SettingRefused(
            f"--default-artifact-root {redacted(uri)!r} has a '#' or a segment '..', which no root may have."
        )
    if parts.scheme in ("file", "http", "https") and "?" in uri:
        raise SettingRefused(f"--default-artifact-root {redacted(uri)!r} must not have a query: nothing would read it.")
    if parts.scheme in PROXIED_SCHEMES and (parts.username is not None or "\\" in uri):
        raise SettingRefused(f"--default-artifact-root {redacted(uri)!r} must look like mlflow-artifacts://host:port/.")
    if parts.scheme == "mlflow-artifacts":
        if not serve_artifacts and not parts.netloc:
            raise SettingRefused(
                "--default-artifact-root mlflow-artifacts: needs --serve-artifacts, or the host:port of a server that "
                "passes artifacts, as in mlflow-artifacts://host:port/."
            )
        return uri
    if not parts.scheme:
        return str(Path(uri).expanduser().absolute())
    if parts.scheme == "file" and not parts.path.startswith("/"):
        return Path(unquote(parts.path)).absolute().as_uri()
    if parts.scheme not in ("file", "http", "https"):
        check_store("--default-artifact-root", uri)
    return uri if uri.endswith(":/") else uri.rstrip("/")


def check_tells_no_password(option: str, uri: str) -> None:
    """Raises SettingRefused."""
    if urlsplit(uri).password is not None:
        raise SettingRefused(
            f"{option} {redacted(uri)!r} holds a password, and clients would be sent it: leave it out, or pass "
            "artifacts through the server (--serve-artifacts)."
        )


def static_prefix_of(prefix: str | None) -> str:
    """A `--static-prefix` in its one form; MLflow's rules: it starts with a slash and does not end with one.

    Raises SettingRefused.
    """
    if not prefix:
        return ""
    if not prefix.startswith("/"):
        raise SettingRefused(f"--static-prefix {prefix!r} must begin with '/'.")
    if prefix.endswith("/") or "//" in prefix:
        raise SettingRefused(f"--static-prefix {prefix!r} must not end with '/' or contain '//'.")
    if any(character in prefix for character in "{}?#%\\ \0"):
        raise SettingRefused(f"--static-prefix {prefix!r} must be a plain path.")
    return prefix


def names_of(option: str, value: str | None) -> tuple[str, ...] | None:
    """The comma-separated names of `option`, lower case; None when it was not given.

    Raises SettingRefused when it was given empty.
    """
    if value is None:
        return None
    names = tuple(name.strip().lower() for name in value.split(",") if name.strip())
    if not names:
        raise SettingRefused(f"{option} is empty; leave it out for the default, or name '*' for all.")
    return names


def allowed_origins_of(value: str | None) -> tuple[str, ...] | None:
    """The origins of `--cors-allowed-origins`, each `scheme://host[:port]` or `*`.

    Raises SettingRefused.
    """
    origins = names_of("--cors-allowed-origins", value)
    for origin in origins or ():
        parts = urlsplit(origin)
        if origin != ANY and (parts.scheme not in ("http", "https") or not parts.netloc or parts.path or parts.query):
            raise SettingRefused(f"--cors-allowed-origins {origin!r} is not an origin such as https://host:port.")
    return origins


def frame_options_of(value: str) -> str | None:
    """The X-Frame-Options header to send; None for none.

    Raises SettingRefused.
    """
    chosen = value.upper()
    if chosen not in FRAME_OPTIONS:
        raise SettingRefused(f"--x-frame-options {value!r} must be one of {', '.join(FRAME_OPTIONS)}.")
    return None if chosen == "NONE" else chosen


def host_of(value: str) -> str:
    """The interface to listen on: an address, or a name to look up.

    Raises SettingRefused.
    """
    try:
        return str(ip_address(value.strip("[]")))
    except ValueError:
        if not value or any(character in value for character in "/:@ \0"):
            raise SettingRefused(f"--host {value!r} is neither an address nor a host name.") from None
        return value


def user_header_of(value: str | None, trusted_proxies: tuple[IpNetwork, ...]) -> str | None:
    """The header of `--user-header`, which nobody but a trusted proxy may send. Raises SettingRefused."""
    if value is None:
        return None
    if not re.fullmatch(r"[A-Za-z0-9-]+", value):
        raise SettingRefused(f"--user-header {value!r} is not the name of a header.")
    if not trusted_proxies:
        raise SettingRefused("--user-header needs --trusted-proxies, which says whom it is believed.")
    return value


def trusted_proxies_of(value: str | None) -> tuple[IpNetwork, ...]:
    """The networks of `--trusted-proxies`, comma-separated; a bare address is a network of one.

    Raises SettingRefused.
    """
    networks: list[IpNetwork] = []
    for text in names_of("--trusted-proxies", value) or ():
        try:
            networks.append(ip_network(text))
        except ValueError as error:
            raise SettingRefused(f"--trusted-proxies {text!r} is not a network such as 10.0.0.0/8: {error}.") from error
    return tuple(networks)
