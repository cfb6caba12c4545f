"""`tracklog undo` and `tracklog correct`: what they show, ask for, and send."""

import json
from typing import Any, Final

import pytest

from tests.unit.tracklog.cli.answering import Asked, answering
from tracklog.cli.remote import MLFLOW_2, OURS
from tracklog.cli.undo import plan_text

PLAN: Final = {
    "digest": "d",
    "changes": [
        {"stream": "run/r1", "field": "status", "shown": {"from": '"FAILED"', "to": '"RUNNING"'}},
        {"stream": "run/r1", "field": "tags.t", "shown": {"from": "not set", "to": '"x"'}},
        {"stream": "experiment/7", "field": "name", "shown": {"from": '"ü"', "to": "not set"}},
    ],
    "left_out": [
        {"stream": "run/r2", "field": "tags.t", "reason": "it was changed again later", "count": 1, "later": "e"},
        {"reason": "they cannot be undone", "count": 3},
    ],
}

DONE: Final = {
    "undone": [{"type": "run.updated", "partition": 0, "offset": 9, "stream": "run/r1"}],
    "refused": [{"stream": "experiment/7", "message": "The name is taken."}],
}

SHOWN: Final = [
    "run/r1",
    '  status: "FAILED" -> "RUNNING"',
    '  tags.t: not set -> "x"',
    "experiment/7",
    '  name: "ü" -> not set',
    "not undone: run/r2 tags.t: it was changed again later (1 event)",
    "not undone: they cannot be undone (3 events)",
    "--over-later undoes also what was changed again later.",
]


def test_a_plan_is_shown_by_streams_with_what_is_left_out() -> None:
    assert plan_text(PLAN).splitlines() == SHOWN
    nothing = {"changes": [], "left_out": [{"reason": "There is no such event.", "count": 0}]}
    assert plan_text(nothing) == "Nothing would change.\nnot undone: There is no such event."


def test_no_name_or_value_tells_a_terminal_what_to_do() -> None:
    shown = {"from": '"\x7f"', "to": "1.5"}
    odd = [{"stream": "registered-model/\x1b[2J", "field": "tags.\x9b2J", "shown": shown}]
    left = [{"stream": "registered-model/a\nb", "reason": "no\r", "count": 1}]
    assert plan_text({"changes": odd, "left_out": left}).splitlines() == [
        "registered-model/?[2J",
        '  tags.?2J: "?" -> 1.5',
        "not undone: registered-model/a?b: no? (1 event)",
    ]


@pytest.mark.parametrize("typed", ["y\n", "n\n"])
def test_what_is_shown_is_undone_once_that_is_said(typed: str) -> None:
    with answering({f"POST {OURS}/undo/plan": PLAN, f"POST {OURS}/undo": DONE}) as server:
        done = server.run("undo", "0:9", typed=typed)
        assert done.output.splitlines()[: len(SHOWN)] == SHOWN
        if typed == "n\n":
            assert (done.exit_code, len(server.asked)) == (1, 1)
            return
        assert done.output.splitlines()[-2:] == [
            "run.updated 0:9 run/r1",
            "refused: experiment/7: The name is taken.",
        ]
        assert server.bodies == [
            (f"POST {OURS}/undo/plan", {"event": "0:9"}),
            (f"POST {OURS}/undo", {"event": "0:9", "digest": "d"}),
        ]


def test_what_is_to_be_undone_is_said_by_options() -> None:
    with answering({f"POST {OURS}/undo/plan": PLAN}) as server:
        times = ["--since", "2026-11-29T10:00:00Z", "--until", "2026-11-29T11:00:00.5Z"]
        server.done("undo", "--actor", "ada", *times, "--over-later", "--json")
        server.done("undo", "--request", "q", "--json")
        server.done("undo", "--stream", "run/r1", "--to", "2026-11-29T10:00:00Z", "--json")
        assert [body for _, body in server.bodies] == [
            {
                "actor": "ada",
                "over_later": True,
                "since": "2026-11-29T10:00:00+00:00",
                "until": "2026-11-29T11:00:00.500000+00:00",
            },
            {"request_id": "q"},
            {"stream": "run/r1", "to": "2026-11-29T10:00:00+00:00"},
        ]


@pytest.mark.parametrize("words", [[], ["--over-later"], ["--since", "2026-11-29T10:00:00Z"]])
def test_it_has_to_be_said(words: list[str]) -> None:
    with answering({}) as server:
        refused = server.run("undo", *words)
        assert (refused.exit_code, server.asked) == (2, [])
        assert "Say what is to be undone" in refused.stderr


