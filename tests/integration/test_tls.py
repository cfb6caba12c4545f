"""A server that serves by TLS: the stock client with its own settings, a certificate that is renewed, and strangers."""

import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.eventually import wait_until
from tests.services.certificate import Authority
from tests.services.ports import HOST
from tests.tracklog_server import TracklogServer

LOG_A_RUN = """
import sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
with mlflow.start_run() as run:
    mlflow.log_metric("loss", 0.5)
    mlflow.log_text("by TLS", "note.txt")
assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/note.txt") == "by TLS"
assert mlflow.get_run(run.info.run_id).data.metrics == {"loss": 0.5}
print(run.info.run_id)
"""


class Files:
    """Certificates in a folder: of the server, of a client, and of who vouches for both."""

    def __init__(self, folder: Path) -> None:
        self._authority = Authority()
        self.certificate, self.key = folder / "certificate.pem", folder / "key.pem"
        self.authority, self.client = folder / "authority.pem", folder / "client.pem"
        self.authority.write_bytes(self._authority.certificate)
        self.client.write_bytes(b"".join(self._authority.issue("client")))
        self.renew()

    def renew(self) -> None:
        """A new certificate and key for the server."""
        for file, content in zip((self.key, self.certificate), self._authority.issue("server", HOST), strict=True):
            file.write_bytes(content)

    @property
    def options(self) -> tuple[str, ...]:
        return ("--ssl-certfile", str(self.certificate), "--ssl-keyfile", str(self.key))

    def context(self) -> ssl.SSLContext:
        """A client's, with its certificate."""
        context = ssl.create_default_context(cafile=self.authority)
        context.load_cert_chain(self.client)
        return context


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture
def server(tmp_path: Path, files: Files) -> Iterator[TracklogServer]:
    """One that asks for certificates of clients."""
    options = (*files.options, "--ssl-ca-certs", str(files.authority))
    with TracklogServer(tmp_path, options=options, tls=files.context()) as running:
        yield running


def log_a_run(server: TracklogServer, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """A script with the stock client, which tries once."""
    return subprocess.run(
        [sys.executable, "-c", LOG_A_RUN, server.url],
        env={**os.environ, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_stock_client_comes_with_a_certificate_or_not_at_all(server: TracklogServer, files: Files) -> None:
    trusting = {"MLFLOW_TRACKING_SERVER_CERT_PATH": str(files.authority)}
    done = log_a_run(server, {**trusting, "MLFLOW_TRACKING_CLIENT_CERT_PATH": str(files.client)})
    assert done.returncode == 0, done.stderr
    (created, *_) = events_of(server, files, done.stdout.split()[-1])
    assert created["actor"]["user"] == "client"  # whom the certificate names
    assert log_a_run(server, trusting).returncode != 0
    assert "Traceback" not in server.log_tail()


def events_of(server: TracklogServer, files: Files, run_id: str) -> list[dict[str, Any]]:
    url = f"{server.url}/api/tracklog/v1/events?stream=run/{run_id}"
    with urllib.request.urlopen(url, context=files.context()) as answer:
        found: list[dict[str, Any]] = json.load(answer)["events"]
    return found


def test_a_client_that_checks_nothing_is_served_where_no_certificate_is_asked_for(tmp_path: Path, files: Files) -> None:
    uvicorn = f"--ssl-certfile {files.certificate} --ssl-keyfile={files.key}"
    with TracklogServer(tmp_path, options=("--uvicorn-opts", uvicorn), tls=files.context()) as server:
        done = log_a_run(server, {"MLFLOW_TRACKING_INSECURE_TLS": "true"})
        assert done.returncode == 0, done.stderr


def test_a_renewed_certificate_is_shown_to_new_connections_and_drops_no_old_one(
    server: TracklogServer, files: Files
) -> None:
    kept = http.client.HTTPSConnection(HOST, server.port, context=files.context())
    old = shown(kept)
    files.renew()
    wait_until(lambda: shown_to_a_new_client(server, files) != old)
    socket_before = kept.sock
    assert shown(kept) == old
    assert kept.sock is socket_before
    kept.close()


def shown_to_a_new_client(server: TracklogServer, files: Files) -> bytes | None:
    with closing(http.client.HTTPSConnection(HOST, server.port, context=files.context())) as connection:
        return shown(connection)


def shown(connection: http.client.HTTPSConnection) -> bytes | None:
    """The certificate that the server shows, after a request that succeeds."""
    connection.request("GET", "/health")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"OK")
    assert isinstance(connection.sock, ssl.SSLSocket)
    return connection.sock.getpeercert(binary_form=True)


@pytest.mark.parametrize("sent", [b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"\0" * 100])
def test_what_is_no_tls_is_let_go_and_disturbs_nobody(server: TracklogServer, files: Files, sent: bytes) -> None:
    with socket.create_connection((HOST, server.port), timeout=30) as stranger:
        stranger.sendall(sent)
        stranger.shutdown(socket.SHUT_WR)
        assert b"HTTP/1.1 200" not in stranger.recv(1000)
    shown_to_a_new_client(server, files)
    assert "Traceback" not in server.log_tail()
