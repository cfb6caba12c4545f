"""The files that a push uploads: each once, and looked at there."""

from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Final

import pytest

from tracklog.bringing.requests import Refused
from tracklog.pushing.artifacts import FilePush
from tracklog.pushing.central import ARTIFACTS, MLFLOW_2, OURS, Central, StoredFile
from tracklog.pushing.report import Report

RUN: Final = {"run": {"info": {"artifact_uri": "mlflow-artifacts:/9/r/artifacts"}}}


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()


class There:
    """A server that keeps what is uploaded, and tells of it in its history, two events a page."""

    def __init__(self, artifact_uri: Any = RUN) -> None:
        self.run = artifact_uri
        self.uploaded: dict[str, bytes] = {}
        self.events: list[dict[str, Any]] = []
        self.history_is_refused = 0
        self.refused = ""
        self.damages = False

    def get(self, path: str, **query: str) -> Any:
        if path == f"{MLFLOW_2}/runs/get":
            if self.run is None:
                raise Refused(404, "not there")
            return self.run
        assert (path, query["artifact"], query["order"]) == (f"{OURS}/history", "9/r", "oldest")
        if self.history_is_refused:
            raise Refused(self.history_is_refused, "Permission denied")
        start = int(query.get("cursor", 0))
        page = self.events[start : start + 2]
        return {"events": page, "is_last": start + 2 >= len(self.events), "next_cursor": str(start + 2)}

    def send(self, method: str, path: str, body: bytes) -> Any:
        raise AssertionError(path)

    def upload(self, path: str, content: IO[bytes], size: int) -> None:
        if self.refused and self.refused in path:
            raise Refused(413, "too large")
        held = content.read()
        assert len(held) == size
        self.uploaded[path] = held
        name = path.removeprefix(f"{ARTIFACTS}/").replace("%20", " ")
        self.tell("artifact.uploaded", path=name, size=size, sha256=digest(b"" if self.damages else held))

    def tell(self, event_type: str, **data: Any) -> None:
        self.events.append({"type": event_type, "data": data})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "1" / "r" / "artifacts"
    (folder / "deep").mkdir(parents=True)
    (folder / "a file").write_bytes(b"one")
    (folder / "deep" / "b").write_bytes(b"two")
    (folder / "link").symlink_to(folder / "a file")
    return tmp_path


def pushed(there: There, root: Path, folder: str = "1/r", *, dry_run: bool = False) -> Report:
    report = Report("here", "there", dry_run)
    FilePush(root, Central(there, "here"), report).push(folder)
    return report


def test_each_file_is_uploaded_once_and_links_are_not_followed(root: Path) -> None:
    there = There()
    report = pushed(there, root)
    assert there.uploaded == {
        f"{ARTIFACTS}/9/r/artifacts/a%20file": b"one",
        f"{ARTIFACTS}/9/r/artifacts/deep/b": b"two",
    }
    assert (report.artifacts, report.uploaded, report.bytes_uploaded, report.notes) == (2, 2, 6, {})
    there.uploaded.clear()
    again = pushed(there, root)
    assert (there.uploaded, again.artifacts, again.uploaded) == ({}, 2, 0)


def test_a_file_that_is_another_now_or_was_deleted_there_is_uploaded_again(root: Path) -> None:
    there = There()
    pushed(there, root)
    (root / "1" / "r" / "artifacts" / "a file").write_bytes(b"three")
    there.tell("artifact.deleted", path="9/r/artifacts/deep")
    there.tell("artifact.uploaded", path="elsewhere", size=1, root="s3://other")
    report = pushed(there, root)
    assert (report.uploaded, there.uploaded[f"{ARTIFACTS}/9/r/artifacts/a%20file"]) == (2, b"three")


def test_a_dry_run_only_counts(root: Path) -> None:
    there = There()
    report = pushed(there, root, dry_run=True)
    assert (report.artifacts, report.uploaded, there.uploaded) == (2, 0, {})


@pytest.mark.parametrize(
    ("run", "why"),
    [
        (None, "it is not on the server"),
        ({"run": {"info": {"artifact_uri": "s3://b/r"}}}, "it is kept at s3://b/r, where clients put them"),
    ],
)
def test_files_that_have_no_place_there_stay(root: Path, run: Any, why: str) -> None:
    there = There(run)
    report = pushed(there, root)
    assert (report.notes, there.uploaded) == ({"left": [f"the artifacts of 1/r: {why}"]}, {})


@pytest.mark.parametrize("folder", ["1/none", "../1/r", "1/./r", "/1/r"])
def test_of_a_folder_without_files_or_outside_there_is_nothing(root: Path, folder: str) -> None:
    there = There()
    report = pushed(there, root, folder)
    assert (report.artifacts, report.notes, there.uploaded) == (0, {}, {})


def test_a_file_that_is_not_taken_is_told_of_and_the_others_come(root: Path) -> None:
    there = There()
    there.refused = "deep"
    report = pushed(there, root)
    assert report.notes == {"left": ["artifact 9/r/artifacts/deep/b: too large"]}
    assert (report.uploaded, len(there.uploaded)) == (1, 1)


def test_a_file_that_is_otherwise_there_is_damaged(root: Path) -> None:
    there = There()
    there.damages = True
    report = pushed(there, root)
    assert report.counts == {"damaged": 2}
    assert report.notes["damaged"][0] == "artifact 9/r/artifacts/a file is not there as it was sent: push again"


def test_who_may_not_read_the_history_is_told_that_nothing_was_compared(root: Path) -> None:
    there = There()
    there.history_is_refused = 403
    report = pushed(there, root)
    assert report.uploaded == 2
    assert report.notes == {"not compared": ["the artifacts of 1/r: who pushes may not read their history"]}
    there.history_is_refused = 500
    with pytest.raises(Refused):
        pushed(there, root)


def test_the_files_of_a_folder_are_those_that_were_not_deleted_since() -> None:
    there = There()
    for name in ("a", "b/c", "b/d", "bc"):
        there.tell("artifact.uploaded", path=f"9/r/{name}", size=1, sha256="s")
    there.tell("artifact.deleted", path="9/r/b")
    assert Central(there, "here").files("9/r") == {"9/r/a": StoredFile(1, "s"), "9/r/bc": StoredFile(1, "s")}
