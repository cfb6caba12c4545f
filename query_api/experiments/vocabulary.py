"""What the search of experiments understands.

Source: MLflow's search validation, as its server accepts and refuses filters and orders.
"""

from typing import Final

from query_api.filter import values
from query_api.filter.syntax import Identifier, Value
from query_api.filter.vocabulary import (
    EQUALITY,
    LISTED,
    MATCHED,
    NOT_FILTERED,
    NULLABLE,
    ORDERED,
    AnyKey,
    Entity,
    Vocabulary,
    attributes,
    prefixed,
)
from schemas.messages.experiments import experiment_id_of


def _experiment_id(value: Value, identifier: Identifier, is_lenient: bool) -> int:
    """A quoted experiment id."""
    return experiment_id_of(values.text(value, identifier, is_lenient))


_ATTRIBUTE_PREFIXES = (None, "attribute", "attributes")

EXPERIMENTS: Final = Vocabulary(
    filterable={
        **prefixed(
            {
                **attributes(values.text, MATCHED, "name"),
                **attributes(_experiment_id, EQUALITY | LISTED, "experiment_id"),
                **attributes(values.integer, ORDERED, "creation_time", "last_update_time"),
            },
            *_ATTRIBUTE_PREFIXES,
        ),
        **prefixed(AnyKey(Entity.TAG, values.text, MATCHED | NULLABLE), "tag", "tags"),
    },
    orderable=prefixed(
        attributes(values.text, NOT_FILTERED, "name", "experiment_id", "creation_time", "last_update_time"),
        *_ATTRIBUTE_PREFIXES,
    ),
    is_comparator_case_sensitive=True,
)
