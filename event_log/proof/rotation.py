"""From one key to the next: a note, signed by the old key, that names the new one."""

import re
from collections.abc import Iterable
from typing import Final

from event_log.proof.note import BadKey, BadNote, PrivateKey, PublicKey, verified

_HEADING: Final = "tracklog key"
_BEFORE_NOTE: Final = re.compile(rf"^(?={_HEADING}$)", re.MULTILINE)


def rotation(old: PrivateKey, new: PublicKey) -> str:
    """The note by which `old` says that `new` signs from now on."""
    return old.sign(f"{_HEADING}\n{new}\n")


def trusted_from(first: PublicKey, rotations: Iterable[str]) -> frozenset[PublicKey]:
    """`first`, and all keys that notes of `rotations` lead to from there; others of them are passed over."""
    notes = list(rotations)
    trusted = frozenset({first})
    while True:
        found = trusted | {new for note in notes if (new := _named_by(note, trusted)) is not None}
        if found == trusted:
            return trusted
        trusted = found


def published(first: PublicKey, rotations: Iterable[str]) -> str:
    """What people are given, to trust `first` and the keys it leads to: a line, and the notes."""
    return "\n".join([str(first), *rotations])


def parse_published(text: str) -> tuple[PublicKey, list[str]]:
    """The first key, and the notes. Raises BadKey."""
    first, *notes = _BEFORE_NOTE.split(text)
    return PublicKey.parse(first), [note.rstrip("\n") + "\n" for note in notes]


def _named_by(note: str, trusted: frozenset[PublicKey]) -> PublicKey | None:
    try:
        heading, key, *rest = verified(note, trusted).split("\n")
        return PublicKey.parse(key) if heading == _HEADING and rest == [""] else None
    except (BadKey, BadNote, ValueError):
        return None
