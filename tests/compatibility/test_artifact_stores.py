"""The stock client and the artifacts of a run, whatever store is behind the server."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import mlflow
import pytest
import requests
from mlflow import MlflowClient
from PIL import Image

from tests.compatibility.artifact_stores import STORES, ArtifactStore, artifact_store, server_on
from tests.compatibility.conftest import fresh_name
from tests.compatibility.training import CLIENT_ENVIRONMENT
from tests.tracklog_server import TracklogServer

NAMES = ["with space.txt", "100%.txt", "a+b.txt", "naïve 漢字🚀.txt"]
MIB = 1 << 20


ONE_OF_EACH_KIND = ("local", "s3", "sftp")
"""A folder, a bucket and a server. The others run in `make soak`; what each store does is in `tests/contracts`."""


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=() if name in ONE_OF_EACH_KIND else pytest.mark.soak) for name in STORES],
)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArtifactStore]:
    with artifact_store(request.param, tmp_path_factory.mktemp("store"), request) as there:
        yield there


@pytest.fixture(scope="module")
def server(store: ArtifactStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TracklogServer]:
    with server_on(store, tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def tracking(server: TracklogServer) -> MlflowClient:
    return MlflowClient(tracking_uri=server.url)


@pytest.fixture
def run_id(tracking: MlflowClient) -> str:
    made: str = tracking.create_run(tracking.create_experiment(fresh_name())).info.run_id
    return made


def downloaded(server: TracklogServer, uri: str, folder: Path) -> dict[str, bytes]:
    """The files below an artifact URI, by path."""
    root = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(folder), tracking_uri=server.url))
    if root.is_file():
        return {root.name: root.read_bytes()}
    return {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def test_a_tree_of_files_with_odd_names_goes_up_is_listed_and_comes_down(
    server: TracklogServer, tracking: MlflowClient, run_id: str, tmp_path: Path
) -> None:
    tree = {
        f"{folder}{name}": name.encode() for folder in ("", "sub folder/", "sub folder/deep+er %/") for name in NAMES
    }
    for path, content in tree.items():
        (tmp_path / "up" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "up" / path).write_bytes(content)
    tracking.log_artifacts(run_id, str(tmp_path / "up"), "all")
    listed = {(file.path, file.is_dir, file.file_size) for file in tracking.list_artifacts(run_id, "all/sub folder")}
    assert listed == {
        ("all/sub folder/deep+er %", True, None),
        *((f"all/sub folder/{name}", False, len(name.encode())) for name in NAMES),
    }
    (tmp_path / "down").mkdir()
    assert downloaded(server, f"runs:/{run_id}/all", tmp_path / "down") == tree


def test_text_and_images_are_read_by_the_addresses_of_run_and_proxy(
    server: TracklogServer, tracking: MlflowClient, run_id: str, tmp_path: Path
) -> None:
    tracking.log_text(run_id, "grüße\n", "text/note.txt")
    tracking.log_image(run_id, Image.new("RGB", (8, 6), (10, 20, 30)), "red.png")
    root = tracking.get_run(run_id).info.artifact_uri
    host = urlsplit(server.url).netloc
    path = urlsplit(root).path.lstrip("/")
    for number, uri in enumerate(
        (
            f"runs:/{run_id}",
            f"mlflow-artifacts:/{path}",
            f"mlflow-artifacts://{host}/{path}",
            f"{server.url}/api/2.0/mlflow-artifacts/artifacts/{path}",
        )
    ):
        target = tmp_path / str(number)
        target.mkdir()
        assert downloaded(server, f"{uri}/text/note.txt", target) == {"note.txt": "grüße\n".encode()}
    with Image.open(tracking.download_artifacts(run_id, "red.png", str(tmp_path))) as image:
        assert image.getpixel((0, 0)) == (10, 20, 30)


@pytest.mark.parametrize("in_parts", [False, True], ids=["at-once", "in-parts"])
def test_a_large_file_comes_back_whole(
    tracking: MlflowClient, run_id: str, tmp_path: Path, in_parts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", str(in_parts).lower()),
        ("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", str(in_parts).lower()),
        ("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", "1"),
        ("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(5 * MIB)),
        ("MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE", str(3 * MIB)),
    ):
        monkeypatch.setenv(name, value)
    source = tmp_path / "large ü.bin"
    source.write_bytes(hashlib.sha256(b"parts").digest() * (12 * MIB // 32))
    tracking.log_artifact(run_id, str(source))
    (tmp_path / "down").mkdir()
    fetched = Path(tracking.download_artifacts(run_id, source.name, str(tmp_path / "down")))
    assert fetched.read_bytes() == source.read_bytes()
    assert [(file.path, file.file_size) for file in tracking.list_artifacts(run_id)] == [(source.name, 12 * MIB)]


def test_what_is_deleted_is_gone_with_all_below_and_nothing_beside(
    server: TracklogServer, tracking: MlflowClient, run_id: str
) -> None:
    for path in ("a/1", "a/b/2", "ab"):
        tracking.log_text(run_id, "x", path)
    below = urlsplit(tracking.get_run(run_id).info.artifact_uri).path
    answer = requests.delete(f"{server.url}/api/2.0/mlflow-artifacts/artifacts{below}/a", timeout=30)
    assert answer.status_code == 200
    assert [file.path for file in tracking.list_artifacts(run_id)] == ["ab"]


def test_the_bytes_of_a_model_are_kept_under_the_model(tracking: MlflowClient, run_id: str, tmp_path: Path) -> None:
    model = tracking.create_logged_model(tracking.get_run(run_id).info.experiment_id)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "w.bin").write_bytes(b"123")
    tracking.log_model_artifacts(model.model_id, str(tmp_path))
    assert [f.path for f in tracking.list_logged_model_artifacts(model.model_id, "weights")] == ["weights/w.bin"]


def test_nothing_that_the_server_prints_or_keeps_holds_the_stores_password(
    server: TracklogServer, store: ArtifactStore
) -> None:
    password = urlsplit(store.uri).password
    if password is None:
        return
    assert password not in server.log_tail(10_000)
    assert password.encode() not in server.event_log_file.read_bytes()


LOCAL_AND_S3 = pytest.mark.parametrize("store", ["local", "s3"], indirect=True)


def test_a_model_is_logged_and_loaded(server: TracklogServer) -> None:
    code = """
