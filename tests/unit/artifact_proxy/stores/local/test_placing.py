"""Staged files become blobs together, and one that cannot does not keep the others back."""

import errno
import os
from pathlib import Path

import pytest

from artifact_proxy.stores.blob_store import NotABlob
from artifact_proxy.stores.local.placing import PLACE_ATTEMPTS, StagedFile, place
from artifact_proxy.stores.local.root_folder import RootFolder
from artifact_proxy.stores.staging import STAGING


def placed(root: Path, parent: str, *names: str) -> list[StagedFile]:
    """Files that were staged, each holding its name, after they were placed in the folder `parent`."""
    folder = RootFolder(root)
    files = [
        StagedFile(parent=(parent,), name=name, staged=f"staged-{number}", descriptor=-1)
        for number, name in enumerate(names)
    ]
    with folder.open([STAGING], create=True) as staging:
        for file in files:
            file.create(staging)
            file.write([file.name.encode()])
            file.sync()
        place(folder, staging, (parent,), files)
        for file in files:
            file.close()
            file.remove(staging)
    return files


def test_files_are_placed_in_a_folder_that_is_made_for_them(tmp_path: Path) -> None:
    files = placed(tmp_path / "root", "f", "a", "b")
    assert [file.failure for file in files] == [None, None]
    assert [(tmp_path / "root" / "f" / name).read_text() for name in ("a", "b")] == ["a", "b"]
    assert os.listdir(tmp_path / "root" / STAGING) == []


def test_one_file_that_cannot_be_placed_does_not_keep_the_others_back(tmp_path: Path) -> None:
    (tmp_path / "f" / "a").mkdir(parents=True)
    blocked, free = placed(tmp_path, "f", "a", "b")
    assert isinstance(blocked.failure, NotABlob)
    assert free.failure is None
    assert (tmp_path / "f" / "b").read_text() == "b"
    assert os.listdir(tmp_path / STAGING) == []


def test_a_file_where_the_folder_is_meant_fails_all_with_its_cause(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    for file in placed(tmp_path, "f", "a", "b"):
        assert isinstance(file.failure, NotABlob)
        assert isinstance(file.failure.__cause__, NotADirectoryError)
    assert (tmp_path / "f").read_bytes() == b""


@pytest.mark.parametrize(("times", "is_placed"), [(1, True), (PLACE_ATTEMPTS, False)])
def test_a_folder_that_is_removed_meanwhile_is_made_again_a_few_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int, is_placed: bool
) -> None:
    rename, removals = os.rename, 0

    def removed_before(source: str, target: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        nonlocal removals
        if removals < times:
            removals += 1
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "rename", removed_before)
    [file] = placed(tmp_path, "f", "a")
    assert (file.failure is None, (tmp_path / "f" / "a").exists()) == (is_placed, is_placed)
    assert os.listdir(tmp_path / STAGING) == []
