"""Who asks: what a client's certificate or a trusted proxy says, settled on the headers before any body is read."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from multidict import MultiMapping

from schemas.envelope import RESERVED_USERS, Actor

ANONYMOUS: Final = Actor().user

MAX_USER_CHARACTERS: Final = 256
"""Of a user's name: it stands in every event."""

_NAMES_IN_A_CERTIFICATE: Final = ("email", "URI", "DNS")
"""Kinds of other names, in the order in which one is taken for a user."""


def user_of_certificate(certificate: Mapping[str, Any]) -> str | None:
    """The user that a client's certificate names, as Python's ssl module shows it: the common name of its subject, else
    the first of its other names. None without a name that a user may have."""
    subject = dict(pair for parts in certificate.get("subject", ()) for pair in parts)
    others = certificate.get("subjectAltName", ())
    found = [name for wanted in _NAMES_IN_A_CERTIFICATE for kind, name in others if kind == wanted]
    return _checked(subject.get("commonName") or (found[0] if found else ""))


def user_in_header(header: str) -> Callable[[MultiMapping[str]], str | None]:
    """A function from the headers of a proxy's request to the user that it names; None where it names none.

    A header that is there twice names nobody: one of them may be the client's own.
    """

    def user(headers: MultiMapping[str]) -> str | None:
        named = headers.getall(header, ())
        return _checked(named[0].strip()) if len(named) == 1 else None

    return user


def _checked(name: str) -> str | None:
    if not name or len(name) > MAX_USER_CHARACTERS or not name.isprintable() or name in RESERVED_USERS:
        return None
    return name
