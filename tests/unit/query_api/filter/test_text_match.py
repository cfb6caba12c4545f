"""LIKE and ILIKE: wildcards, case and nothing else special."""

import re

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api.filter.text_prefix import prefix_range
from query_api.postgresql import text_match as postgresql_text_match
from query_api.sqlite import text_match as sqlite_text_match
from tests.unit.query_api.postgresql_rows import SCHEMA
from tests.unit.query_api.sqlite_rows import SqliteRows

TEXT = st.text(alphabet="aAbÄä%_*?[]^-!\\'\n", max_size=8)


def matches(match: sqlite_text_match.TextMatch, value: str) -> bool:
    rows = SqliteRows()
    column = f"{sqlite_text_match.LOWER_FUNCTION}(?)" if match.lowered else "?"
    ((found,),) = rows.connection.execute(f"SELECT {column} {match.operator} ?", (value, match.pattern)).fetchall()
    rows.connection.close()
    return bool(found)


def expected(pattern: str, value: str, flags: re.RegexFlag) -> bool:
    regex = "".join({"%": ".*", "_": "."}.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch(regex, value, re.DOTALL | flags) is not None


@given(TEXT, TEXT)
def test_like_knows_two_wildcards_and_minds_the_case(pattern: str, value: str) -> None:
    assert matches(sqlite_text_match.like(pattern), value) == expected(pattern, value, re.NOFLAG)


@given(TEXT, TEXT)
def test_ilike_knows_two_wildcards_and_does_not_mind_the_case(pattern: str, value: str) -> None:
    assert matches(sqlite_text_match.ilike(pattern), value) == expected(pattern, value, re.IGNORECASE)


@pytest.mark.parametrize(("pattern", "value"), [("äÖ%", "ÄöX"), ("ПРИВЕТ", "привет"), ("%É", "café")])
def test_ilike_does_not_mind_the_case_beyond_ascii(pattern: str, value: str) -> None:
    assert matches(sqlite_text_match.ilike(pattern), value)


PIECES = ("", "a", "A", "Ä", "ä", "%", "_", "\\", "'", "\n", "*", "[a]", "ПрИ", "при", "🦔")
PATTERNS = [first + second for first in PIECES for second in PIECES]


@pytest.mark.parametrize("ignore_case", [False, True])
async def test_postgresql_matches_the_same(postgresql_tables: str, ignore_case: bool) -> None:
    flags = re.IGNORECASE if ignore_case else re.NOFLAG
    connection = await asyncpg.connect(postgresql_tables, server_settings={"search_path": SCHEMA})
    for pattern in PATTERNS:
        match = postgresql_text_match.ilike(pattern) if ignore_case else postgresql_text_match.like(pattern)
        found = await connection.fetch(
            f"SELECT value FROM unnest($2::text[]) value WHERE {match.of_text('value').text.replace('?', '$1')}",
            match.pattern,
            PATTERNS,
        )
        assert [row[0] for row in found] == [value for value in PATTERNS if expected(pattern, value, flags)], pattern
    await connection.close()


@given(TEXT, TEXT)
def test_whatever_a_pattern_matches_lies_in_its_prefix_range(pattern: str, value: str) -> None:
    bounds = prefix_range(pattern)
    if bounds is not None and expected(pattern, value, re.NOFLAG):
        assert bounds[0].encode() <= value.encode() < bounds[1].encode()


@given(st.text(alphabet="aÄ🦔%_", max_size=6), TEXT, st.integers(1, 4))
def test_a_cut_prefix_range_holds_the_beginnings(pattern: str, value: str, characters: int) -> None:
    bounds = prefix_range(pattern, characters)
    if bounds is not None and expected(pattern, value, re.NOFLAG):
        assert bounds[0].encode() <= value[:characters].encode() < bounds[1].encode()


@pytest.mark.parametrize(
    ("pattern", "bounds"),
    [
        ("ab%", ("ab", "ac")),
        ("a_b", ("a", "b")),
        ("ab", ("ab", "ac")),
        ("%a", None),
        ("_a", None),
        ("", None),
        ("\ud7ff%", ("\ud7ff", "\ue000")),
        ("\U0010ffff%", None),
    ],
)
def test_the_prefix_range_of(pattern: str, bounds: tuple[str, str] | None) -> None:
    assert prefix_range(pattern) == bounds
