"""The three forms of dates in HTTP headers."""

from datetime import UTC, datetime

import pytest

from schemas.rest.http_dates import http_date


@pytest.mark.parametrize(
    "text", ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
)
def test_a_date_in_each_form_is_the_same_moment(text: str) -> None:
    assert http_date(text) == datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [None, "", "yesterday", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 31 Feb 1994 08:49:37 GMT", "\u0661", "S" * 100_000],
)
def test_a_missing_date_and_a_wrong_one_are_none(text: str | None) -> None:
    assert http_date(text) is None
