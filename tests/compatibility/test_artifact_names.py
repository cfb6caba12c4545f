"""Every name that a stock client can give a file leads back to that file, escapes and all."""

import re
import tempfile
import uuid
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
import requests
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mlflow import MlflowClient
from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository
from PIL import Image

from tests.compatibility.rest import Rest

ROUTE = "/api/2.0/mlflow-artifacts/artifacts"

ESCAPED = [
    *("lr%20sweep", "lr%2520sweep", "a%20b%", "100%", "100%accuracy", "5%fail", "50%25", "a%2Fb%", "%41", "%e4%b8%ad"),
    *("key%step%20%timestamp%1700000000000%abcdef01.png", "key%step%23%timestamp%1%ff.png", "a%23b%", "%2e%2e%"),
    *(
        "key%step%17%x",
        "a%0ab%",
        "a;",
        ";",
        "Model:v1",
        "a:b",
        "file:x",
        " a",
        "what?.txt",
        "a?b=c",
        "[x]",
        "a%7e",
        "\uff0525",
    ),
]
"""Names that the clients change on their way, or that a server may read as something else."""


@pytest.fixture
def repository(server_url: str) -> HttpArtifactRepository:
    return repository_at(server_url)


def repository_at(server_url: str) -> HttpArtifactRepository:
    """The stock client, in a folder that is new."""
    return HttpArtifactRepository(f"{server_url}{ROUTE}/0/{uuid.uuid4().hex}/artifacts")


def upload(repository: HttpArtifactRepository, tree: dict[str, str], folder: str | None = None) -> None:
    with tempfile.TemporaryDirectory() as made:
        for path, content in tree.items():
            (Path(made) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(made) / path).write_text(content)
        repository.log_artifacts(made, folder)


def contents(folder: str | Path) -> list[str]:
    return sorted(path.read_text() for path in Path(folder).rglob("*") if path.is_file())


def download(repository: HttpArtifactRepository, path: str = "") -> list[str]:
    """The contents of all files that come down with `path`."""
    with tempfile.TemporaryDirectory() as made:
        fetched = Path(repository.download_artifacts(path, made))
        return contents(fetched) if fetched.is_dir() else [fetched.read_text()]


LOST_BY_MLFLOW = {
    *("key%step%23%timestamp%1%ff.png", "a%23b%", ";", "a;", "Model:v1", "file:x", " a"),
}
"""Those that MLflow 3.17 refuses, or cannot list again."""


def skip_what_mlflow_loses(is_mlflow: bool, name: str) -> None:
    if is_mlflow and name in LOST_BY_MLFLOW:
        pytest.skip("MLflow refuses such a name, or does not find it again")


@pytest.mark.parametrize("name", ESCAPED)
def test_a_file_comes_back_by_its_name_and_with_all(
    repository: HttpArtifactRepository, is_mlflow: bool, name: str
) -> None:
    skip_what_mlflow_loses(is_mlflow, name)
    upload(repository, {name: "of the file"})
    assert download(repository, name) == ["of the file"]
    assert download(repository) == ["of the file"]


@pytest.mark.parametrize("name", [name for name in ESCAPED if "?" not in name])
def test_a_folder_comes_back_by_its_name_and_with_all(
    repository: HttpArtifactRepository, is_mlflow: bool, name: str
) -> None:
    """One of the files has a name for which the client escapes the folder's too."""
    skip_what_mlflow_loses(is_mlflow, name)
    tree = {"plain.txt": "1", "100%.txt": "2", "sub/a.txt": "3"}
    upload(repository, tree, name)
    assert download(repository, name) == ["1", "2", "3"]
    assert download(repository) == ["1", "2", "3"]
    assert len(repository.list_artifacts(name)) == 3


LETTERS = st.sampled_from("abAF0123789%%%% :;?.+~[]é\uff05")
NAMES = st.text(LETTERS, min_size=1, max_size=6).filter(lambda name: is_taken(unquote(name).rstrip("?")))


def is_taken(name: str) -> bool:
    """Whether a server takes a name; that of a drive it does not, nor NUL."""
    return name not in ("", ".", "..") and re.fullmatch("[A-Za-z]:", name) is None and "\0" not in name


