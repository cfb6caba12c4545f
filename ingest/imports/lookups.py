"""What the command that brings events in asks the read model."""

from operator import itemgetter
from typing import Final, NamedTuple

from ingest.admission.lookups import Lookup


class FoldedImport(NamedTuple):
    """An imported event that is there; `error_code` and `message` are what the fold refused it with."""

    event_id: str
    error_code: str | None
    message: str | None


IMPORTED_EVENTS: Final[Lookup[FoldedImport]] = Lookup(
    "SELECT event_id, error_code, message FROM imported_events WHERE event_id = ANY($1)",
    lambda row: FoldedImport(*row),
)
"""Those of a list of ids, in hexadecimal, that are there."""

NUMBERS: Final[Lookup[tuple[str, int]]] = Lookup(
    "SELECT version_id, version FROM model_versions WHERE version_id = ANY($1)", itemgetter(0, 1)
)
"""The numbers of versions of registered models, by version ids."""