import mlflow
from sklearn.linear_model import LinearRegression
mlflow.set_experiment("models")
with mlflow.start_run():
    logged = mlflow.sklearn.log_model(LinearRegression().fit([[0], [1]], [1, 3]), name="line")
print(round(float(mlflow.sklearn.load_model(logged.model_uri).predict([[2]])[0]), 6))
"""
    assert printed(code, server.url) == "5.0"


@LOCAL_AND_S3
def test_clients_may_go_to_the_store_themselves_and_the_server_still_lists_and_gives(
    store: ArtifactStore, tmp_path: Path
) -> None:
    """--no-serve-artifacts --default-artifact-root: only this machine's clients and the server have the credentials."""
    root = f"{store.uri}/direct"
    with server_on(store, tmp_path, "--no-serve-artifacts", "--default-artifact-root", root) as server:
        code = """
import mlflow
with mlflow.start_run() as run:
    mlflow.log_text("direct", "sub/note.txt")
client = mlflow.MlflowClient()
client.create_registered_model("notes")
client.create_model_version("notes", run.info.artifact_uri, run.info.run_id)
with open(mlflow.artifacts.download_artifacts("models:/notes/1/sub/note.txt")) as note:
    print(run.info.run_id, run.info.artifact_uri, note.read())
"""
        run_id, uri, note = printed(code, server.url, store.environment).split()
        assert uri.startswith(root)
        assert note == "direct"
        listing = requests.get(
            f"{server.url}/api/2.0/mlflow/artifacts/list", params={"run_id": run_id, "path": "sub"}, timeout=30
        ).json()
        assert listing["files"] == [{"path": "sub/note.txt", "is_dir": False, "file_size": 6}]
        given = requests.get(f"{server.url}/get-artifact", {"run_uuid": run_id, "path": "sub/note.txt"}, timeout=30)
        assert given.content == b"direct"
        of_version = {"name": "notes", "version": "1", "path": "sub/note.txt"}
        given = requests.get(f"{server.url}/model-versions/get-artifact", of_version, timeout=30)
        assert given.content == b"direct"
        proxy = f"{server.url}/api/2.0/mlflow-artifacts/artifacts"
        assert requests.get(f"{proxy}/sub/note.txt", timeout=30).status_code == 503


