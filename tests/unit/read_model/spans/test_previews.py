"""The few words by which a trace is shown."""

from typing import Any

import pytest

from read_model.spans.previews import ASSISTANT, MAX_CHARACTERS, USER, preview


def said(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


TALK = [said(USER, "hi"), said(ASSISTANT, "yes?"), said(USER, "how?"), said(ASSISTANT, "so"), {"role": USER}, "odd"]


@pytest.mark.parametrize(
    ("value", "role", "shown"),
    [
        ({"messages": TALK}, USER, "how?"),
        ({"messages": TALK}, ASSISTANT, "so"),
        ({"messages": TALK}, "system", "so"),  # who said nothing: the last of all
        ({"input": TALK}, USER, "how?"),
        ({"output": TALK}, ASSISTANT, "so"),
        ({"request": {"messages": TALK}}, USER, "how?"),
        ({"choices": [{"message": said(ASSISTANT, "first")}, {}]}, ASSISTANT, "first"),
        ({"messages": [said(USER, ["plain", "parts"])]}, USER, "plain"),
        ({"messages": [said(USER, [{"type": "image"}, {"type": "text", "text": "below"}])]}, USER, "below"),
        ({"messages": [said(USER, [{"type": "output_text", "text": "below"}])]}, USER, "below"),
    ],
)
def test_the_last_message_of_a_role_says_most(value: Any, role: str, shown: str) -> None:
    assert preview(value, role) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"q": [1, "ä"], "n": None}, '{"q": [1, "ä"], "n": null}'),
        ({"messages": []}, '{"messages": []}'),
        ({"messages": [said(USER, 3)]}, '{"messages": [{"role": "user", "content": 3}]}'),
        (
            {"messages": [said(USER, [{"type": "image"}])]},
            '{"messages": [{"role": "user", "content": [{"type": "image"}]}]}',
        ),
        ({"request": "text"}, '{"request": "text"}'),
        ("text", '"text"'),
        (1.5, "1.5"),
    ],
)
def test_what_is_no_message_is_shown_as_json(value: Any, shown: str) -> None:
    assert preview(value, USER) == shown


def test_what_is_long_is_cut() -> None:
    exactly = {"messages": [said(USER, "x" * MAX_CHARACTERS)]}
    assert preview(exactly, USER) == "x" * MAX_CHARACTERS
    longer = {"messages": [said(USER, "x" * (MAX_CHARACTERS + 1))]}
    assert preview(longer, USER) == "x" * (MAX_CHARACTERS - 3) + "..."
