"""What the beginning of a LIKE pattern says about the texts it can match."""

from typing import Final

_LAST_CHARACTER: Final = 0x10FFFF
_SURROGATES: Final = range(0xD800, 0xE000)


def prefix_range(pattern: str, characters: int | None = None) -> tuple[str, str] | None:
    """The texts that a pattern of LIKE can match are from the first (included) to the second (excluded).

    With `characters`, so are their beginnings of so many characters. None when the pattern begins with a wildcard, or
    the range has no end.
    """
    ends = [place for place in (pattern.find("%"), pattern.find("_")) if place >= 0]
    prefix = (pattern[: min(ends)] if ends else pattern)[:characters]
    if not prefix or ord(prefix[-1]) == _LAST_CHARACTER:
        return None
    following = ord(prefix[-1]) + 1
    if following in _SURROGATES:  # no character of text
        following = _SURROGATES.stop
    return prefix, prefix[:-1] + chr(following)
