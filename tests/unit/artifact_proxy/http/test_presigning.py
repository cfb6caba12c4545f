"""URLs to stores themselves: signed where a store can, and refused where clients have no way past a proxy."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from artifact_proxy.artifact_path import ArtifactPath
from artifact_proxy.stores.blob_store import Presigner, SignedRequest
from artifact_proxy.stores.local.blob_store import LocalBlobStore
from tests.unit.artifact_proxy.serving import PROXY, Answer, Served, serving

UPLOAD: Final = "/api/2.0/mlflow/artifacts/presigned-upload-url"
DOWNLOAD: Final = "/api/2.0/mlflow/artifacts/presigned-download-url"


class Signing(Presigner):
    async def upload(self, path: ArtifactPath, expires_s: int) -> SignedRequest:
        return SignedRequest(url=f"https://store/{path}?put&expires={expires_s}", headers={"x-kept": "1"})

    async def download(self, path: ArtifactPath, expires_s: int) -> SignedRequest:
        return SignedRequest(url=f"https://store/{path}?expires={expires_s}")

    async def part(self, path: ArtifactPath, upload_id: str, number: int, expires_s: int) -> SignedRequest:
        raise AssertionError("Nobody uploads in parts.")


class SigningStore(LocalBlobStore):
    @property
    def presigner(self) -> Presigner:
        return Signing()


@pytest.fixture
def signing(tmp_path: Path) -> Iterator[Served]:
    """A server whose destination signs URLs."""
    root = tmp_path / "root"
    with serving(root, make_store=lambda: SigningStore(root)) as served:
        yield served


def post(server: Served, route: str, **body: Any) -> Answer:
    return server.ask("POST", route, json.dumps(body).encode(), {"Content-Type": "application/json"})


def test_a_store_that_signs_is_reached_by_a_signed_url(signing: Served) -> None:
    signing.ask("PUT", f"{PROXY}/1/run/artifacts/a.txt", b"hello")
    found = json.loads(signing.ask("GET", "/api/2.0/mlflow-artifacts/presigned/1/run/artifacts/a.txt").body)
    assert found == {"url": "https://store/1/run/artifacts/a.txt?expires=300", "headers": {}, "file_size": 5}


def test_a_root_in_a_store_of_the_clients_own_reach_is_signed(signing: Served) -> None:
    folder = signing.root / "direct"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"hello")
    signing.run_roots["direct"] = folder.as_uri()
    up = json.loads(post(signing, UPLOAD, run_id="direct", path="b.txt", expiration=60).body)
    assert up == {"presigned_url": "https://store/direct/b.txt?put&expires=60", "headers": {"x-kept": "1"}}
    by_model = json.loads(post(signing, UPLOAD, model_id="direct", path="b.txt").body)
    assert by_model["presigned_url"].endswith("&expires=900")
    down = json.loads(post(signing, DOWNLOAD, run_id="direct", path="a.txt").body)
    assert (down["presigned_url"], down["file_size"]) == ("https://store/direct/a.txt?expires=300", 5)
    assert post(signing, DOWNLOAD, run_id="direct", path="none").status == 404


@pytest.mark.parametrize("route", [UPLOAD, DOWNLOAD])
def test_behind_a_proxy_and_where_a_store_cannot_sign_there_is_no_url(server: Served, route: str) -> None:
    proxied = post(server, route, run_id="proxied", path="a.txt")
    assert (proxied.status, "behind a proxy" in proxied.body.decode()) == (400, True)
    folder = server.root.parent / "local" / "run"
    folder.mkdir(parents=True)
    server.run_roots["local"] = folder.as_uri()
    assert post(server, route, run_id="local", path="a.txt").status == 501


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "Name a run_id or a model_id"),
        ({"run_id": "proxied", "model_id": "m-1"}, "Name a run_id or a model_id"),
        ({"run_id": "proxied", "expiration": 0}, "expiration must be between 1 and 604800 seconds, not 0"),
        ({"run_id": "proxied", "expiration": 604_801}, "expiration must be between"),
    ],
)
def test_what_no_store_would_take_is_refused(server: Served, body: dict[str, Any], said: str) -> None:
    refused = post(server, UPLOAD, path="a.txt", **body)
    assert (refused.status, said in refused.body.decode()) == (400, True)
