"""What is published with a version is its part of the changelog."""

import pytest

from scripts.release_notes import notes_of

CHANGELOG = """# Changelog

## 1.10.0 (2026-12-24)

### Added

- Ten.

## 1.1.0 (2026-12-01)

- One.

## 1.0.0 (2026-11-30)

## Before 1.0.0

- What came before.
"""


def test_the_part_of_a_version_ends_at_the_next_heading() -> None:
    assert notes_of("1.10.0", CHANGELOG) == "### Added\n\n- Ten.\n"
    assert notes_of("1.1.0", CHANGELOG) == "- One.\n"


@pytest.mark.parametrize("version", ["1.1", "1.0.0", "2.0.0", "0.1.dev3+g1a2b3c4"])
def test_a_version_of_which_it_says_nothing_is_not_published(version: str) -> None:
    with pytest.raises(LookupError, match="make release VERSION="):
        notes_of(version, CHANGELOG)
