"""Where clients reach the artifact proxy, and which artifact locations name it.

A proxied location has one of five forms: `mlflow-artifacts:/path`, which names no host, `mlflow-artifacts://host/path`,
`mlflow-artifacts://host:port/path`, and `http(s)://host:port/api/2.0/mlflow-artifacts/artifacts/path`.
"""

from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import SplitResult, urlsplit

from schemas.artifact_uris import PROXIED_SCHEMES, PROXY_ROUTE

PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class ProxyAddress:
    """A host, its port (None: that of http or https, whichever is used), and what comes before `/api` in its paths."""

    host: str
    port: int | None
    prefix: str = ""

    @classmethod
    def of_request(cls, host_header: str, path: str) -> Self | None:
        """Where a client reaches this server, by the Host header and the path it asked for; None for an odd header."""
        try:
            parts = urlsplit(f"//{host_header}")
            host, port = parts.hostname, parts.port
        except ValueError:
            return None
        if not host or parts.netloc != host_header or "@" in host_header:
            return None
        return cls(host, port, path.partition("/api/" if "/api/" in path else "/ajax-api/")[0])

    @classmethod
    def of_root(cls, root: str, prefix: str = "") -> Self | None:
        """The artifact server that an artifact root names, else None. `prefix` is for an `mlflow-artifacts:` root."""
        parts = urlsplit(root)
        if parts.scheme not in PROXIED_SCHEMES or not parts.hostname:
            return None
        if parts.scheme == "mlflow-artifacts":
            return cls(parts.hostname, parts.port, prefix)
        return cls(parts.hostname, parts.port or PORTS[parts.scheme], f"{parts.path}/".partition(PROXY_ROUTE)[0])

    def is_named_by(self, location: SplitResult) -> bool:
        """Whether `location`, of a proxied scheme and with a host, is below this address.

        `mlflow-artifacts://host/` leaves the port to its reader, so it names any server on that host.
        Raises ValueError for a port that cannot be.
        """
        if location.hostname != self.host:
            return False
        ports = tuple(PORTS.values()) if self.port is None else (self.port,)
        if location.scheme == "mlflow-artifacts":
            return location.port is None or location.port in ports
        before, route, _ = f"{location.path}/".partition(PROXY_ROUTE)
        return bool(route) and before == self.prefix and (location.port or PORTS[location.scheme]) in ports
