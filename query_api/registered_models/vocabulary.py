"""What the search of registered models understands.

Source: MLflow's search validation, as its server accepts and refuses filters and orders.
"""

from typing import Final

from query_api.filter import values
from query_api.filter.vocabulary import (
    LISTED,
    MATCHED,
    NOT_FILTERED,
    NULLABLE,
    AnyKey,
    Entity,
    Vocabulary,
    attributes,
    prefixed,
)

TAGS: Final = prefixed(AnyKey(Entity.TAG, values.text, MATCHED | NULLABLE), "tag", "tags")
"""Of registered models, and of their versions."""

REGISTERED_MODELS: Final = Vocabulary(
    filterable={**prefixed(attributes(values.text, MATCHED | LISTED, "name"), None, "attribute"), **TAGS},
    orderable={
        None: attributes(
            values.text, NOT_FILTERED, "name", "last_updated_timestamp", timestamp="last_updated_timestamp"
        )
    },
)
