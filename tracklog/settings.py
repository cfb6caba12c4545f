"""What an operator may set, checked once: everything behind this module relies on it."""

from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

DEFAULT_DATA_FOLDER: Final = Path("tracklog-data")
DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 5000
LOG_FILE_NAME: Final = "tracklog.db"
ARTIFACTS_FOLDER_NAME: Final = "artifacts"
PROXIED_ARTIFACTS: Final = "mlflow-artifacts:/"
"""The artifact root that makes clients send artifacts through this server."""

ANY: Final = "*"
FRAME_OPTIONS: Final = ("SAMEORIGIN", "DENY", "NONE")


class SettingRefused(ValueError):
    """A setting cannot be honoured; the message is one sentence for whoever set it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """How the HTTP front behaves.

    `allowed_hosts` and `allowed_origins` None mean the defaults of `tracklog.web.origins`. `frame_options` None sends
    no header. `static_prefix` is "" or starts with a slash and ends without one.
    """

    static_prefix: str = ""
    allowed_hosts: tuple[str, ...] | None = None
    allowed_origins: tuple[str, ...] | None = None
    frame_options: str | None = "SAMEORIGIN"
    access_log: bool = True
    artifacts_only: bool = False
    serve_artifacts: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything `tracklog server` runs with.

    `log_file` is absolute, as is `artifacts_folder`. `default_artifact_root` is a URI without a trailing slash,
    except for a bare scheme such as `mlflow-artifacts:/`.
    """

    host: str
    port: int
    log_file: Path
    artifacts_folder: Path
    default_artifact_root: str
    web: WebSettings = field(default_factory=WebSettings)

    def address_at(self, port: int) -> str:
        """Where to point a client on this machine, when `port` is the one listened on."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{port}{self.web.static_prefix}"


def log_file_of(uri: str) -> Path:
    """The file that a `--backend-store-uri` names: `sqlite:///relative.db`, `sqlite:////absolute.db`, or a plain path.

    Raises SettingRefused.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator:
        if ":" in uri.split("/", 1)[0]:
            raise SettingRefused(f"--backend-store-uri {uri!r} is not a sqlite:/// URI or a file's path.")
        return _log_path(uri, uri)
    if scheme != "sqlite":
        raise SettingRefused(
            f"--backend-store-uri {redacted(uri)!r} names a store this server cannot keep its log in; "
            "use sqlite:///FILE (three slashes for a relative path, four for an absolute one)."
        )
    if not rest.startswith("/") or "?" in rest or "#" in rest:
        raise SettingRefused(f"--backend-store-uri {uri!r} must look like sqlite:///FILE, without a host or options.")
    return _log_path(unquote(rest[1:]), uri)


def _log_path(path: str, uri: str) -> Path:
    if not path or path == ":memory:" or "\0" in path:
        raise SettingRefused(f"--backend-store-uri {uri!r} names no file, and a log that is not kept is no log.")
    file = Path(path).expanduser().absolute()
    if file.is_dir():
        raise SettingRefused(f"--backend-store-uri {uri!r} names a folder; name a file in it.")
    return file


def artifacts_folder_of(uri: str) -> Path:
    """The local folder that an `--artifacts-destination` names: a path or a `file:` URI.

    Raises SettingRefused.
    """
    parts = urlsplit(uri)
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost"):
            raise SettingRefused(f"--artifacts-destination {uri!r} names another host; only local folders are served.")
        path = unquote(parts.path)
    elif parts.scheme:
        raise SettingRefused(f"--artifacts-destination {redacted(uri)!r}: only a local folder is served so far.")
    else:
        path = uri
    if not path or "\0" in path:
        raise SettingRefused(f"--artifacts-destination {uri!r} names no folder.")
    folder = Path(path).expanduser().absolute()
    if folder.exists() and not folder.is_dir():
        raise SettingRefused(f"--artifacts-destination {uri!r} is not a folder.")
    return folder


def artifact_root_of(uri: str | None, *, serve_artifacts: bool, artifacts_folder: Path) -> str:
    """Where new experiments keep their artifacts: as given, else through this server, else the local folder.

    Raises SettingRefused.
    """
    if uri is None:
        return PROXIED_ARTIFACTS if serve_artifacts else artifacts_folder.as_uri()
    if any(character in uri for character in "?#\0") or ".." in uri.split("/"):
        raise SettingRefused(f"--default-artifact-root {redacted(uri)!r} must not contain '?', '#' or '..' segments.")
    if uri.startswith("mlflow-artifacts:"):
        if not serve_artifacts:
            raise SettingRefused("--default-artifact-root mlflow-artifacts: needs --serve-artifacts.")
        return uri
    if not urlsplit(uri).scheme:
        return Path(uri).expanduser().absolute().as_uri()
    return uri if uri.endswith(":/") else uri.rstrip("/")


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


def redacted(uri: str) -> str:
    """`uri` without the password it may hold, for messages."""
    scheme, separator, rest = uri.partition("://")
    account, at, place = rest.rpartition("@")
    return f"{scheme}{separator}{account.split(':', 1)[0]}:***@{place}" if at and ":" in account else uri
