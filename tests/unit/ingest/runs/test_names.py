"""Names for what was given none."""

import re

from ingest.runs.names import ADJECTIVES, NOUNS, random_name


def test_a_random_name_is_two_words_and_a_number() -> None:
    assert all(re.fullmatch(r"[a-z]+-[a-z]+-\d{3}", random_name()) for _ in range(100))


def test_the_words_are_distinct_and_many_enough_to_tell_runs_apart() -> None:
    assert len(set(ADJECTIVES)) == len(ADJECTIVES)
    assert len(set(NOUNS)) == len(NOUNS)
    assert len(ADJECTIVES) * len(NOUNS) > 10_000
