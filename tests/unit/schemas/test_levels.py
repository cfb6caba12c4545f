"""Which level can be granted on what."""

import pytest

from schemas.errors import InvalidParameterValue
from schemas.levels import Level, check_level, check_resource, level_named


@pytest.mark.parametrize(
    ("resource_type", "resource_pattern"),
    [("experiment", "*"), ("experiment", "7"), ("prompt", "a b"), ("scorer", "7/s"), ("run", "*"), ("workspace", "*")],
)
def test_all_of_a_type_or_one_by_its_id_may_be_granted(resource_type: str, resource_pattern: str) -> None:
    check_resource(resource_type, resource_pattern)


@pytest.mark.parametrize(
    ("resource_type", "resource_pattern"),
    [
        ("", "*"),
        ("Experiment", "*"),
        ("webhook", "*"),
        ("experiment", ""),
        ("experiment", "7*"),
        ("registered_model", "a*"),
        ("run", "7"),
        ("trace", ""),
        ("workspace", "default"),
    ],
)
def test_there_are_no_other_patterns(resource_type: str, resource_pattern: str) -> None:
    with pytest.raises(InvalidParameterValue):
        check_resource(resource_type, resource_pattern)


@pytest.mark.parametrize(
    ("resource_type", "levels"),
    [("experiment", {"DENY", "READ", "USE", "EDIT", "MANAGE"}), ("workspace", {"USE", "MANAGE"})],
)
def test_a_type_takes_its_levels_alone(resource_type: str, levels: set[str]) -> None:
    taken = set()
    for level in Level:
        try:
            check_level(resource_type, level)
        except InvalidParameterValue:
            continue
        taken.add(level.name)
    assert taken == levels


@pytest.mark.parametrize("name", ["", "read", "ADMIN", "Read"])
def test_levels_have_their_names_in_capitals(name: str) -> None:
    with pytest.raises(InvalidParameterValue):
        level_named(name)


def test_each_level_allows_more_than_those_before() -> None:
    assert sorted(Level) == [Level[name] for name in ("DENY", "NO_PERMISSIONS", "READ", "USE", "EDIT", "MANAGE")]
