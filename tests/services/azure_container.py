"""Containers for tests."""

import base64
import hashlib
import hmac
import http.client
from email.utils import formatdate
from urllib.parse import urlsplit

from tests.services.azurite import ACCOUNT, KEY

API_VERSION = "2021-08-06"

NO_HEADERS = "\n" * 12
"""The places of the standard headers that a signature covers, all empty."""


def make_container(endpoint: str, name: str) -> None:
    """Make an empty container. Source of the signature: "Authorize with Shared Key", Azure Storage REST API."""
    parts = urlsplit(endpoint)
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": API_VERSION}
    signed_headers = "".join(f"{header}:{value}\n" for header, value in sorted(headers.items()))
    text = f"PUT{NO_HEADERS}{signed_headers}/{ACCOUNT}{parts.path}/{name}\nrestype:container"
    signature = base64.b64encode(hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()).decode()
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request(
            "PUT",
            f"{parts.path}/{name}?restype=container",
            headers={**headers, "Authorization": f"SharedKey {ACCOUNT}:{signature}", "Content-Length": "0"},
        )
        answer = connection.getresponse()
        assert answer.status == 201, answer.read()
    finally:
        connection.close()
