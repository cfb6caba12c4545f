"""What forgetting makes of the rows of a log in SQL, whichever database that is in."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from event_log.checksum import checksum_of_copy
from event_log.forgetting import ERASURE_TYPES
from event_log.stored_event import stored_event
from schemas.damaged_event import DAMAGED_TYPE
from schemas.forgotten import forgotten, is_forgotten


class ForgottenRow(NamedTuple):
    """What the row at an offset holds from now on; no checksum where it had none."""

    offset: int
    payload: bytes
    checksum: int | None


def forgotten_rows(rows: Iterable[Sequence[Any]], *, refused: bool) -> list[ForgottenRow]:
    """Those of `rows`, each as `stored_event` takes it, that have something to forget. Erasures have nothing."""
    changed: list[ForgottenRow] = []
    for row in rows:
        event, had = stored_event(*row), row[-1]
        if is_forgotten(event.payload) or event.type in ERASURE_TYPES:
            continue
        if event.type == DAMAGED_TYPE:  # nothing is left of it, and it stays damaged
            changed.append(ForgottenRow(event.offset, b"", had))
            continue
        payload = forgotten(event.payload, refused=refused)
        changed.append(ForgottenRow(event.offset, payload, None if had is None else checksum_of_copy(event, payload)))
    return changed
