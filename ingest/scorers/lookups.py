"""What commands ask the read model about scorers."""

from operator import itemgetter
from typing import Final, NamedTuple

from ingest.admission.lookups import Lookup, Row


class KnownVersion(NamedTuple):
    """What the fold gave a version."""

    scorer_id: str
    version: int


def _version(row: Row) -> KnownVersion:
    return KnownVersion(row[0], row[1])


SCORER_ID: Final[Lookup[str]] = Lookup("SELECT scorer_id FROM scorers WHERE reference = $1", itemgetter(0))

SCORER_VERSION: Final = Lookup("SELECT scorer_id, version FROM scorer_versions WHERE version_id = $1", _version)
