"""What requests about label schemas mean, and which are refused.

Source of the rules: MLflow 3.17, `genai/label_schemas/validation.py`.
"""

from typing import Any, Final

import orjson

from schemas.documents.label_schemas import DEFAULT_NAME
from schemas.errors import InvalidParameterValue
from schemas.messages.bounds import shown
from schemas.messages.label_schemas import CategoricalInput, LabelSchemaInput, NumericInput, PassFailInput, TextInput

TYPES: Final = {1: "FEEDBACK", 2: "EXPECTATION"}
"""Source: the enumeration of MLflow's service descriptor."""


def check_name(name: str) -> None:
    """Raises InvalidParameterValue."""
    if not name:
        raise InvalidParameterValue("`name` of a label schema must be text that is not empty.")
    if name.strip().lower() == DEFAULT_NAME.lower():
        raise InvalidParameterValue(
            f"No label schema may be called {shown(name)}: every experiment has a question of that name already."
        )


def type_of(given: str | int | None) -> str:
    """Raises InvalidParameterValue."""
    known = TYPES.get(given) if isinstance(given, int) else given
    if known is None or known not in TYPES.values():
        raise InvalidParameterValue(f"The type of a label schema is one of {', '.join(TYPES.values())}.")
    return known


def input_of(given: LabelSchemaInput | None) -> str:
    """What kind of answer is wanted, as the text of JSON. Raises InvalidParameterValue."""
    kinds = {} if given is None else {name: getattr(given, name) for name in given.__struct_fields__}
    chosen = {name: kind for name, kind in kinds.items() if kind is not None}
    if len(chosen) != 1:
        raise InvalidParameterValue(
            f"Label schema `input` must be exactly one of {', '.join(LabelSchemaInput.__struct_fields__)}."
        )
    [(name, kind)] = chosen.items()
    return orjson.dumps({name: _checked(kind)}).decode()


def _checked(kind: PassFailInput | CategoricalInput | NumericInput | TextInput) -> dict[str, Any]:
    match kind:
        case PassFailInput():
            labels = kind.positive_label, kind.negative_label
            if not all(labels) or labels[0] == labels[1]:
                raise InvalidParameterValue("The two labels of `pass_fail` must be distinct and not empty.")
            return {"positive_label": labels[0], "negative_label": labels[1]}
        case CategoricalInput():
            if not kind.options or not all(kind.options) or len(set(kind.options)) < len(kind.options):
                raise InvalidParameterValue("The options of `categorical` must be distinct and not empty.")
            return {"options": kind.options, "multi_select": kind.multi_select}
        case NumericInput():
            least, most = kind.min_value, kind.max_value
            if least is not None and most is not None and not least < most:
                raise InvalidParameterValue("`min_value` of `numeric` must be strictly less than `max_value`.")
            return {name: value for name, value in (("min_value", least), ("max_value", most)) if value is not None}
        case TextInput():
            if kind.max_length is not None and kind.max_length < 1:
                raise InvalidParameterValue("`max_length` of `text` must be at least 1.")
            return {} if kind.max_length is None else {"max_length": kind.max_length}


def check_same_kind(before: str, after: str) -> None:
    """What was answered already is of the kind that a label schema has. Raises InvalidParameterValue."""
    [(kind, old)], [(new_kind, new)] = orjson.loads(before).items(), orjson.loads(after).items()
    if kind != new_kind:
        raise InvalidParameterValue(
            f"The input of a label schema stays of the type it was made with: {kind}, not {new_kind}."
        )
    if old.get("multi_select") != new.get("multi_select"):
        raise InvalidParameterValue("`multi_select` stays as it was made.")
