"""The tree of errors in the module's docstring is the tree there is."""

import re
from collections.abc import Iterator

from schemas import errors
from schemas.errors import TracklogError


def drawn() -> Iterator[tuple[str, int]]:
    """Name and first status of each error in the drawing."""
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"[│ ]*[├└]── (\w+) +(\d{3})", line):
            yield found[1], int(found[2])


def declared(base: type[TracklogError] = TracklogError) -> Iterator[tuple[str, int]]:
    """Name and status of each error that `schemas.errors` declares; services declare more, below these."""
    for error in base.__subclasses__():
        if error.__module__ == errors.__name__:
            if error is not errors.Retryable:
                yield error.__name__, error.status
            yield from declared(error)


def test_every_error_is_drawn_with_its_status() -> None:
    assert sorted(drawn()) == sorted(declared())
