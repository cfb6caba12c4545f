"""The rules for what may be written, whatever the state: keys, values, lengths and identifiers.

Each function returns the value as it is stored, or raises InvalidParameterValue naming the field it was given.
Source: MLflow's request checks as observed on a 3.17 server.
"""

import posixpath
import re
from collections.abc import Iterable
from functools import lru_cache

from ingest.artifact_locations import location_fault
from ingest.proxy_address import ProxyAddress
from schemas.errors import InvalidParameterValue
from schemas.messages.bounds import MAX_KEY_CHARACTERS, shown

_KEY_CHARACTERS = re.compile(r"[/\w.\- :]*\Z")
"""`\\Z` and not `$`: up to 3.17 MLflow let one trailing newline through, so logs hold keys that have one."""

_NOT_IN_A_MODEL_NAME = re.compile(r"[/:.%\"']")

_PASSWORD = re.compile(r"(//[^/@:]*):[^/@]*@")
"""In a URI, with what comes before it."""


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
    """Refuse a key that MLflow refuses; `field` says where it stood."""
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


def check_timestamp(timestamp_ms: int | None, field: str) -> None:
    """Refuse a time that is missing or before the Unix epoch."""
    if timestamp_ms is None:
        raise InvalidParameterValue(f"Missing value for required parameter '{field}'.")
    if timestamp_ms < 0:
        raise InvalidParameterValue(
            f"Invalid value {timestamp_ms} for parameter '{field}': it must be a nonnegative 64-bit integer."
        )


def check_artifact_location(location: str, own_root: str, reached_at: ProxyAddress | None = None) -> None:
    """Refuse a location that could not be resolved, or that makes the server call a host of the client's choice.

    `own_root` is where artifacts go by default, and its host may be named. So may `reached_at`, the address at which
    the client reached this server.
    """
    fault = location_fault(location, own_root, reached_at)
    if fault is not None:
        said = shown(_PASSWORD.sub(r"\1:***@", location))
        raise InvalidParameterValue(f"'artifact_location' {said} {fault}.")


def check_logged_model_name(name: str) -> None:
    if _NOT_IN_A_MODEL_NAME.search(name):
        raise InvalidParameterValue(f"Model name {shown(name)} must not hold any of / : . % \" '.")


def repeated(keys: Iterable[str]) -> list[str]:
    """The keys that occur again after their first time, in order."""
    seen: set[str] = set()
    again: list[str] = []
    for key in keys:
        if key in seen:
            again.append(key)
        seen.add(key)
    return again
