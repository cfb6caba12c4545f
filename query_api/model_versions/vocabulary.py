"""What the search of model versions understands.

Source: MLflow's search validation, as its server accepts and refuses filters and orders.
"""

from typing import Final

from query_api.filter import values
from query_api.filter.syntax import Identifier, Number, Text, Value
from query_api.filter.vocabulary import LISTED, MATCHED, NOT_FILTERED, ORDERED, Vocabulary, attributes, prefixed
from query_api.registered_models.vocabulary import TAGS


def _version_number(value: Value, identifier: Identifier, is_lenient: bool) -> int:
    """An integer, in quotes or not."""
    if isinstance(value, Text) and value.quote != "`":
        value = Number(value.value)
    return values.integer(value, identifier, is_lenient)


MODEL_VERSIONS: Final = Vocabulary(
    filterable={
        **prefixed(
            {
                **attributes(values.text, MATCHED | LISTED, "name", "run_id"),
                **attributes(values.text, MATCHED, "source_path"),
                **attributes(_version_number, ORDERED, "version_number"),
            },
            None,
            "attribute",
        ),
        **TAGS,
    },
    orderable={
        None: attributes(
            values.text, NOT_FILTERED, "name", "version_number", "creation_timestamp", "last_updated_timestamp"
        )
    },
)
