"""Paths are decoded once, split once, and either name something below their root or are refused."""

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifact_proxy.artifact_path import (
    MAX_PATH_BYTES,
    MAX_SEGMENT_BYTES,
    MAX_SEGMENTS,
    ROOT,
    ArtifactPath,
    decoded,
    file_path,
    folder_path,
)
from schemas.errors import InvalidParameterValue

REFUSED = [
    *("..", "../a", "a/..", "a/../b", "a/../../b", "/a", "/", "//a", "a//b", "./a", "a/./b"),
    *("a\\b", "..\\a", "\\\\host\\share", "C:", "c:/a", "a/C:/b", "C:\\a"),
    *("a\0", "a\nb", "a\rb", "a\x1bb", "a\x7f", "a\x85b", "#", "a#b", "a/b#c/d"),
    *("\ud800", "a/\udcff", "x" * (MAX_SEGMENT_BYTES + 1), "é" * (MAX_SEGMENT_BYTES // 2 + 1)),
    "/".join("x" * 200 for _ in range(6)),
    "/".join("x" * (MAX_SEGMENTS + 1)),
]

ACCEPTED = [
    *(
        "a",
        "a/b/c.txt",
        "with space",
        "100%",
        "%2e%2e",
        "%2e%2e/x",
        "a+b",
        "a&b=c?d;e",
        "naïve",
        "漢字/🚀.png",
        "e\u0301",
    ),
    *(
        "...",
        "..a",
        "a..",
        ".hidden",
        "~",
        "~root",
        "$HOME",
        "-rf",
        "C:x",
        "file:",
        "a:b",
        "'quote'",
        '"',
        "*",
        "<script>",
    ),
    *("x" * MAX_SEGMENT_BYTES, "é" * (MAX_SEGMENT_BYTES // 2), "/".join("x" * MAX_SEGMENTS)),
]


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: ascii(text)[:30])
def test_what_could_mean_something_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameterValue):
        file_path(text)
    if text not in ("./a", "a/./b"):
        with pytest.raises(InvalidParameterValue):
            folder_path(text)


@pytest.mark.parametrize("text", ACCEPTED, ids=lambda text: ascii(text)[:30])
def test_names_that_are_only_odd_are_taken_as_they_are(text: str) -> None:
    assert str(file_path(text)) == str(folder_path(text)) == text


@pytest.mark.parametrize("text", ["", "a/", "a/b/", "."])
def test_a_file_has_a_name(text: str) -> None:
    with pytest.raises(InvalidParameterValue):
        file_path(text)


@pytest.mark.parametrize(
    ("text", "folder"), [("", ""), (".", ""), ("./", ""), ("a/", "a"), ("a/.", "a"), ("./a/b", "a/b")]
)
def test_the_other_spellings_of_a_folder_name_the_same_folder(text: str, folder: str) -> None:
    assert str(folder_path(text)) == folder


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("a%20b", "a b"),
        ("a+b", "a+b"),
        ("%252e%252e", "%2e%2e"),
        ("%2E%2e/x", "../x"),
        ("%e6%bc%a2", "漢"),
        ("100%", "100%"),
        ("%zz", "%zz"),
    ],
)
def test_a_path_is_decoded_once(raw: str, text: str) -> None:
    assert decoded(raw) == text


@pytest.mark.parametrize("raw", ["%ff", "a%c0%ae", "%ed%a0%80", "\udcff"])
def test_bytes_that_are_not_utf8_are_refused(raw: str) -> None:
    with pytest.raises(InvalidParameterValue):
        decoded(raw)


def test_joined_paths_are_checked_as_a_whole() -> None:
    long = file_path("/".join("x" * 200 for _ in range(3)))
    assert len(str(long)) < MAX_PATH_BYTES < 2 * len(str(long))
    assert long.joined(ROOT) == ROOT.joined(long) == long
    with pytest.raises(InvalidParameterValue):
        long.joined(long)


def test_a_path_cannot_be_made_around_the_parser() -> None:
    with pytest.raises(InvalidParameterValue):
        ArtifactPath(("a", ".."))
    with pytest.raises(InvalidParameterValue):
        ArtifactPath(("a/../../b",))


PIECES = st.sampled_from(
    ["..", ".", "/", "\\", "a", "b", " ", "%2e", "C:", "#", "\0", "~", "é", "\u2024", "\uff0e", "\uff0f"]
)


@given(st.one_of(st.lists(PIECES, max_size=12).map("".join), st.text(max_size=40)))
def test_a_path_that_is_taken_stays_below_its_root(text: str) -> None:
    for parse in (file_path, folder_path):
        try:
            path = parse(text)
        except InvalidParameterValue:
            continue
        joined = posixpath.normpath(posixpath.join("/root", str(path)))
        assert joined == "/root" or joined.startswith("/root/")
        assert "/".join(path.segments) == str(path)
        assert posixpath.normpath(str(path) or ".") == (str(path) or ".")
