"""A class that is named after a word of the glossary is where the glossary says, and every place it names is there.

What the glossary says not to use is neither in a name, nor in a text or a comment, nor on a page.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
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


@cache
def definitions() -> tuple[Definition, ...]:
    return tuple(parsed_definitions())


def parsed_definitions() -> Iterator[Definition]:
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            for one in ast.walk(ast.parse(file.read_text())):
                if isinstance(one, ast.ClassDef):
                    bases = tuple(ast.unparse(base) for base in one.bases)
                    yield Definition(str(file.relative_to(ROOT)), one.name, bases)


def is_error(bases: Iterable[str]) -> bool:
    """Whether a class with these bases can be raised."""
    return any(
        base == "Exception" or is_error(base_of_base)
        for base in bases
        for base_of_base in [one.bases for one in definitions() if one.name == base] or [()]
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


def test_a_class_named_after_a_word_is_where_the_word_is() -> None:
    named = [one for one in definitions() if places_of(one.name) and not is_error(one.bases)]
    wrong = {
        f"{one.path}: {one.name}": f"below none of {places_of(one.name)}"
        for one in named
        if not any(is_below(one.path, place) for place in places_of(one.name))
    }
    assert wrong == {}
    assert len(named) > 50, "as many classes as this are named after a word, so that the rule is not empty"


@pytest.mark.parametrize("place", sorted({place for entry in ENTRIES for place in entry.places}))
def test_every_place_is_there(place: str) -> None:
    assert (ROOT / place).exists()


def test_every_word_stands_once_and_in_order() -> None:
    words = [", ".join(entry.words) for entry in ENTRIES]
    assert words == sorted(set(words))


# --- words that are not used ------------------------------------------------------------------------------------------

NOT_USED: Final = {
    word: row["but"]
    for row in re.finditer(r"^\| (?P<words>[a-z ,]+) \| \*\*(?P<but>[^*|]+)\*\* \|$", GLOSSARY, re.MULTILINE)
    for word in row["words"].split(", ")
}
"""Each with the word of the glossary that says the same."""

FOUND: Final = re.compile(rf"\b({'|'.join(sorted(NOT_USED, key=len, reverse=True))})s?\b")

NAMELESS: Final = re.compile(r"\b(common|helpers?|managers?|misc|processors?|utils?|utilities)\b")
"""Names of what has no name yet: of modules, classes and functions. In a text they are words like others."""

WRITTEN: Final = sorted(
    path
    for pattern in (
        *(f"{package}/**/*.py" for package in (*PACKAGES, "tests", "bench", "scripts")),
        "docs/**/*.md",
        "*.md",
    )
    for path in ROOT.glob(pattern)
    if path.name not in ("glossary.md", "CHANGELOG.md", "test_glossary.py")
    and not any(part.startswith(".") for part in path.relative_to(ROOT).parts)  # of others: bench/.peers
)


def words_of(text: str) -> str:
    """The text in small letters, words of names apart: `deadLetters`, `DEAD_LETTERS` and `dead-letters` are alike."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    return re.sub(r"[\s_-]+", " ", apart).lower()


def names_in(path: Path) -> Iterator[str]:
    """The name of a module, and those of its classes and functions."""
    yield path.stem
    for one in ast.walk(ast.parse(path.read_text())):
        if isinstance(one, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield one.name


def test_a_word_that_is_not_used_stands_nowhere() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {word[1]}": f"say {NOT_USED[word[1]]}"
        for path in WRITTEN
        for word in FOUND.finditer(words_of(f"{path.stem} {path.read_text()}"))
    }
    assert found == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_is_named_for_having_no_name(package: str) -> None:
    named = [name for path in (ROOT / package).rglob("*.py") for name in names_in(path)]
    assert [name for name in named if NAMELESS.search(words_of(name))] == []


def test_for_each_word_that_is_not_used_another_is() -> None:
    assert set(NOT_USED.values()) <= {word for entry in ENTRIES for word in entry.words}
    assert len(NOT_USED) > 20


@pytest.mark.parametrize("text", ["def dead_letters():", "class DeadLetter:", "a dead-letter queue", "a dead\nletter"])
def test_a_word_that_is_not_used_would_be_found(text: str) -> None:
    assert FOUND.search(words_of(text))