def test_a_plan_and_what_was_undone_are_printed_as_json() -> None:
    with answering({f"POST {OURS}/undo/plan": PLAN, f"POST {OURS}/undo": DONE}) as server:
        assert json.loads(server.done("undo", "0:9", "--json")) == PLAN
        assert len(server.asked) == 1
        assert json.loads(server.done("undo", "0:9", "--json", "--yes")) == DONE


@pytest.mark.parametrize(("words", "code"), [([], 1), (["--yes"], 1), (["--yes", "--json"], 0)])
def test_a_plan_of_nothing_is_not_carried_out(words: list[str], code: int) -> None:
    with answering({f"POST {OURS}/undo/plan": {**PLAN, "changes": [], "left_out": []}}) as server:
        done = server.run("undo", "0:9", *words)
        assert (done.exit_code, len(server.asked)) == (code, 1)
        assert done.stdout == ("" if "--json" in words else "Nothing would change.\n")


# --- corrections ------------------------------------------------------------------------------------------------------

CORRECTIONS: Final = f"POST {OURS}/runs/r1/corrections"
HISTORY: Final = f"GET {MLFLOW_2}/metrics/get-history"


def test_params_are_corrected_and_removed() -> None:
    with answering({CORRECTIONS: {}}) as server:
        server.done("correct", "r1", "--reason", "a typo", "--param", "lr=0.1=x", "--remove-param", "old")
        params = [{"key": "lr", "value": "0.1=x"}, {"key": "old", "value": None}]
        assert server.bodies == [(CORRECTIONS, {"reason": "a typo", "params": params, "metrics": []})]


def points(asked: Asked) -> Any:
    """A history of two pages."""
    if "page_token" not in asked.query:
        return {"metrics": [{"value": 1.0, "timestamp": "5", "step": 1}, {"value": 2.0, "timestamp": 6}],
                "next_page_token": "x"}  # fmt: skip
    return {"metrics": [{"value": "NaN", "timestamp": 7, "step": "1"}]}


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (["--step", "0", "--new-value", "3"], {"step": 0, "timestamp": 6, "value": 2.0, "new_value": "3"}),
        (["--step", "0", "--remove-point"], {"step": 0, "timestamp": 6, "value": 2.0, "new_value": None}),
        (
            ["--step", "1", "--value", "1", "--new-value", "nan"],
            {"step": 1, "timestamp": 5, "value": 1.0, "new_value": "nan"},
        ),
        (
            ["--step", "1", "--value", "NaN", "--new-value", "1"],
            {"step": 1, "timestamp": 7, "value": "NaN", "new_value": "1"},
        ),
    ],
)
def test_the_point_that_is_meant_is_found_in_the_history(words: list[str], sent: dict[str, Any]) -> None:
    with answering({CORRECTIONS: {}, HISTORY: points}) as server:
        server.done("correct", "r1", "--reason", "r", "--metric", "loss", *words)
        body = {"reason": "r", "params": [], "metrics": [{**sent, "key": "loss"}]}
        assert server.bodies[-1] == (CORRECTIONS, body)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--step", "1"], "'loss' has 2 such points at step 1; there: 1.0 at 5, NaN at 7."),
        (["--step", "9"], "'loss' has 0 such points at step 9; there: none."),
        (["--step", "1", "--value", "x"], "'loss' has 0 such points at step 1; there: 1.0 at 5, NaN at 7."),
    ],
)
def test_where_not_one_point_is_meant_nothing_is_sent(words: list[str], said: str) -> None:
    with answering({HISTORY: points}) as server:
        refused = server.run("correct", "r1", "--reason", "r", "--metric", "loss", *words, "--new-value", "1")
        assert (refused.exit_code, said in refused.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Say what is to be corrected"),
        (["--param", "lr"], "--param 'lr' is not KEY=VALUE."),
        (["--metric", "loss", "--new-value", "1"], "--metric needs --step"),
        (["--metric", "loss", "--step", "1"], "--metric needs --step"),
        (["--metric", "loss", "--step", "1", "--new-value", "1", "--remove-point"], "--metric needs --step"),
    ],
)
def test_a_correction_says_what_and_how(words: list[str], said: str) -> None:
    with answering({}) as server:
        refused = server.run("correct", "r1", "--reason", "r", *words)
        assert (refused.exit_code, server.asked) == (2, [])
        assert said in refused.stderr
