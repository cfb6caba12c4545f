"""Rules of how moments and positions are written."""

import pytest

from schemas.moments import moment_of, positions_of, positions_text

NOW_US = 1_800_000_000_000_000


def test_positions_are_read_as_they_are_written() -> None:
    assert positions_of(positions_text({2: 7, 0: 12, 1: 0})) == {0: 12, 2: 7}


def test_a_log_of_which_there_is_nothing_has_positions_too() -> None:
    assert positions_text({0: 0, 1: 0}) == "0:0"


def test_a_time_and_positions_are_told_apart() -> None:
    assert moment_of("2h", NOW_US) == NOW_US - 7_200_000_000
    assert moment_of("2026-11-28T09:30Z", NOW_US) == 1_795_858_200_000_000
    assert moment_of("0:12", NOW_US) == {0: 12}


@pytest.mark.parametrize("text", ["0:1,0:2", "0:", ":1", "0:1,", "0:-1", "0:99999999999999999999", "friday", ""])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises((ValueError, OverflowError)):
        moment_of(text, NOW_US)
