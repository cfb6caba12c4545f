"""`tracklog fetch-page` says what it does, and what it could not do in one sentence."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tracklog.cli import fetch_page
from tracklog.page.fetch import PAGE_VERSION, PageFetchError


def run(monkeypatch: pytest.MonkeyPatch, *, is_complete: bool, error: Exception | None = None) -> Result:
    def fetch(_folder: Path) -> None:
        if error is not None:
            raise error

    monkeypatch.setattr(fetch_page, "default_page_folder", lambda: Path("/page"))
    monkeypatch.setattr(fetch_page, "is_complete", lambda _folder: is_complete)
    monkeypatch.setattr(fetch_page, "fetch_page", fetch)
    return CliRunner().invoke(fetch_page.command)


def test_what_is_fetched_and_where_it_is_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, is_complete=False)
    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        f"Fetching the page of MLflow {PAGE_VERSION} (pip downloads its wheel, some 10 MB) ...",
        f"The page of MLflow {PAGE_VERSION} is in /page",
    ]


def test_what_is_there_is_not_fetched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, is_complete=True)
    assert result.stderr.splitlines() == [f"The page of MLflow {PAGE_VERSION} is in /page"]


@pytest.mark.parametrize("error", [PageFetchError("pip found no wheel"), OSError("no room on the disk")])
def test_what_could_not_be_fetched_is_one_sentence(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    result = run(monkeypatch, is_complete=False, error=error)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == f"Error: {error}"