@pytest.mark.parametrize("store", ["s3"], indirect=True)
def test_the_address_of_a_store_may_be_in_its_uri(store: ArtifactStore, tmp_path: Path) -> None:
    """The server has no other way to know it; a client that goes to the store itself needs its own variable."""
    without = {name: value for name, value in store.environment.items() if name != "MLFLOW_S3_ENDPOINT_URL"}
    end = f"?endpoint={store.environment['MLFLOW_S3_ENDPOINT_URL']}"
    there = ArtifactStore(f"{store.uri}/addressed{end}", without)
    root = f"{store.uri}/direct{end}"
    with server_on(there, tmp_path, "--default-artifact-root", root) as server:
        code = """
import mlflow
with mlflow.start_run() as run:
    mlflow.log_text("direct", "note.txt")
    model = mlflow.MlflowClient().create_logged_model(run.info.experiment_id)
print(run.info.experiment_id, run.info.run_id, run.info.artifact_uri, model.model_id, model.artifact_location)
"""
        experiment_id, run_id, uri, model_id, of_model = printed(code, server.url, store.environment).split()
        assert uri == f"{store.uri}/direct/{experiment_id}/{run_id}/artifacts{end}"
        assert of_model == f"{store.uri}/direct/{experiment_id}/models/{model_id}/artifacts{end}"
        given = requests.get(f"{server.url}/get-artifact", {"run_uuid": run_id, "path": "note.txt"}, timeout=30)
        assert given.content == b"direct"
        proxied = f"{server.url}/api/2.0/mlflow-artifacts/artifacts/1/note.txt"
        assert requests.put(proxied, data=b"proxied", timeout=30).status_code == 200
        assert requests.get(proxied, timeout=30).content == b"proxied"


def test_one_server_passes_artifacts_and_another_does_the_rest(store: ArtifactStore, tmp_path: Path) -> None:
    with server_on(store, tmp_path / "artifacts", "--artifacts-only") as artifacts:
        root = f"mlflow-artifacts://{urlsplit(artifacts.url).netloc}/tandem"
        options = ("--no-serve-artifacts", "--default-artifact-root", root)
        with server_on(store, tmp_path / "tracking", *options) as tracking:
            client = MlflowClient(tracking_uri=tracking.url)
            run_id = client.create_run(client.create_experiment(fresh_name())).info.run_id
            client.log_text(run_id, "in tandem", "sub/note.txt")
            assert [(file.path, file.file_size) for file in client.list_artifacts(run_id, "sub")] == [
                ("sub/note.txt", 9)
            ]
            assert Path(client.download_artifacts(run_id, "sub/note.txt", str(tmp_path))).read_text() == "in tandem"


def printed(code: str, tracking_uri: str, environment: Mapping[str, str] | None = None) -> str:
    """The last line that a program prints, which has a client of its own."""
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={**os.environ, **CLIENT_ENVIRONMENT, **(environment or {}), "MLFLOW_TRACKING_URI": tracking_uri},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return ended.stdout.strip().splitlines()[-1]
