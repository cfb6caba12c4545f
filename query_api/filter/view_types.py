"""Which lifecycle stages a search sees."""

from typing import Final

from schemas.errors import InvalidParameterValue
from schemas.mlflow import ACTIVE, DELETED

_STAGES: Final[dict[str, str | None]] = {"ACTIVE_ONLY": ACTIVE, "DELETED_ONLY": DELETED, "ALL": None}
_NUMBERS: Final = {"1": "ACTIVE_ONLY", "2": "DELETED_ONLY", "3": "ALL"}


def lifecycle_stage_of(view_type: str | int | None) -> str | None:
    """The stage to see, None for both; a view type is MLflow's ViewType by name or number, active only when missing.

    Raises InvalidParameterValue.
    """
    if view_type is None or view_type == "":
        return ACTIVE
    name = _NUMBERS.get(str(view_type), str(view_type))
    if name not in _STAGES:
        raise InvalidParameterValue(
            f"Invalid value {name[:100]!r} for the view type: it must be one of {', '.join(_STAGES)}."
        )
    return _STAGES[name]
