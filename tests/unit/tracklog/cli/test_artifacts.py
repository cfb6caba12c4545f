"""What the verbs of `tracklog artifacts` ask a server, and write."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.unit.tracklog.cli.answering import Asked, Said, answering, refusal
from tracklog.cli.remote import MLFLOW_2

RUN: Final = f"GET {MLFLOW_2}/runs/get"
LIST: Final = f"GET {MLFLOW_2}/artifacts/list"
FILES: Final = "PUT api/2.0/mlflow-artifacts/artifacts"
PROXIED: Final = {"run": {"info": {"artifact_uri": "mlflow-artifacts:/7/r1/artifacts"}}}

MODEL: Final = {"path": "model", "is_dir": True}
WEIGHTS: Final = {"path": "model/ä.bin", "is_dir": False, "file_size": "5"}
NOTES: Final = {"path": "notes", "is_dir": False, "file_size": 2}


def listed(asked: Asked) -> Any:
    """A folder in the first of two pages, which has a file in it."""
    if "path" in asked.query:
        return {"files": [WEIGHTS] if asked.query["path"] == ["model"] else []}
    if "page_token" in asked.query:
        return {"files": [NOTES]}
    return {"files": [MODEL], "next_page_token": "t"}


def test_a_file_is_logged_under_its_name(tmp_path: Path) -> None:
    file = tmp_path / "a file"
    file.write_bytes(b"bytes")
    with answering({RUN: PROXIED, f"{FILES}/7/r1/artifacts/deep/a%20file": {}}) as server:
        server.done("artifacts", "log-artifact", "-l", str(file), "-r", "r1", "-a", "deep")
        upload = server.asked[-1]
        assert (upload.raw, upload.headers["content-type"]) == (b"bytes", "application/octet-stream")


def test_the_files_in_a_folder_are_logged_at_any_depth(tmp_path: Path) -> None:
    (tmp_path / "x" / "y").mkdir(parents=True)
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "x" / "y" / "b").write_bytes(b"2")
    answers = {RUN: PROXIED, f"{FILES}/7/r1/artifacts/a": {}, f"{FILES}/7/r1/artifacts/x/y/b": {}}
    with answering(answers) as server:
        server.done("artifacts", "log-artifacts", "-l", str(tmp_path), "-r", "r1")
        assert [asked.raw for asked in server.asked] == [b"", b"1", b"2"]


def test_what_a_server_does_not_take_is_said_with_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"bytes")
    with answering({RUN: PROXIED, f"{FILES}/7/r1/artifacts/a": refusal(403, "Permission denied.")}) as server:
        refused = server.run("artifacts", "log-artifact", "-l", str(file), "-r", "r1")
        assert refused.exit_code == 1
        assert f"{file}: " in refused.stderr
        assert "Permission denied." in refused.stderr


def test_files_that_clients_put_themselves_are_not_logged(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"bytes")
    with answering({RUN: {"run": {"info": {"artifact_uri": "s3://b/r1"}}}}) as server:
        refused = server.run("artifacts", "log-artifact", "-l", str(file), "-r", "r1")
        assert (refused.exit_code, len(server.asked)) == (1, 1)
        assert "are kept at s3://b/r1" in refused.stderr


def test_artifacts_are_listed() -> None:
    with answering({LIST: listed}) as server:
        assert json.loads(server.done("artifacts", "list", "-r", "r1")) == [MODEL, NOTES]
        lines = server.done("artifacts", "list", "-r", "r1", "-a", "model", "--json").splitlines()
        assert [json.loads(line) for line in lines] == [WEIGHTS]
        assert server.bodies[-1] == (LIST, {"run_id": "r1", "path": "model"})


@pytest.mark.parametrize(
    ("path", "files"), [("", {"notes": b"hi", "model/ä.bin": b"bytes"}), ("notes", {"notes": b"hi"})]
)
def test_artifacts_are_downloaded(tmp_path: Path, path: str, files: dict[str, bytes]) -> None:
    def content(asked: Asked) -> Said:
        return Said({"notes": b"hi", "model/ä.bin": b"bytes"}[asked.query["path"][0]])

    with answering({LIST: listed, "GET get-artifact": content}) as server:
        printed = server.done("artifacts", "download", "-r", "r1", "-a", path, "-d", str(tmp_path))
        assert printed == f"\n{tmp_path / path}\n"
        assert {
            str(one.relative_to(tmp_path)): one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()
        } == files
