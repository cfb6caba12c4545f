"""Which folder of an HDFS artifacts go to, and where its WebHDFS is."""

from dataclasses import dataclass, field
from getpass import getuser
from typing import Final

from artifact_proxy.artifact_path import ROOT, ArtifactPath
from artifact_proxy.stores.uri import Environ, StoreUri, UnusableStore

ADDRESSES_VARIABLE: Final = "TRACKLOG_WEBHDFS_URL"
"""One or more, with commas: the name nodes of one cluster, of which one is active, or an HttpFS gateway."""

TOKEN_VARIABLE: Final = "TRACKLOG_WEBHDFS_DELEGATION_TOKEN"
"""The identity of this server on a cluster with Kerberos."""

HTTP_PORT: Final = 9870
"""Where a name node has its WebHDFS by default. The port in an hdfs:// URI is that of its RPC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhdfsSettings:
    """A folder of a cluster. `addresses` are http(s)://host:port; `token` or `user` identify this server."""

    addresses: tuple[str, ...]
    folder: ArtifactPath = ROOT
    user: str = ""
    token: str = field(default="", repr=False)

    @classmethod
    def from_uri(cls, uri: str, environ: Environ) -> "WebhdfsSettings":
        """The settings of `hdfs://user@host/folder`; without a host, and for viewfs://, ADDRESSES_VARIABLE is needed.

        Raises UnusableStore.
        """
        parsed = StoreUri.parse(uri)
        if parsed.password:
            raise UnusableStore(f"{parsed} must not hold a password: HDFS knows none.")
        given = tuple(
            each.strip().rstrip("/") for each in environ.get(ADDRESSES_VARIABLE, "").split(",") if each.strip()
        )
        if not all(each.startswith(("http://", "https://")) for each in given):
            raise UnusableStore(f"{ADDRESSES_VARIABLE} must hold addresses such as http://namenode:{HTTP_PORT}.")
        if not given and (parsed.scheme != "hdfs" or not parsed.host):
            raise UnusableStore(f"{parsed} does not say where its WebHDFS is: set {ADDRESSES_VARIABLE} to its address.")
        return cls(
            addresses=given or (f"http://{parsed.host}:{HTTP_PORT}",),
            folder=parsed.folder,
            user=parsed.user or environ.get("HADOOP_USER_NAME") or getuser(),
            token=environ.get(TOKEN_VARIABLE, ""),
        )
