"""What the search of traces understands.

Source: MLflow 3.17's search of traces, as its server accepts and refuses filters and orders. A key means itself: MLflow
takes `tags.name` for the name of the trace, and never finds an attribute of a span by `=`.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from query_api.filter import values
from query_api.filter.syntax import Identifier, Number, Value
from query_api.filter.values import wrong_value
from query_api.filter.vocabulary import (
    BY_EXPRESSION,
    EQUALITY,
    LISTED,
    MATCHED,
    NOT_FILTERED,
    NULLABLE,
    ORDERED,
    AnyKey,
    Comparator,
    Entity,
    Key,
    Keys,
    Vocabulary,
    attributes,
    prefixed,
)

REQUEST_ID: Final = "request_id"
STATUS: Final = "status"
RUN_ID: Final = "run_id"
PROMPT: Final = "prompt"
NAME: Final = "name"
TEXT: Final = "text"
CONTENT: Final = "content"

_TEXT_MATCHED: Final = MATCHED | BY_EXPRESSION
_CONTAINED: Final = frozenset({Comparator.LIKE, Comparator.ILIKE})


def text_or_number(value: Value, identifier: Identifier, is_lenient: bool) -> str | float:
    """Quoted text, or a number."""
    return (
        values.real(value, identifier, is_lenient)
        if isinstance(value, Number)
        else values.text(value, identifier, is_lenient)
    )


def _prompt(value: Value, identifier: Identifier, is_lenient: bool) -> str:
    """`name/version`."""
    text = values.text(value, identifier, is_lenient)
    name, slash, version = text.rpartition("/")
    if not (name and slash and version.isascii() and version.isdigit() and len(version) < 19):
        raise wrong_value(value, identifier, "a text of the form 'name/version'")
    return text


class _SpanKeys(Mapping[str, Key]):
    """The keys of spans: a few of their own, and `attributes.` with any after it."""

    _own: Final = {
        NAME: Key(Entity.SPAN, NAME, values.text, _TEXT_MATCHED | LISTED),
        "type": Key(Entity.SPAN, "type", values.text, _TEXT_MATCHED | LISTED),
        STATUS: Key(Entity.SPAN, STATUS, values.text, _TEXT_MATCHED | LISTED),
        CONTENT: Key(Entity.SPAN, CONTENT, values.text, _CONTAINED),
    }
    _prefix: Final = "attributes."

    def __getitem__(self, key: str) -> Key:
        if key.startswith(self._prefix):
            name = key[len(self._prefix) :]
            if len(name) > 1 and name[0] == name[-1] and name[0] in '`"':
                name = name[1:-1]
            if name:
                return Key(Entity.SPAN_ATTRIBUTE, name, values.text, _TEXT_MATCHED)
        return self._own[key]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and (key in self._own or (key.startswith(self._prefix) and key != self._prefix))

    def __iter__(self) -> Iterator[str]:
        return iter([*self._own, f"{self._prefix}<key>"])

    def __len__(self) -> int:
        return len(self._own) + 1


_TIMES: Final = {
    "timestamp": "timestamp_ms",
    "timestamp_ms": "timestamp_ms",
    "execution_time": "execution_time_ms",
    "execution_time_ms": "execution_time_ms",
}
_ENDS: Final = {"end_time": "end_time_ms", "end_time_ms": "end_time_ms"}
_ATTRIBUTES: Final = {
    **attributes(values.text, _TEXT_MATCHED | LISTED, REQUEST_ID, STATUS, "client_request_id"),
    **attributes(values.integer, ORDERED, **_TIMES, **_ENDS),
    **attributes(values.text, _TEXT_MATCHED | NULLABLE, NAME, RUN_ID),
    **attributes(_prompt, frozenset({Comparator.EQUAL}), PROMPT),
}
_SORTED: Final = attributes(values.text, NOT_FILTERED, STATUS, NAME, REQUEST_ID, "experiment_id", RUN_ID, **_TIMES)
_TAG: Final = AnyKey(Entity.TAG, values.text, _TEXT_MATCHED | NULLABLE)
_METADATA: Final = AnyKey(Entity.METADATA, values.text, _TEXT_MATCHED | NULLABLE)
_SAID: Final = _TEXT_MATCHED | ORDERED | NULLABLE

_FILTERABLE: Final[dict[str | None, Keys]] = {
    **prefixed(_ATTRIBUTES, None, "attribute", "attributes"),
    "trace": {**_ATTRIBUTES, TEXT: Key(Entity.SPAN, TEXT, values.text, _CONTAINED)},
    **prefixed(_TAG, "tag", "tags"),
    **prefixed(_METADATA, "metadata", "request_metadata"),
    "span": _SpanKeys(),
    "feedback": AnyKey(Entity.FEEDBACK, text_or_number, _SAID),
    "expectation": AnyKey(Entity.EXPECTATION, text_or_number, _SAID),
    "issue": {"id": Key(Entity.ISSUE, "id", values.text, EQUALITY - {Comparator.NOT_EQUAL})},
}

TRACES: Final = Vocabulary(
    filterable=_FILTERABLE,
    orderable={
        **prefixed(_SORTED, None, "attribute", "attributes", "trace"),
        **prefixed(_TAG, "tag", "tags"),
        **prefixed(_METADATA, "metadata", "request_metadata"),
    },
)
