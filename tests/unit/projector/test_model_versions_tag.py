"""The list of the versions made from a logged model holds each of them once, whoever writes it."""

import json
from itertools import permutations

import pytest

from projector.model_versions_tag import merged, with_version
from schemas.messages.bounds import MAX_MODEL_VERSIONS_CHARACTERS

ONE = '[{"name":"n","version":1}]'
TWO = '[{"name":"n","version":1},{"name":"n","version":2}]'


def as_client(text: str | None, name: str, version: int) -> str:
    """What MLflow's client writes after it read `text`."""
    return json.dumps([*json.loads(text or "[]"), {"name": name, "version": str(version)}])


def test_a_version_is_added_with_its_number_as_a_number() -> None:
    assert with_version(None, "n", 1) == ONE
    assert with_version("", "n", 1) == ONE
    assert with_version("[]", "n", 1) == ONE
    assert with_version(ONE, "n", 2) == TWO


def test_a_version_that_is_there_is_not_added_again() -> None:
    assert with_version(ONE, "n", 1) == ONE
    assert with_version('[{"name":"n","version":"1"}]', "n", 1) == ONE
    assert with_version(ONE, "N", 1) == '[{"name":"n","version":1},{"name":"N","version":1}]'


def test_what_the_client_adds_is_what_the_server_added() -> None:
    text = with_version(None, "n", 1)
    assert merged(text, as_client(text, "n", 1)) == ONE
    assert merged(None, as_client(None, "n", 1)) == ONE


def test_clients_that_register_at_the_same_time_lose_nothing() -> None:
    """Each read the list before the others wrote, and in whatever order they write all versions are there."""
    pairs = [("a", 1), ("b", 1), ("b", 2)]
    added = None
    for name, version in pairs:
        added = with_version(added, name, version)
    early = [as_client(None, name, version) for name, version in pairs]
    for order in permutations(early):
        text = added
        for sent in order:
            text = merged(text, sent)
        assert json.loads(text or "") == [{"name": name, "version": version} for name, version in pairs]


@pytest.mark.parametrize("text", ["x", "{}", "1", "null", '"a"', "[1", "[" * 400 + "]" * 400, '["\\ud800"]'])
def test_what_is_no_list_is_kept_as_it_was_sent(text: str) -> None:
    assert merged(None, text) == text
    assert merged(ONE, text) == text
    assert with_version(text, "n", 1) == text
    assert merged(text, ONE) == ONE


def test_what_is_no_version_is_kept_once() -> None:
    others = '[1,{"name":"n"},{"name":"n","version":1.5},{"name":1,"version":1},{"name":"n","version":"x"},null,true]'
    assert merged(others, others) == others
    huge = f'[{{"name":"n","version":"{"9" * 5000}"}}]'
    assert merged(huge, huge) == huge


def test_more_is_kept_of_a_version_than_its_name_and_number() -> None:
    assert merged(None, '[{"name": "n", "version": "1", "x": 2}]') == '[{"name":"n","version":1,"x":2}]'


def test_a_list_has_an_end() -> None:
    full = json.dumps([{"name": "n" * (MAX_MODEL_VERSIONS_CHARACTERS - 40), "version": 1}], separators=(",", ":"))
    assert len(full) <= MAX_MODEL_VERSIONS_CHARACTERS
    assert with_version(full, "another", 1) == full
    assert merged(full, '[{"name":"another","version":1}]') == full
