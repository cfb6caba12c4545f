"""`tracklog gc --url`: what is shown and asked about, and what comes of it."""

import json
from typing import Any, Final

import pytest

from tests.unit.tracklog.cli.answering import Answering, answering, refusal
from tracklog.cli import gc
from tracklog.cli.gc import plan_text
from tracklog.cli.remote import OURS

PLANNED: Final = f"POST {OURS}/erasures/plan"
ERASE: Final = f"POST {OURS}/erasures"
CARRY_OUT: Final = f"POST {OURS}/erasures/carry-out"

RUN: Final = {"kind": "run", "id": "r1", "name": "fïrst\x1b", "deleted": "2026-11-01T00:00:00Z"}
STAYS: Final = {"kind": "run", "id": "r2", "reason": "its artifacts are not reached"}

PLAN: Final = {"erased": [RUN], "left_out": [STAYS], "is_whole": True, "digest": "d"}

ERASED: Final = {"erased": [{"stream": "run/r1"}], "refused": [], "is_whole": True}

CARRIED_OUT: Final = {"pending": 0, "trouble": None, "forgets_payloads": True}

ANSWERS: Final[dict[str, Any]] = {PLANNED: PLAN, ERASE: ERASED, CARRY_OUT: CARRIED_OUT}

NOTHING_NAMED: Final = {
    "older_than": "",
    "without_artifacts": False,
    "with_registered": False,
    "run_ids": [],
    "experiment_ids": [],
    "logged_model_ids": [],
}


def erase(server: Answering, *words: str, typed: str = "") -> Any:
    return server.run("gc", "--url", server.url, *words, typed=typed)


def test_what_is_shown_is_erased_once_that_and_why_is_said() -> None:
    with answering(ANSWERS) as server:
        done = erase(server, typed="y\nno longer needed\n")
        assert done.exit_code == 0, done.output
        assert done.stdout.splitlines()[:2] == [
            'run r1 "f\\u00efrst\\u001b", deleted 2026-11-01T00:00:00Z',
            "not erased: run r2: its artifacts are not reached",
        ]
        assert done.stderr == "1 erased\n"
        assert server.bodies == [
            (PLANNED, NOTHING_NAMED),
            (ERASE, {**NOTHING_NAMED, "digest": "d", "reason": "no longer needed"}),
            (CARRY_OUT, {}),
        ]


def test_what_is_named_is_what_is_asked_for() -> None:
    with answering(ANSWERS) as server:
        words = ["--run-ids", "a, b,", "--experiment-ids", "7", "--logged-model-ids", "m-1", "--older-than", "30d"]
        done = erase(server, *words, "--without-artifacts", "--with-registered", "--dry-run")
        assert done.exit_code == 0
        assert server.bodies == [
            (
                PLANNED,
                {
                    "older_than": "30d",
                    "without_artifacts": True,
                    "with_registered": True,
                    "run_ids": ["a", "b"],
                    "experiment_ids": ["7"],
                    "logged_model_ids": ["m-1"],
                },
            )
        ]


def test_nothing_is_erased_without_a_yes_and_a_reason() -> None:
    with answering(ANSWERS) as server:
        assert erase(server, typed="n\n").exit_code == 1
        refused = erase(server, "--yes")
        assert (refused.exit_code, "--reason: say why" in refused.stderr) == (2, True)
        assert {path for path, _ in server.bodies} == {PLANNED}


def test_the_plan_and_what_was_erased_are_printed_as_json() -> None:
    with answering(ANSWERS) as server:
        assert json.loads(erase(server, "--json").stdout) == PLAN
        done = erase(server, "--json", "--yes", "--reason", "r")
        assert json.loads(done.stdout) == {"erased": 1, "refused": 0, **CARRIED_OUT}


def test_a_refusal_is_told_of_and_the_exit_code_1() -> None:
    refused = {"erased": [], "refused": [{"stream": "run/r1", "message": "It was restored."}], "is_whole": True}
    with answering({**ANSWERS, ERASE: refused}) as server:
        done = erase(server, "--yes", "--reason", "r")
        assert (done.exit_code, done.stderr) == (1, "refused: run/r1: It was restored.\n0 erased\n")


def test_it_waits_until_everything_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gc, "LOOK_S", 0.0)
    states = iter([{**CARRIED_OUT, "pending": 2}, {**CARRIED_OUT, "forgets_payloads": False}])
    with answering({**ANSWERS, CARRY_OUT: lambda _: next(states)}) as server:
        done = erase(server, "--yes", "--reason", "r")
        assert done.exit_code == 0
        assert done.stderr.splitlines()[1] == "2 erasures are being carried out"
        assert "what the events held stays there" in done.stderr


def test_what_stands_in_the_way_is_told() -> None:
    with answering({**ANSWERS, CARRY_OUT: {"pending": 1, "trouble": "The store is away."}}) as server:
        done = erase(server, "--yes", "--reason", "r")
        assert done.exit_code == 1
        assert "1 erasures are not carried out yet: The store is away. They are carried on" in done.stderr


def test_a_server_that_refuses_the_plan_ends_it() -> None:
    with answering({PLANNED: refusal(403, "Permission denied.")}) as server:
        done = erase(server)
        assert (done.exit_code, done.stderr) == (1, "Error: Permission denied.\n")


def test_of_a_long_plan_the_first_are_shown() -> None:
    many = [{**RUN, "id": str(number)} for number in range(23)]
    left = [{**STAYS, "id": str(number)} for number in range(25)]
    lines = plan_text({"erased": many, "left_out": left, "is_whole": False}).splitlines()
    assert len(lines) == 20 + 1 + 1 + 20 + 1
    assert lines[20:22] == ["and 3 more", "There is more, which comes after these."]
    assert lines[-1] == "not erased: 5 more"
    assert plan_text({"erased": [], "left_out": [], "is_whole": True}) == "Nothing would be erased."
