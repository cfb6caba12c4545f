"""Rules of times on the command line."""

import pytest

from schemas.moments import moment_us

NOW_US = 1_800_000_000_000_000  # 2027-01-15T08:00:00Z


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("0", 0),
        ("1700000000000", 1_700_000_000_000_000),
        ("2027-01-15", 1_799_971_200_000_000),
        ("2027-01-15T08:00", NOW_US),
        ("2027-01-15 08:00:00", NOW_US),
        ("2027-01-15T08:00:00Z", NOW_US),
        ("2027-01-15T09:00+01:00", NOW_US),
        ("2027-01-15T08:00:00.000001Z", NOW_US + 1),
        ("1969-12-31T23:59:59Z", -1_000_000),
        ("0s", NOW_US),
        ("90s", NOW_US - 90_000_000),
        ("15m", NOW_US - 900_000_000),
        ("2h", NOW_US - 7_200_000_000),
        ("7d", NOW_US - 604_800_000_000),
        ("1w", NOW_US - 604_800_000_000),
    ],
)
def test_a_time_is_a_date_in_utc_or_so_long_ago_or_milliseconds(text: str, us: int) -> None:
    assert moment_us(text, NOW_US) == us


@pytest.mark.parametrize("text", ["", "yesterday", "2h30m", "-2h", "2 h", "1y", "2026-02-30", "25:00", "9" * 20, "²"])
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises((ValueError, OverflowError)):
        moment_us(text, NOW_US)
