"""Texts as events can hold them, and what was wrong with those that they cannot."""

from typing import Final

NUL: Final = "\0"
REPLACEMENT: Final = "�"
"""Stands where a byte was no UTF-8, or a NUL, which PostgreSQL cannot keep: a log outlives its read model."""

_SHOWN_BYTES: Final = 200


def lenient(raw: bytes) -> str:
    """Bytes as text; what is no UTF-8 is kept in the text, as lone surrogates, until `mended` reports it."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("utf-8", "surrogateescape")


def is_whole(text: str) -> bool:
    """Whether an event can hold the text as it is."""
    if text.isascii():
        return NUL not in text
    return NUL not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def mended(text: str) -> str:
    """The text with each character that no event can hold replaced."""
    if is_whole(text):
        return text
    return "".join(REPLACEMENT if one == NUL or "\ud800" <= one <= "\udfff" else one for one in text)


def raw_shown(text: str) -> str:
    """What a text was that had to be mended, as hexadecimal of its bytes, for the report."""
    raw = text.encode("utf-8", "surrogateescape" if _escaped_only(text) else "surrogatepass")
    return raw[:_SHOWN_BYTES].hex() + ("…" if len(raw) > _SHOWN_BYTES else "")


def _escaped_only(text: str) -> bool:
    return not any("\ud800" <= one <= "\udfff" and not "\udc80" <= one <= "\udcff" for one in text)
