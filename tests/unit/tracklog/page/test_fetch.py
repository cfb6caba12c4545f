"""Rules of fetching the page: all of it, the pinned files only, or nothing."""

import gzip
import hashlib
import importlib.metadata
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tracklog.page import fetch as page_fetch
from tracklog.page.fetch import PageFetchError, fetch_page, is_complete, tree_digest, unpack_page

FILES = {
    "mlflow/server/js/build/index.html": "<!doctype html>" + "<p>a page</p>" * 20,
    "mlflow/server/js/build/static/js/main.js": "let a = 1;\n" * 50,
    "mlflow/server/js/build/static/media/dot.png": "no text",
    "mlflow-3.17.2.dist-info/licenses/LICENSE.txt": "the licence",
    "mlflow/server/handlers.py": "not the page",
}


def write_wheel(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def no_network(folder: Path) -> Path:
    raise PageFetchError(f"no network for {folder}")


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small wheel that stands in for the published one, pinned as that one is."""
    path = write_wheel(tmp_path / "mlflow-3.17.2-py3-none-any.whl", FILES)
    expected = tmp_path / "expected"
    expected.mkdir()
    unpack_page(path, expected)
    monkeypatch.setattr(page_fetch, "PAGE_SHA256", tree_digest(expected))
    monkeypatch.setattr(page_fetch, "download_wheel", lambda _folder: path)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in page_fetch.files_below(folder)}


@pytest.mark.usefixtures("wheel")
def test_only_the_page_and_its_licence_are_unpacked(tmp_path: Path) -> None:
    fetch_page(tmp_path / "page")
    assert set(contents(tmp_path / "page")) == {
        "LICENSE.mlflow.txt",
        "ORIGIN.txt",
        "index.html",
        "index.html.gz",
        "static/js/main.js",
        "static/js/main.js.gz",
        "static/media/dot.png",
    }
    assert is_complete(tmp_path / "page")


@pytest.mark.usefixtures("wheel")
def test_a_compressed_copy_holds_what_its_original_holds(tmp_path: Path) -> None:
    fetch_page(tmp_path / "page")
    files = contents(tmp_path / "page")
    assert gzip.decompress(files["static/js/main.js.gz"]) == files["static/js/main.js"]


@pytest.mark.usefixtures("wheel")
def test_two_fetches_give_the_same_files_with_the_same_times(tmp_path: Path) -> None:
    fetch_page(tmp_path / "one")
    fetch_page(tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    times = {path.stat().st_mtime for place in ("one", "two") for path in page_fetch.files_below(tmp_path / place)}
    assert len(times) == 1


@pytest.mark.usefixtures("wheel")
def test_other_users_may_read_the_files(tmp_path: Path) -> None:
    fetch_page(tmp_path / "page")
    (tmp_path / "ordinary").mkdir()
    assert (tmp_path / "page").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_a_complete_folder_is_left_alone(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch_page(tmp_path / "page")
    wheel.unlink()
    monkeypatch.setattr(page_fetch, "download_wheel", no_network)
    fetch_page(tmp_path / "page")
    assert is_complete(tmp_path / "page")


@pytest.mark.usefixtures("wheel")
def test_an_older_page_is_replaced_as_a_whole(tmp_path: Path) -> None:
    page = tmp_path / "page"
    page.mkdir()
    (page / "ORIGIN.txt").write_text("an older version")
    (page / "old.js").write_text("old")
    fetch_page(page)
    assert is_complete(page)
    assert not (page / "old.js").exists()


@pytest.mark.usefixtures("wheel")
def test_a_folder_with_other_files_is_refused_untouched(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match="left untouched"):
        fetch_page(home)
    assert contents(home) == {"thesis.txt": b"years of work"}


@pytest.mark.usefixtures("wheel")
@pytest.mark.parametrize("step", ["unpack_page", "verify", "compress", "give_fixed_times", "move_into_place"])
def test_an_interrupted_fetch_leaves_nothing(step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(page_fetch, step, interrupted)
    place = tmp_path / "place"
    with pytest.raises(KeyboardInterrupt):
        fetch_page(place / "page")
    assert list(place.iterdir()) == []


@pytest.mark.usefixtures("wheel")
def test_files_other_than_the_pinned_ones_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_fetch, "PAGE_SHA256", "0" * 64)
    with pytest.raises(PageFetchError, match="expected 0000"):
        fetch_page(tmp_path / "page")
    assert not (tmp_path / "page").exists()


@pytest.mark.parametrize("name", ["mlflow/server/js/build/../../../../evil.js", "mlflow/server/js/build/..\\evil.js"])
def test_a_name_that_leads_out_is_refused(name: str, tmp_path: Path) -> None:
    built = tmp_path / "a" / "b" / "c" / "built"
    built.mkdir(parents=True)
    with pytest.raises(PageFetchError, match="leads out"):
        unpack_page(write_wheel(tmp_path / "evil.whl", {name: "evil"}), built)
    assert list(tmp_path.rglob("*evil.js")) == []


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("mlflow/server/js/build/link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "evil.whl", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(PageFetchError, match="symbolic link"):
        unpack_page(tmp_path / "evil.whl", tmp_path)


class InstalledMlflow(importlib.metadata.Distribution):
    """An installed mlflow of some version in some folder."""

    def __init__(self, root: Path, version: str) -> None:
        self._root = root
        self._version = version

    def read_text(self, filename: str) -> str | None:
        texts = {
            "METADATA": f"Name: mlflow\nVersion: {self._version}\n",
            "RECORD": "".join(f"{name},,\n" for name in FILES),
        }
        return texts.get(filename)

    def locate_file(self, path: "str | os.PathLike[str]") -> Path:
        return self._root / path


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes an mlflow of a version appear installed, and the network disappear."""

    def as_version(version: str) -> None:
        root = tmp_path / "site-packages"
        for name, content in FILES.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(content)
        monkeypatch.setattr(importlib.metadata, "distribution", lambda _name: InstalledMlflow(root, version))
        monkeypatch.setattr(page_fetch, "download_wheel", no_network)

    return as_version


@pytest.mark.usefixtures("wheel")
def test_without_network_an_installed_mlflow_of_the_same_version_serves(
    install: Callable[[str], None], tmp_path: Path
) -> None:
    fetch_page(tmp_path / "from-wheel")
    install("3.17.2")
    fetch_page(tmp_path / "from-installed")
    assert contents(tmp_path / "from-wheel") == contents(tmp_path / "from-installed")


@pytest.mark.usefixtures("wheel")
def test_without_network_an_installed_mlflow_of_another_version_does_not(
    install: Callable[[str], None], tmp_path: Path
) -> None:
    install("3.16.0")
    with pytest.raises(PageFetchError, match=r"no network.*3\.16\.0"):
        fetch_page(tmp_path / "page")


@pytest.mark.slow
def test_pip_is_asked_for_the_pinned_wheel_and_its_refusal_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty_index = tmp_path / "index"
    empty_index.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(empty_index))
    with pytest.raises(PageFetchError, match=r"mlflow==3\.17\.2"):
        page_fetch.download_wheel(tmp_path)


@pytest.mark.slow
def test_a_wheel_with_another_checksum_is_refused_by_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = tmp_path / "index"
    index.mkdir()
    metadata = {"mlflow-3.17.2.dist-info/METADATA": "Metadata-Version: 2.1\nName: mlflow\nVersion: 3.17.2\n"}
    wheel = write_wheel(index / "mlflow-3.17.2-py3-none-any.whl", FILES | metadata)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    with pytest.raises(PageFetchError, match=hashlib.sha256(wheel.read_bytes()).hexdigest()):
        page_fetch.download_wheel(tmp_path)
