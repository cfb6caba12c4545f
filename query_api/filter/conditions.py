"""The step from a syntax tree to checked conditions and order terms, by the vocabulary of one search."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from query_api.filter.syntax import Clause, Comparison, Identifier, Membership, Ordering, Text
from query_api.filter.values import wrong_value
from query_api.filter.vocabulary import AnyKey, Comparator, Entity, Key, Keys, Vocabulary
from schemas.errors import InvalidParameterValue

Operand = str | int | float | tuple[str | int | float, ...] | None

MAX_PATTERN_CHARACTERS: Final = 5_000
"""Of LIKE and ILIKE. Databases refuse patterns beyond some length, SQLite 50,000 bytes after escaping."""

_WORDS_THAT_NEED_QUOTES: Final = frozenset({"from", "in"})
_PATTERNS: Final = frozenset({Comparator.LIKE, Comparator.ILIKE, Comparator.RLIKE})


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison that the search can make.

    `operand` is text, a number, a tuple of either for IN and NOT IN, None for IS NULL and IS NOT NULL.
    """

    entity: Entity
    name: str
    comparator: Comparator
    operand: Operand


@dataclass(frozen=True, slots=True)
class OrderTerm:
    """A value that the search can order by."""

    entity: Entity
    name: str
    descending: bool


def check_filter(clauses: Sequence[Clause], vocabulary: Vocabulary) -> tuple[Condition, ...]:
    """The conditions that the clauses are.

    Raises InvalidParameterValue for an entity, key, comparator or value that the search does not know.
    """
    return tuple(_condition(clause, vocabulary) for clause in clauses)


def check_order(orderings: Sequence[Ordering], vocabulary: Vocabulary) -> tuple[OrderTerm, ...]:
    """The terms that the orderings are, in their order, repetitions included.

    Raises InvalidParameterValue.
    """
    return tuple(_order_term(ordering, vocabulary) for ordering in orderings)


def _order_term(ordering: Ordering, vocabulary: Vocabulary) -> OrderTerm:
    key = _key(ordering.identifier, vocabulary.orderable, vocabulary)
    return OrderTerm(key.entity, key.name, ordering.descending)


def _condition(clause: Clause, vocabulary: Vocabulary) -> Condition:
    key = _key(clause.identifier, vocabulary.filterable, vocabulary)
    comparator = _comparator(clause, key, vocabulary)
    operand: Operand = None
    if isinstance(clause, Comparison):
        operand = key.kind(clause.value, clause.identifier, vocabulary.is_lenient)
        if comparator in _PATTERNS and isinstance(operand, str) and len(operand) > MAX_PATTERN_CHARACTERS:
            raise InvalidParameterValue(
                f"The pattern for {clause.identifier} has {len(operand)} characters and may have at most"
                f" {MAX_PATTERN_CHARACTERS}."
            )
    elif isinstance(clause, Membership):
        operand = _operands(clause, key, vocabulary)
    return Condition(key.entity, key.name, comparator, operand)


def _key(identifier: Identifier, known: Mapping[str | None, Keys], vocabulary: Vocabulary) -> Key:
    keys = known.get(identifier.entity)
    if keys is None:
        raise InvalidParameterValue(
            f"Invalid entity {identifier.entity!r} of {str(identifier)!r}. Valid entities are {_listed(known)}."
        )
    if not identifier.key_quote:
        _check_unquoted(identifier, vocabulary)
    if isinstance(keys, AnyKey):
        return keys.named(identifier.key)
    if identifier.key not in keys:
        raise InvalidParameterValue(
            f"Invalid key {identifier.key!r} of {str(identifier)!r}. Valid keys are {_listed(keys)}."
        )
    return keys[identifier.key]


def _check_unquoted(identifier: Identifier, vocabulary: Vocabulary) -> None:
    if "-" in identifier.key and not vocabulary.is_lenient:
        raise InvalidParameterValue(f"The key of {str(identifier)!r} holds a dash: put it in backticks or quotes.")
    if identifier.key.lower() in _WORDS_THAT_NEED_QUOTES:
        raise InvalidParameterValue(
            f"The key of {str(identifier)!r} is a word of the filter language: put it in backticks or quotes."
        )


def _comparator(clause: Clause, key: Key, vocabulary: Vocabulary) -> Comparator:
    written = " ".join(clause.comparator.split())
    is_exact = vocabulary.is_comparator_case_sensitive and isinstance(clause, Comparison | Membership)
    name = written if is_exact else written.upper()
    comparator = _COMPARATORS.get(name)
    if comparator is None or comparator not in key.comparators:
        known = ", ".join(f"'{one.value}'" for one in Comparator if one in key.comparators)
        raise InvalidParameterValue(
            f"Invalid comparator '{written}' for {str(clause.identifier)!r}. Valid comparators are {known}."
        )
    return comparator


_COMPARATORS: Final = {comparator.value: comparator for comparator in Comparator}


def _operands(clause: Membership, key: Key, vocabulary: Vocabulary) -> tuple[str | int | float, ...]:
    if not clause.values:
        raise InvalidParameterValue(f"The list for {str(clause.identifier)!r} is empty.")
    for value in clause.values:
        if not isinstance(value, Text) or value.quote == "`":
            raise wrong_value(value, clause.identifier, "a list of quoted texts")
    return tuple(key.kind(value, clause.identifier, vocabulary.is_lenient) for value in clause.values)


def _listed(names: Mapping[str | None, Keys] | Mapping[str, Key]) -> str:
    return ", ".join(f"'{name}'" for name in names if name is not None)
