"""A query is as large as what it selects, with each fragment counted where it is used."""

import pytest
from graphql import parse

from query_api.graphql.limits import MAX_DEPTH, MAX_ROOT_FIELDS, MAX_SELECTIONS, limits_exceeded


def nested(depth: int, innermost: str = "f") -> str:
    return "{ f " * (depth - 1) + f"{{ {innermost} }}" + " }" * (depth - 1)


def exceeded(query: str) -> list[str]:
    return [error.message for error in limits_exceeded(parse(query))]


@pytest.mark.parametrize(
    "query",
    [
        "{ " + " ".join("f" for _ in range(MAX_ROOT_FIELDS)) + " }",
        nested(MAX_DEPTH),
        "{ ... on Query { f } }",
        "{ ...F } fragment F on Query { f }",
        "{ ...NotThere }",
    ],
)
def test_a_query_within_the_limits_exceeds_none(query: str) -> None:
    assert exceeded(query) == []


def test_root_fields_are_bounded() -> None:
    query = "{ " + " ".join("f" for _ in range(MAX_ROOT_FIELDS + 1)) + " }"
    assert exceeded(query) == [f"A query may have {MAX_ROOT_FIELDS} root fields at most."]


@pytest.mark.parametrize(
    "query",
    [
        nested(MAX_DEPTH + 1),
        nested(MAX_DEPTH, "...F") + " fragment F on Query { f { g } }",
        nested(MAX_DEPTH, "... on Query { f { g } }"),
        "{ ...F } fragment F on Query { f { ...F } }",
    ],
    ids=["plain", "in a fragment", "in an inline fragment", "in a fragment of itself"],
)
def test_depth_is_bounded(query: str) -> None:
    assert exceeded(query) == [f"A query may be {MAX_DEPTH} fields deep at most."]


def test_selections_are_bounded_also_where_a_fragment_is_used_again_and_again() -> None:
    fragment = "fragment F on Query { " + " ".join("f" for _ in range(MAX_SELECTIONS // 4)) + " }"
    query = "{ " + " ".join("f { ...F }" for _ in range(5)) + " } " + fragment
    assert exceeded(query) == [f"A query may have {MAX_SELECTIONS} selections at most."]
