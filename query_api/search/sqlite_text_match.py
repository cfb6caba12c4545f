"""LIKE and ILIKE as every search means them, in SQLite: Unicode, case as asked, backslash an ordinary character.

SQLite's own LIKE ignores the case of ASCII letters and of no others. GLOB minds the case, so it serves LIKE, with the
wildcards rewritten; SQLite's LIKE serves ILIKE as long as the pattern is ASCII, a function in Python beyond that.
"""

import sqlite3
from typing import Final, NamedTuple

LOWER_FUNCTION: Final = "tracklog_lower"
"""The name under which every reading connection must know `str.lower`."""

_GLOB: Final = str.maketrans({"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"})
_LAST_CHARACTER: Final = 0x10FFFF
_SURROGATES: Final = range(0xD800, 0xE000)


class TextMatch(NamedTuple):
    """`value operator pattern`, the value in lower case if `lowered`."""

    operator: str
    pattern: str
    lowered: bool = False


def register_functions(connection: sqlite3.Connection) -> None:
    """Give a connection the functions that the statements of searches use."""
    connection.create_function(LOWER_FUNCTION, 1, str.lower, deterministic=True)


def like(pattern: str) -> TextMatch:
    """A pattern with % and _, case counting."""
    return TextMatch("GLOB", pattern.translate(_GLOB))


def ilike(pattern: str) -> TextMatch:
    """As `like`, case not counting."""
    if pattern.isascii():
        return TextMatch("LIKE", pattern)
    return TextMatch("GLOB", pattern.lower().translate(_GLOB), lowered=True)


def prefix_range(pattern: str) -> tuple[str, str] | None:
    """The texts that a pattern of `like` can match are from the first (included) to the second (excluded).

    None when the pattern begins with a wildcard, or the range has no end.
    """
    ends = [place for place in (pattern.find("%"), pattern.find("_")) if place >= 0]
    prefix = pattern[: min(ends)] if ends else pattern
    if not prefix or ord(prefix[-1]) == _LAST_CHARACTER:
        return None
    following = ord(prefix[-1]) + 1
    if following in _SURROGATES:  # no character of text
        following = _SURROGATES.stop
    return prefix, prefix[:-1] + chr(following)
