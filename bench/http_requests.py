"""Whole HTTP/1.1 requests as bytes, with the headers a stock Python client sends.

One differs: compression is not asked for, since on a loopback it would cost a server that offers it and serve nobody.
"""

from urllib.parse import urlencode

from bench.training_data import Json, encoded

API = "/api/2.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"


def post(address: str, route: str, body: Json | bytes) -> bytes:
    """A POST of JSON to `route` below the API prefix; `address` is `host:port`."""
    content = body if isinstance(body, bytes) else encoded(body)
    return _head(
        address, f"POST {API}/{route}", f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    ) + (content)


def get(address: str, route: str, query: list[tuple[str, str]]) -> bytes:
    """A GET of `route` below the API prefix."""
    return _head(address, f"GET {API}/{route}?{urlencode(query)}", "")


def put_artifact(address: str, path: str, content: bytes) -> bytes:
    """An upload to `path` of the artifact proxy; `path` is encoded already."""
    return _head(address, f"PUT {ARTIFACTS}/{path}", f"Content-Length: {len(content)}\r\n") + content


def get_artifact(address: str, path: str) -> bytes:
    """A download from `path` of the artifact proxy."""
    return _head(address, f"GET {ARTIFACTS}/{path}", "")


def _head(address: str, method_and_path: str, more: str) -> bytes:
    return (
        f"{method_and_path} HTTP/1.1\r\n"
        f"Host: {address}\r\n"
        "User-Agent: mlflow-python-client/3.17.2\r\n"
        "Accept-Encoding: identity\r\n"
        "Accept: */*\r\n"
        "Connection: keep-alive\r\n"
        f"{more}\r\n"
    ).encode()
