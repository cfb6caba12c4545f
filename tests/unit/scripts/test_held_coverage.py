"""The held branch coverage only rises."""

import pytest

from scripts.held_coverage import MARGIN, verdict


@pytest.mark.parametrize(("measured", "is_well"), [(89.9, False), (90.0, True), (90.0 + MARGIN, True)])
def test_less_than_what_is_held_fails(measured: float, is_well: bool) -> None:
    assert verdict(measured, 90, all_ran=True)[0] == is_well


def test_clearly_more_than_what_is_held_fails_until_the_number_is_raised() -> None:
    is_well, said = verdict(94.4, 90, all_ran=True)
    assert (is_well, said) == (
        False,
        "Branch coverage is 94.4 %, held at 90 %: raise `fail_under` in pyproject.toml to 92.",
    )
    assert verdict(94.4, 92, all_ran=True)[0]


def test_where_tests_may_have_been_skipped_it_is_only_told() -> None:
    assert verdict(80.0, 90, all_ran=False)[0]
