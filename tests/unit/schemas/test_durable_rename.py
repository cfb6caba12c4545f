"""A file takes the place of another in one step."""

from pathlib import Path

import pytest

from schemas.durable_rename import rename_durably


@pytest.mark.parametrize("is_there", [True, False])
def test_a_file_takes_the_name_whether_it_was_taken_or_not(tmp_path: Path, is_there: bool) -> None:
    new, target = tmp_path / "new", tmp_path / "target"
    new.write_text("new")
    if is_there:
        target.write_text("old")
    rename_durably(new, target)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("target", "new")]


def test_a_link_is_put_and_not_what_it_names(tmp_path: Path) -> None:
    link, fresh = tmp_path / "link", tmp_path / "fresh"
    link.symlink_to("first")
    fresh.symlink_to("second")
    rename_durably(fresh, link)
    assert link.readlink() == Path("second")
