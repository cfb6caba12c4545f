"""How MLflow writes where artifacts are, as far as more than one service reads it."""

from typing import Final
from urllib.parse import urlsplit, urlunsplit

PROXIED_SCHEMES: Final = ("mlflow-artifacts", "http", "https")
"""Of artifacts that clients reach through a server."""

PROXY_ROUTE: Final = "/api/2.0/mlflow-artifacts/artifacts/"
"""In an http(s) URI of such artifacts, what comes before the path. Source: MLflow's client writes them so."""

THIS_MACHINE: Final = ("", "localhost", "127.0.0.1")
"""The hosts of a `file:` URI that is not of another machine."""


def below(location: str, path: str) -> str:
    """`path` under `location`, behind the path of a URI and before its query; a location without scheme is all path.

    Source: what a real MLflow 3.17 makes of every scheme, observed; the URI comes back in its plain form, such as
    `file:///x` for `file:/x`.
    """
    parts = urlsplit(location)
    if not parts.scheme:
        return joined(location, path)
    longer = parts._replace(path=joined(parts.path, path))
    if parts.path.startswith("/"):
        return urlunsplit(longer)
    # Without a slash to begin with, urlunsplit would put one (or two) between a scheme and its path.
    return f"{parts.scheme}:{urlunsplit(longer._replace(scheme=''))}"


def joined(folder: str, path: str) -> str:
    return f"{folder}{path}" if not folder or folder.endswith("/") else f"{folder}/{path}"
