"""Artifacts up and down with the stock client: files, folders, odd names, listing."""

import hashlib
import json
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from PIL import Image

ODD_NAMES = [
    "with space.txt",
    "100%.txt",
    "a+b.txt",
    "a&b=c.txt",
    "semi;colon,comma.txt",
    "naïve-Übung.txt",
    "漢字🚀.txt",
    "quote's.txt",
    "tilde~(paren)[bracket].txt",
    ".hidden",
    "MLmodel",
    "no-extension",
]


def download(client: MlflowClient, run_id: str, path: str, tmp_path: Path) -> Path:
    """Download an artifact of a run into a new folder under `tmp_path`."""
    target = tmp_path / "down"
    target.mkdir(exist_ok=True)
    return Path(client.download_artifacts(run_id, path, str(target)))


def listed(client: MlflowClient, run_id: str, path: str | None = None) -> list[tuple[str, bool, int | None]]:
    """Return (path, is_dir, size) of what a folder of a run holds."""
    return [(f.path, f.is_dir, f.file_size) for f in client.list_artifacts(run_id, path)]


def test_a_file_comes_back_byte_for_byte(client: MlflowClient, run_id: str, tmp_path: Path) -> None:
    content = bytes(range(256)) * 4000
    source = tmp_path / "blob.bin"
    source.write_bytes(content)
    client.log_artifact(run_id, str(source))
    client.log_artifact(run_id, str(source), "deep/er")
    assert listed(client, run_id) == [("blob.bin", False, len(content)), ("deep", True, None)]
    assert download(client, run_id, "blob.bin", tmp_path).read_bytes() == content
    assert download(client, run_id, "deep/er/blob.bin", tmp_path).read_bytes() == content


def test_an_empty_file_comes_back_empty(client: MlflowClient, run_id: str, tmp_path: Path) -> None:
    client.log_text(run_id, "", "empty.txt")
    assert [f.path for f in client.list_artifacts(run_id)] == ["empty.txt"]
    assert download(client, run_id, "empty.txt", tmp_path).read_bytes() == b""