def sent(path: str) -> str:
    """The URL to which the client sends a path: of two paths with one URL the later is kept."""
    request = requests.Request("PUT", f"http://host/{path}").prepare()
    return unquote(str(request.url), errors="surrogateescape")


SENT_NAMES = NAMES.filter(
    lambda name: not set("#/") & set(sent(name).removeprefix("http://host/")) and name.strip() not in (".", "..")
)
"""Without those that do not arrive as a name: the client sends `%23` and `%2F` as they stand. And without dots among
spaces, which MinIO refuses; the client is told so by 400."""


@given(
    folder=SENT_NAMES.filter(lambda name: not name.startswith("..")),
    names=st.sets(SENT_NAMES, min_size=1, max_size=3),
)
@example(folder="%0A", names={"%0A", "a%0Ab"})
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_files_are_called_the_client_finds_them_all(
    server_url: str, is_mlflow: bool, folder: str, names: set[str]
) -> None:
    if is_mlflow:
        pytest.skip("MLflow refuses some names, and does not find others again")
    repository = repository_at(server_url)
    # Of a folder that holds nothing but a file of its own name, the client thinks that it is that file.
    tree = {f"{folder}/{name}": f"{number}" for number, name in enumerate(["another file", *sorted(names)])}
    paths: dict[str, list[str]] = {}
    for path, content in tree.items():
        upload(repository, {path: content})
        paths.setdefault(sent(path), []).append(path)
    kept = {tree[same[-1]] for same in paths.values()}
    assert set(download(repository)) == kept
    for same in paths.values():
        for path in same:
            assert download(repository, path) == [tree[same[-1]]], path


@given(names=st.sets(NAMES.filter(lambda name: name.strip(" .") != ""), min_size=1, max_size=3))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_others_put_under_any_name_the_client_finds_and_what_it_puts_others_find(
    rest: Rest, server_url: str, is_mlflow: bool, names: set[str]
) -> None:
    if is_mlflow:
        pytest.skip("MLflow refuses some names, and does not find others again")
    repository = repository_at(server_url)
    folder = repository.artifact_uri.removeprefix(server_url)
    for name in names:
        answer = rest.send_as_it_stands("PUT", f"{folder}/{quote(name, safe='')}", name.encode())
        assert answer.status_code == 200
    listed = rest.get(ROUTE, {"path": folder.removeprefix(f"{ROUTE}/")}).json()["files"]
    assert {file["path"] for file in listed} == names
    for name in names:
        assert rest.send_as_it_stands("GET", f"{folder}/{quote(name, safe='')}", None).content == name.encode()
    assert download(repository) == sorted(names)


def image_names(separator: str, steps: range) -> list[str]:
    """As `log_image` calls the files of a key, a step and a moment, here all of one moment."""
    parts = ("images/loss curve", "step", "{}", "timestamp", "1700000000000", "gabc0123-0123")
    return [separator.join(parts).format(step) + ".png" for step in steps]


@pytest.mark.parametrize("separator", ["%", "+"], ids=["2.22", "3.17"])
def test_images_of_a_step_come_back_with_the_whole_run(
    repository: HttpArtifactRepository, is_mlflow: bool, separator: str
) -> None:
    """The files of MLflow 2.22 hold `%20` where the step is 20, and `#`, escaped, where it is 23."""
    steps = [*range(18, 30), 37, 99, 100, 120, 230, 255, 2520, 4142]
    names = [
        name
        for step in steps
        if not (is_mlflow and str(step).startswith("23"))
        for name in image_names(separator, range(step, step + 1))
    ]
    upload(repository, {name: name for name in names})
    assert download(repository) == sorted(names)
    assert download(repository, "images") == sorted(names)
    for name in names:
        assert download(repository, name) == [name]


def test_an_image_that_is_logged_with_its_step_comes_back(client: MlflowClient, run_id: str, tmp_path: Path) -> None:
    client.log_image(run_id, Image.new("RGB", (8, 6)), key="a/b c", step=20, synchronous=True)
    fetched = Path(client.download_artifacts(run_id, "", str(tmp_path)))
    assert len([path for path in fetched.rglob("*") if path.is_file()]) == 2
