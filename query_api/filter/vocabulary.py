"""What a search understands, as data: its entities, their keys, and for each key the comparators and kind of value.

Each aggregate that can be searched has a module `vocabulary` made of these. Names of entities and keys are exact, case
included.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from query_api.filter.values import ValueKind


class Comparator(Enum):
    """How a stored value and the filter's are compared."""

    EQUAL = "="
    NOT_EQUAL = "!="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    LIKE = "LIKE"
    ILIKE = "ILIKE"
    RLIKE = "RLIKE"
    IN = "IN"
    NOT_IN = "NOT IN"
    IS_NULL = "IS NULL"
    IS_NOT_NULL = "IS NOT NULL"


class Entity(Enum):
    """Where a stored value is found."""

    ATTRIBUTE = "attribute"
    METRIC = "metric"
    PARAM = "param"
    TAG = "tag"
    DATASET = "dataset"
    METADATA = "metadata"
    SPAN = "span"
    SPAN_ATTRIBUTE = "span attribute"
    FEEDBACK = "feedback"
    EXPECTATION = "expectation"
    ISSUE = "issue"


@dataclass(frozen=True, slots=True)
class Key:
    """One thing to compare: `name` is the attribute, or the key to which an alias leads."""

    entity: Entity
    name: str
    kind: ValueKind
    comparators: frozenset[Comparator]


@dataclass(frozen=True, slots=True)
class AnyKey:
    """An entity whose keys users choose."""

    entity: Entity
    kind: ValueKind
    comparators: frozenset[Comparator]

    def named(self, name: str) -> Key:
        return Key(self.entity, name, self.kind, self.comparators)


Keys = AnyKey | Mapping[str, Key]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """One search. `filterable` and `orderable` go from prefix to keys; the prefix of a bare key is None."""

    filterable: Mapping[str | None, Keys]
    orderable: Mapping[str | None, Keys]
    is_comparator_case_sensitive: bool = False
    is_lenient: bool = False
    """Takes unquoted text for text, unquoted keys with a dash, and keeps double quotes as part of a value."""


EQUALITY: Final = frozenset({Comparator.EQUAL, Comparator.NOT_EQUAL})
ORDERED: Final = EQUALITY | {
    Comparator.GREATER,
    Comparator.GREATER_OR_EQUAL,
    Comparator.LESS,
    Comparator.LESS_OR_EQUAL,
}
MATCHED: Final = EQUALITY | {Comparator.LIKE, Comparator.ILIKE}
BY_EXPRESSION: Final = frozenset({Comparator.RLIKE})
"""By a regular expression that is found somewhere in the text."""
LISTED: Final = frozenset({Comparator.IN, Comparator.NOT_IN})
NULLABLE: Final = frozenset({Comparator.IS_NULL, Comparator.IS_NOT_NULL})
NOT_FILTERED: Final = frozenset[Comparator]()
"""Of a key that only orders name."""


def attributes(kind: ValueKind, comparators: frozenset[Comparator], *names: str, **aliases: str) -> dict[str, Key]:
    """The attributes of these names, and under each alias the attribute to which it leads."""
    return {
        alias: Key(Entity.ATTRIBUTE, name, kind, comparators)
        for alias, name in (dict(zip(names, names, strict=True)) | aliases).items()
    }


def prefixed(keys: Keys, *prefixes: str | None) -> dict[str | None, Keys]:
    """The same keys behind each of the prefixes."""
    return dict.fromkeys(prefixes, keys)
