"""How MLflow writes where artifacts are, as far as more than one service reads it."""

from typing import Final

PROXIED_SCHEMES: Final = ("mlflow-artifacts", "http", "https")
"""Of artifacts that clients reach through a server."""

PROXY_ROUTE: Final = "/api/2.0/mlflow-artifacts/artifacts/"
"""In an http(s) URI of such artifacts, what comes before the path. Source: MLflow's client writes them so."""

THIS_MACHINE: Final = ("", "localhost", "127.0.0.1")
"""The hosts of a `file:` URI that is not of another machine."""
