"""Which keys metrics, params and tags may have. Source: MLflow's request checks as observed on a 3.17 server."""

import posixpath
import re
from collections.abc import Iterable
from functools import lru_cache

from schemas.errors import InvalidParameterValue
from schemas.messages.bounds import MAX_KEY_CHARACTERS, shown

_KEY_CHARACTERS = re.compile(r"[/\w.\- :]*\Z")
"""`\\Z` and not `$`: up to 3.17 MLflow let one trailing newline through, so logs hold keys that have one."""


class _KeyRefused(Exception):
    """Says what is wrong with a key."""


def key_fault(key: str) -> str | None:
    """What is wrong with the key of a metric, param or tag; None when nothing is."""
    if not key:
        return "must not be empty"
    if len(key) > MAX_KEY_CHARACTERS:
        return f"exceeds the maximum length of {MAX_KEY_CHARACTERS}"
    if not _KEY_CHARACTERS.match(key):
        return "may hold only letters, digits, underscores, dashes, periods, spaces, colons and slashes"
    plain = posixpath.normpath(key)
    if plain != key or key == "." or key.startswith(("..", "/")):
        return f"must be a plain relative path, and this one resolves to '{plain}'"
    return None


def check_key(key: str, field: str) -> None:
    """Refuse a key that MLflow refuses; `field` says where it stood. Raises InvalidParameterValue."""
    try:
        _accept_key(key)
    except _KeyRefused as refused:
        raise InvalidParameterValue(f"Invalid value {shown(key)} for parameter '{field}': a key {refused}.") from None


@lru_cache(maxsize=16384)
def _accept_key(key: str) -> None:
    """Raises _KeyRefused, so that only keys that are taken are remembered: they are short, refused ones need not be."""
    fault = key_fault(key)
    if fault is not None:
        raise _KeyRefused(fault)


def repeated(keys: Iterable[str]) -> list[str]:
    """The keys that occur again after their first time, in order."""
    seen: set[str] = set()
    again: list[str] = []
    for key in keys:
        if key in seen:
            again.append(key)
        seen.add(key)
    return again
