"""What is downloaded is made once, and is there whole or not at all."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.cache import cached
from tests.services.go import version_of
from tests.services.leash import REPOSITORY
from tests.services.missing import ServiceMissing


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_what_is_there_is_not_made_again() -> None:
    made: list[Path] = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "file").write_text("whole")

    assert (cached("thing", make) / "file").read_text() == "whole"
    assert cached("thing", make) == cached("thing", make)
    assert len(made) == 1


def test_what_failed_leaves_nothing_and_is_tried_again() -> None:
    def fail(folder: Path) -> None:
        (folder / "file").write_text("half")
        raise ServiceMissing("no network")

    with pytest.raises(ServiceMissing):
        cached("thing", fail)
    folder = cached("thing", lambda folder: None)
    assert list(folder.iterdir()) == []
    assert [path.name for path in folder.parent.iterdir() if path.suffix == ".part"] == []


def test_processes_that_ask_at_once_make_it_once(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from tests.services.cache import cached;"
        "cached('thing', lambda folder: (time.sleep(0.5), Path(sys.argv[1]).open('a').write('made ')))"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "made")]
    processes = [subprocess.Popen(command, cwd=REPOSITORY) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert (tmp_path / "made").read_text() == "made "


@pytest.mark.parametrize(
    ("said", "version"),
    [("go version go1.26.8 linux/amd64", (1, 26)), ("go version go1.19 linux/arm64", (1, 19)), ("what?", (0,))],
)
def test_a_go_that_is_too_old_is_told_by_its_version(tmp_path: Path, said: str, version: tuple[int, ...]) -> None:
    program = tmp_path / "go"
    program.write_text(f"#!/bin/sh\necho '{said}'\n")
    program.chmod(0o755)
    assert version_of(str(program)) == version
