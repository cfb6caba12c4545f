"""What the search of evaluation datasets understands.

Source: MLflow's search validation, as its server accepts and refuses filters and orders.
"""

from typing import Final

from query_api.filter import values
from query_api.filter.vocabulary import (
    MATCHED,
    NOT_FILTERED,
    ORDERED,
    AnyKey,
    Comparator,
    Entity,
    Vocabulary,
    attributes,
    prefixed,
)

EVALUATION_DATASETS: Final = Vocabulary(
    filterable={
        None: {
            **attributes(values.text, MATCHED | {Comparator.IN}, "name"),
            **attributes(values.text, MATCHED, "created_by", "last_updated_by"),
            **attributes(values.integer, ORDERED, "created_time", "last_update_time"),
        },
        **prefixed(AnyKey(Entity.TAG, values.text, MATCHED), "tags"),
    },
    orderable={None: attributes(values.text, NOT_FILTERED, "name", "created_time", "last_update_time")},
    is_comparator_case_sensitive=True,
)