def test_a_file_of_several_megabytes_comes_back_whole(client: MlflowClient, run_id: str, tmp_path: Path) -> None:
    source = tmp_path / "large.bin"
    source.write_bytes(hashlib.sha256(b"seed").digest() * (24 * 1024 * 1024 // 32))
    client.log_artifact(run_id, str(source))
    fetched = download(client, run_id, "large.bin", tmp_path)
    assert hashlib.sha256(fetched.read_bytes()).digest() == hashlib.sha256(source.read_bytes()).digest()


def test_a_folder_goes_up_and_comes_down_with_its_tree(client: MlflowClient, run_id: str, tmp_path: Path) -> None:
    tree = {"a.txt": "a", "sub/b.txt": "b", "sub/deeper/c.txt": "c"}
    for path, text in tree.items():
        (tmp_path / "up" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "up" / path).write_text(text)
    client.log_artifacts(run_id, str(tmp_path / "up"), "folder")
    assert listed(client, run_id) == [("folder", True, None)]
    assert listed(client, run_id, "folder") == [("folder/a.txt", False, 1), ("folder/sub", True, None)]
    assert listed(client, run_id, "folder/sub") == [
        ("folder/sub/b.txt", False, 1),
        ("folder/sub/deeper", True, None),
    ]
    root = download(client, run_id, "folder", tmp_path)
    assert {str(f.relative_to(root)): f.read_text() for f in root.rglob("*") if f.is_file()} == tree


def test_everything_of_a_run_comes_down_at_once(client: MlflowClient, run_id: str, tmp_path: Path) -> None:
    client.log_text(run_id, "1", "one.txt")
    client.log_text(run_id, "2", "sub/two.txt")
    root = download(client, run_id, "", tmp_path)
    assert {str(f.relative_to(root)) for f in root.rglob("*") if f.is_file()} == {"one.txt", "sub/two.txt"}


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_survive_the_way_up_and_down(client: MlflowClient, run_id: str, tmp_path: Path, name: str) -> None:
    # The client searches models by the folder's name when it lists, in a filter that it does not quote.
    folder = "folder " + name.replace("'", "")
    size = len(name.encode())
    (tmp_path / name).write_text(name)
    client.log_artifact(run_id, str(tmp_path / name))
    client.log_artifact(run_id, str(tmp_path / name), folder)
    assert sorted(listed(client, run_id)) == sorted([(name, False, size), (folder, True, None)])
    assert listed(client, run_id, folder) == [(f"{folder}/{name}", False, size)]
    assert download(client, run_id, name, tmp_path).read_text() == name
    assert download(client, run_id, f"{folder}/{name}", tmp_path).read_text() == name


def test_logging_again_overwrites(client: MlflowClient, run_id: str, tmp_path: Path) -> None:
    client.log_text(run_id, "a much longer first version", "note.txt")
    client.log_text(run_id, "second", "note.txt")
    assert listed(client, run_id) == [("note.txt", False, 6)]
    assert download(client, run_id, "note.txt", tmp_path).read_text() == "second"


def test_text_dict_and_image_read_back(client: MlflowClient, run_id: str, tmp_path: Path) -> None:
    client.log_text(run_id, "grüße\n", "text/note.txt")
    client.log_dict(run_id, {"a": [1, 2, {"b": "é"}]}, "data.json")
    client.log_dict(run_id, {"a": 1}, "data.yaml")
    client.log_image(run_id, Image.new("RGB", (8, 6), (10, 20, 30)), "red.png")
    assert download(client, run_id, "text/note.txt", tmp_path).read_text() == "grüße\n"
    loaded = json.loads(download(client, run_id, "data.json", tmp_path).read_text())
    assert loaded == {"a": [1, 2, {"b": "é"}]}
    assert download(client, run_id, "data.yaml", tmp_path).read_text() == "a: 1\n"
    with Image.open(download(client, run_id, "red.png", tmp_path)) as image:
        assert (image.size, image.getpixel((0, 0))) == ((8, 6), (10, 20, 30))


def test_images_with_steps_are_kept_apart(client: MlflowClient, run_id: str) -> None:
    for step in range(2):
        client.log_image(run_id, Image.new("RGB", (4, 4)), key="seen", step=step)
    images = [path for path, _, _ in listed(client, run_id, "images")]
    assert len([path for path in images if path.endswith(".png")]) == 2


def test_an_empty_run_an_unknown_folder_and_a_file_list_as_empty(client: MlflowClient, run_id: str) -> None:
    assert listed(client, run_id) == []
    client.log_text(run_id, "x", "file.txt")
    assert listed(client, run_id, "unknown") == []
    assert listed(client, run_id, "file.txt") == []


def test_a_missing_artifact_is_an_error(client: MlflowClient, run_id: str, tmp_path: Path) -> None:
    with pytest.raises((MlflowException, OSError)):
        download(client, run_id, "missing.txt", tmp_path)


def test_artifacts_of_a_deleted_run_stay_readable(client: MlflowClient, run_id: str, tmp_path: Path) -> None:
    client.log_text(run_id, "kept", "note.txt")
    client.delete_run(run_id)
    assert listed(client, run_id) == [("note.txt", False, 4)]
    assert download(client, run_id, "note.txt", tmp_path).read_text() == "kept"


def test_artifacts_of_a_logged_model_are_kept_under_the_model(
    client: MlflowClient, experiment_id: str, tmp_path: Path
) -> None:
    model = client.create_logged_model(experiment_id)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "w.bin").write_bytes(b"123")
    client.log_model_artifacts(model.model_id, str(tmp_path))
    assert [f.path for f in client.list_logged_model_artifacts(model.model_id)] == ["weights"]
    assert [f.path for f in client.list_logged_model_artifacts(model.model_id, "weights")] == ["weights/w.bin"]


def test_a_large_file_goes_up_and_comes_down_in_parts(
    client: MlflowClient, run_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the store has no parts of its own the client is served all the same."""
    for name, value in (
        ("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true"),
        ("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "true"),
        ("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", "1"),
        ("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(5 << 20)),
        ("MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE", str(3 << 20)),
    ):
        monkeypatch.setenv(name, value)
    content = hashlib.sha256(b"parts").digest() * (12 * 1024 * 1024 // 32)
    source = tmp_path / "in parts, ü.bin"
    source.write_bytes(content)
    client.log_artifact(run_id, str(source), "sub")
    assert listed(client, run_id, "sub") == [(f"sub/{source.name}", False, len(content))]
    assert download(client, run_id, f"sub/{source.name}", tmp_path).read_bytes() == content
