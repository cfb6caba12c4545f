"""A class that is named after a word of the glossary is where the glossary says, and every place it names is there."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
GLOSSARY: Final = (ROOT / "docs" / "glossary.md").read_text()
PACKAGES: Final = (
    "schemas",
    "event_log",
    "read_model",
    "ingest",
    "projector",
    "query_api",
    "artifact_proxy",
    "tracklog",
)

ROW: Final = re.compile(r"^\| \*\*(?P<words>[^*]+)\*\* \| (?P<meaning>.+) \| (?P<places>`[^|]+`) \|$")
WORD_OF_CLASS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*")


class Entry(NamedTuple):
    """A row of the glossary: one word or two for an idea, each of one part or several, and the places of its code."""

    words: tuple[str, ...]
    places: tuple[str, ...]


def entries() -> Iterator[Entry]:
    for line in GLOSSARY.splitlines():
        if line.startswith("| **"):
            row = ROW.fullmatch(line)
            assert row is not None, f"not a word, its meaning and its places in code: {line}"
            yield Entry(tuple(row["words"].split(", ")), tuple(re.findall("`([^`]+)`", row["places"])))


ENTRIES: Final = tuple(entries())


class Definition(NamedTuple):
    """A class of the product."""

    path: str
    name: str
    bases: tuple[str, ...]


def definitions() -> Iterator[Definition]:
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            for one in ast.walk(ast.parse(file.read_text())):
                if isinstance(one, ast.ClassDef):
                    bases = tuple(ast.unparse(base) for base in one.bases)
                    yield Definition(str(file.relative_to(ROOT)), one.name, bases)


DEFINITIONS: Final = tuple(definitions())


def is_error(bases: Iterable[str]) -> bool:
    """Whether a class with these bases can be raised."""
    return any(
        base == "Exception" or is_error(base_of_base)
        for base in bases
        for base_of_base in [one.bases for one in DEFINITIONS if one.name == base] or [()]
    )


def is_of(word: str, name: list[str]) -> bool:
    """Whether the words of a class's name end in a word of the glossary, in the singular or the plural."""
    wanted = word.split()
    return name[-len(wanted) :] in (wanted, [*wanted[:-1], wanted[-1] + "s"])


def places_of(name: str) -> list[str]:
    """Where a class may be by its name; nothing when it is not named after a word of the glossary.

    An `AccessLog` is a log, and may be where some kind of log is.
    """
    words = [word.lower() for word in WORD_OF_CLASS.findall(name)]
    named = {word.split()[-1] for entry in ENTRIES for word in entry.words if is_of(word, words)}
    return [place for entry in ENTRIES if named & {word.split()[-1] for word in entry.words} for place in entry.places]


def is_below(path: str, place: str) -> bool:
    return path == place or path.startswith(place + "/")


NAMED: Final = [one for one in DEFINITIONS if places_of(one.name) and not is_error(one.bases)]


@pytest.mark.parametrize("definition", NAMED, ids=lambda one: f"{one.path}:{one.name}")
def test_a_class_named_after_a_word_is_where_the_word_is(definition: Definition) -> None:
    places = places_of(definition.name)
    assert any(is_below(definition.path, place) for place in places), f"{definition.name} is below none of {places}"


@pytest.mark.parametrize("place", sorted({place for entry in ENTRIES for place in entry.places}))
def test_every_place_is_there(place: str) -> None:
    assert (ROOT / place).exists()


def test_every_word_stands_once_and_in_order() -> None:
    words = [", ".join(entry.words) for entry in ENTRIES]
    assert words == sorted(set(words))


def test_the_words_are_used() -> None:
    """As many classes as this are named after them, so that the rule is not empty."""
    assert len(NAMED) > 50
