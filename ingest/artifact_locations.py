"""What an experiment may be given as the location of its artifacts.

A location is written by one client and read by all the others, and this server resolves some of them: it must not
choose which host the server calls, nor send the artifacts of others to a host that is not the operator's.
"""

import re
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from ingest.proxy_address import PORTS, ProxyAddress
from schemas.artifact_uris import PROXIED_SCHEMES, THIS_MACHINE
from schemas.errors import InvalidParameterValue
from schemas.messages.bounds import shown

SCHEMES_WITH_A_HOST: Final = frozenset({"ftp", "ftps", "sftp", "hdfs", "viewfs", "r2", "b2", "abfss", *PROXIED_SCHEMES})
"""Those that name the host to connect to. Source: MLflow 3.17, and ftps."""

BUCKET_SCHEMES: Final = frozenset({"s3", "gs"})

AZURE_CONTAINER: Final = re.compile(
    r"[a-z0-9$-]+@[a-z0-9]+\.blob\.core\.(windows\.net|chinacloudapi\.cn|usgovcloudapi\.net|cloudapi\.de)",
    re.IGNORECASE,
)
"""What `wasbs` may name: a container, and an account of Azure's own storage."""

MOST_DECODINGS: Final = 10
"""How often an escape may be escaped. Source: MLflow's clients give up then."""

_PASSWORD: Final = re.compile(r"(//[^/@:]*):[^/@]*@")
"""In a URI, with what comes before it."""


def check_artifact_location(location: str, own_root: str, reached_at: ProxyAddress | None = None) -> None:
    """Refuse a location that could not be resolved, or that makes the server call a host of the client's choice.

    `own_root` is where artifacts go by default, and its host may be named. So may `reached_at`, the address at which
    the client reached this server.
    Raises InvalidParameterValue, without the password that the location may hold.
    """
    fault = location_fault(location, own_root, reached_at)
    if fault is not None:
        quoted = shown(_PASSWORD.sub(r"\1:***@", location))
        raise InvalidParameterValue(f"'artifact_location' {quoted} {fault}.")


def location_fault(location: str, own_root: str, reached_at: ProxyAddress | None) -> str | None:
    """What is wrong with a location, as the end of a sentence; None when nothing is.

    `own_root` is where artifacts go by default, and its host may be named. So may `reached_at`, the address at which
    the client reached this server.
    """
    if not location.isprintable():
        return "holds a character that cannot be printed, such as a line feed"
    try:
        parts = urlsplit(location)
        if parts.scheme in SCHEMES_WITH_A_HOST:
            _checked_port = parts.port
    except ValueError as error:
        return f"is not a URI: {error}"
    if parts.password is not None:
        return "holds a password, and whoever reads the experiment would be told it"
    if parts.fragment or location.endswith("#"):
        return "must not have a fragment"
    if parts.scheme == "runs":
        return "must not be a runs:/ URI"
    if "\\" in parts.netloc or " " in parts.netloc or not parts.netloc.isascii():
        return "names a host that cannot be"
    if parts.scheme in BUCKET_SCHEMES and (not parts.netloc or "@" in parts.netloc):
        return f"must look like {parts.scheme}://bucket/path"
    if parts.scheme in PROXIED_SCHEMES and (fault := proxied_fault(parts)) is not None:
        return fault
    if not is_host_allowed(parts, own_root, reached_at):
        return "names a host other than the artifact root of this server"
    return None


def proxied_fault(parts: SplitResult) -> str | None:
    """What is wrong with the path of a location that this server is to resolve."""
    if parts.scheme in PORTS and parts.query:
        return "must not have a query: clients would put the paths of files behind it"
    plain = parts.path
    for _ in range(MOST_DECODINGS):
        plain = unquote(plain)
    names = plain.strip("/").split("/")
    if ".." in names:
        return "leaves the artifact root"
    if "" in names[1:] or "\\" in plain or "#" in plain or "\ufffd" in plain or not plain.isprintable():
        return "names a folder that cannot be"
    return None


def is_host_allowed(parts: SplitResult, own_root: str, reached_at: ProxyAddress | None) -> bool:
    """Whether the host that a location names, if it names one, may be connected to."""
    root = urlsplit(own_root)
    if parts.scheme == "file":
        return parts.netloc in THIS_MACHINE
    if parts.scheme in PROXIED_SCHEMES:
        return is_own_proxy(parts, own_root, reached_at)
    if (parts.scheme, parts.netloc.lower()) == (root.scheme, root.netloc.lower()):
        return True
    if parts.scheme == "wasbs":
        return AZURE_CONTAINER.fullmatch(parts.netloc) is not None
    return parts.scheme not in SCHEMES_WITH_A_HOST


def is_own_proxy(parts: SplitResult, own_root: str, reached_at: ProxyAddress | None) -> bool:
    """Whether a proxied location is this server's, or that of the artifact server it was started with."""
    if not parts.netloc:
        return parts.scheme == "mlflow-artifacts"
    named = ProxyAddress.of_root(own_root, reached_at.prefix if reached_at else "")
    return "@" not in parts.netloc and any(own is not None and own.is_named_by(parts) for own in (named, reached_at))
