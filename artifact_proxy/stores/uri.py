"""The URI of a place for artifacts beyond this machine, taken apart and checked once."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import unquote, urlsplit

from artifact_proxy.artifact_path import ROOT, ArtifactPath, folder_path
from schemas.errors import InvalidParameterValue

Environ = Mapping[str, str]
"""Environment variables."""

PASSWORD_VARIABLE: Final = "TRACKLOG_ARTIFACTS_PASSWORD"


class UnusableStore(ValueError):
    """A store cannot be used; the message is one sentence for the operator, without credentials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreUri:
    """`scheme://user:password@host:port/folder`; what is not given is empty, None or the root.

    `str()` leaves the password out. The folder is taken as it stands, nothing in it is decoded; user and password are.
    """

    scheme: str
    host: str
    user: str = ""
    password: str = field(default="", repr=False)
    port: int | None = None
    folder: ArtifactPath = ROOT

    @classmethod
    def parse(cls, uri: str) -> "StoreUri":
        """Raises UnusableStore."""
        try:
            parts = urlsplit(uri)
            port = parts.port
            folder = folder_path(parts.path.removeprefix("/"))
        except ValueError as error:
            raise UnusableStore(f"{without_password(uri)!r} is not a URI of a store.") from error
        except InvalidParameterValue as error:
            raise UnusableStore(f"{without_password(uri)!r} names a folder that cannot be. {error.message}") from error
        if parts.query or parts.fragment:
            raise UnusableStore(f"{without_password(uri)!r} must not hold '?' or '#'.")
        account, at, _host = parts.netloc.rpartition("@")
        user, _, password = account.partition(":")
        return cls(
            scheme=parts.scheme,
            host=parts.hostname or "",
            user=unquote(user) if at else "",
            password=unquote(password),
            port=port,
            folder=folder,
        )

    def __str__(self) -> str:
        account = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme}://{account}{host}{port}/{self.folder}"


def without_password(uri: str) -> str:
    """`uri` for messages, whatever it is."""
    scheme, separator, rest = uri.partition("://")
    account, at, place = rest.rpartition("@")
    return f"{scheme}{separator}{account.partition(':')[0]}:***@{place}" if at and ":" in account else uri


def server_uri(uri: str, environ: Environ) -> StoreUri:
    """The place that `scheme://user@host:port/folder` names; its password may be in the environment instead.

    Raises UnusableStore.
    """
    parsed = StoreUri.parse(uri)
    if not parsed.host:
        raise UnusableStore(f"{without_password(uri)!r} must look like {parsed.scheme}://user@host:port/folder.")
    return replace(parsed, password=parsed.password or environ.get(PASSWORD_VARIABLE, ""))
