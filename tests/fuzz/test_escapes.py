"""No path, put together at random from what could lead out, reaches what is outside the root of the artifacts."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.artifact_proxy.fortress import HIDDEN_NAME, Fortress, besieged, check, requests_for


@pytest.fixture(scope="module")
def fortress(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fortress]:
    with besieged(tmp_path_factory.mktemp("fortress")) as fortress:
        yield fortress


PIECES = st.sampled_from(
    [
        *(
            "..",
            ".",
            "/",
            "//",
            "\\",
            "#",
            "?",
            ";",
            ":",
            "%",
            "~",
            "%2e",
            "%2E%2e",
            "%2f",
            "%5c",
            "%00",
            "%0a",
            "%23",
            "%3f",
        ),
        *(
            "%252e",
            "%252f",
            "%25",
            "%c0%ae",
            "%c0%af",
            "%ff",
            "%ef%bc%8f",
            "%e2%80%a4",
            "%u002e",
            "&path=..",
            "+",
            "%20",
        ),
        *("out", "file", "up", "top", "inner", "1", "run", "artifacts", "a", "outside", "root", "root2", HIDDEN_NAME),
        *("C:", "file:", "etc", "passwd", "proc", "self", ".tracklog-uploads", "é", "漢", "\udcff"),
    ]
)
PATHS = st.one_of(
    st.lists(PIECES, min_size=1, max_size=10).map("".join),
    st.lists(PIECES, min_size=1, max_size=8).map("/".join),
    st.text(max_size=20).map(lambda text: quote(text.encode("utf-8", "surrogatepass"), safe="")),
)


def is_in_request_line(letter: str) -> bool:
    """A request line ends at white space; what comes behind it is another matter than paths."""
    return letter == "\udcff" or (letter.isprintable() and letter != " ")


RAW_PATHS = PATHS.map(lambda path: "".join(filter(is_in_request_line, path)))


@given(path=RAW_PATHS)
@settings(max_examples=75)
def test_nothing_outside_the_root_is_ever_reached(fortress: Fortress, path: str) -> None:
    fortress.rebuild_root()
    before = fortress.outside()
    for request, answer in requests_for(fortress.server, path):
        check(fortress, before, request, answer)
        fortress.rebuild_root()
