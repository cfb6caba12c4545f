"""What commands ask the read model about the data of a run."""

from operator import itemgetter
from typing import Final

from ingest.admission.lookups import Lookup

_RUN_NUMBER: Final = "(SELECT run_number FROM runs WHERE run_id = $1)"


_PAIR: Final = itemgetter(0, 1)

PARAM: Final[Lookup[tuple[str, str]]] = Lookup(
    f"SELECT key, value FROM params WHERE run_number = {_RUN_NUMBER} AND key = $2", _PAIR
)
"""Key and value of one, in half the time that a list of one takes."""

PARAMS: Final[Lookup[tuple[str, str]]] = Lookup(
    f"SELECT key, value FROM params WHERE run_number = {_RUN_NUMBER} AND key = ANY($2)", _PAIR
)
"""Key and value of those of a list of keys that the run has."""

RUN_TAG: Final[Lookup[str]] = Lookup(
    f"SELECT key FROM tags WHERE run_number = {_RUN_NUMBER} AND key = $2", itemgetter(0)
)

MODEL_OUTPUTS: Final[Lookup[str]] = Lookup(
    f"SELECT model_id FROM model_outputs WHERE run_number = {_RUN_NUMBER} AND model_id = ANY($2)", itemgetter(0)
)
"""Those of a list of models that the run has as outputs already."""
