"""What MLflow's clients make of the names of artifacts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifact_proxy.artifact_path import file_path
from artifact_proxy.client_names import as_asked, decoded_once, is_odd, plain, stand_in, stored_path


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("lr%20sweep", "lr sweep"),
        ("lr%2520sweep", "lr%20sweep"),
        ("100%", "100%"),
        ("a%C3%A9%E4%B8%AD", "aé中"),
        ("100%ACcuracy", "100%ACcuracy"),
        ("100%accuracy", "100%ACcuracy"),
        ("%C3%A9%FF%41", "é%FFA"),
        ("a%0Ab%7f", "a%0ab%7f"),
        ("a%C2%85b", "a%c2%85b"),
        ("a%00b", "a\0b"),
        ("a%2Fb%2e", "a/b."),
    ],
)
def test_an_escape_in_a_url_is_decoded_once_unless_it_is_of_no_text(raw: str, text: str) -> None:
    assert decoded_once(raw) == text


@given(st.text(st.sampled_from("%0189aAfFcC2"), max_size=12))
def test_what_is_decoded_is_valid_text(raw: str) -> None:
    decoded_once(raw).encode()


@pytest.mark.parametrize(
    ("name", "without_escapes"),
    [
        ("lr%2520sweep", "lr sweep"),
        ("100%accuracy", "100%ACcuracy"),
        ("a%0Ab", "a%0ab"),
        ("Model:v1", "Model:v1"),
        ("a%23b%ff", "a%23b%FF"),
        ("%2e%2e", "%2E%2E"),
        ("a%2fb", "a%2Fb"),
        ("%" + "25" * 40 + "20", "%" + "25" * 40 + "20"),
    ],
)
def test_a_folder_has_no_escapes_but_those_without_which_it_had_no_name(name: str, without_escapes: str) -> None:
    assert plain(name) == without_escapes
    assert plain(plain(name)) == plain(name)


def test_a_file_is_kept_under_its_name_in_plain_folders() -> None:
    assert str(stored_path(file_path("a%20b/c%2520d/e%20f%"))) == "a b/c d/e%20f%"


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("plain-name.txt", "plain-name.txt"),
        ("a%20b%", "a b%"),
        ("a%2520b", "a b"),
        ("100%accuracy", "100\N{REPLACEMENT CHARACTER}curacy"),
        ("key%step%17%", "key%step%17%"),
        ("Model:v1", "model:v1"),
        ("a;", "a"),
        (" a", "a"),
        *(
            (refused, None)
            for refused in (
                "a%23b",
                "%2e%2e",
                "%2e",
                ".?x",
                " A:",
                ";",
                "a%2Fb",
                "%2Fetc",
                "C:%5Cx",
                "%2F%2F[",
                "file:x",
                "http:x",
                "HTTP%3Ax",
            )
        ),
    ],
)
def test_the_client_asks_for_what_it_has_decoded_to_the_end(name: str, asked: str | None) -> None:
    assert as_asked(name) == asked


@given(st.text(st.sampled_from("%:;?#[] aA0235.\\é"), min_size=1, max_size=8))
def test_an_alias_is_left_alone_by_the_client(name: str) -> None:
    if stand_in(name) not in (".", "..") and "\\" not in name:
        assert as_asked(stand_in(name)) == stand_in(name)
    assert is_odd(name) or as_asked(name) == name
