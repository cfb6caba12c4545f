"""How far `tracklog gc` goes: past what is left out and what is refused, and not round in a circle."""

from typing import Any

import click
import pytest

from tracklog.cli.gc import _erase


class Asked:
    """A server that erases two things of each plan, leaves out `stuck`, and refuses `refused`."""

    def __init__(self, runs: list[str], stuck: set[str], refused: set[str]) -> None:
        self.runs = runs
        self.stuck = stuck
        self.refused = refused
        self.tried: list[str] = []

    def __call__(self, what: str, body: dict[str, Any]) -> dict[str, Any]:
        if what == "carry-out":
            return {"pending": 0, "trouble": None, "forgets_payloads": True}
        named = set(body["run_ids"])
        candidates = [
            one for one in self.runs if f"run/{one}" not in body.get("leave_out", ()) and (not named or one in named)
        ]
        some, is_whole = candidates[:2], len(candidates) <= 2
        shown = [{"kind": "run", "id": one, "name": "", "deleted": "", "reason": "stuck"} for one in some]
        planned = [one for one in shown if one["id"] not in self.stuck]
        left_out = [one for one in shown if one["id"] in self.stuck]
        if what == "plan":
            return {"erased": planned, "left_out": left_out, "is_whole": is_whole, "digest": "d"}
        answer: dict[str, Any] = {"erased": [], "refused": [], "is_whole": is_whole}
        for one in planned:
            self.tried.append(one["id"])
            told = {"stream": f"run/{one['id']}", "message": "no"}
            answer["refused" if one["id"] in self.refused else "erased"].append(told)
        self.runs = [one for one in self.runs if f"run/{one}" not in [each["stream"] for each in answer["erased"]]]
        return answer


def asked(*run_ids: str) -> dict[str, Any]:
    return {"run_ids": list(run_ids), "experiment_ids": [], "logged_model_ids": []}


@pytest.mark.parametrize("named", [(), ("a", "b", "c", "d", "e", "f")])
def test_what_cannot_be_erased_is_tried_once_and_holds_up_nothing(named: tuple[str, ...]) -> None:
    server = Asked(list("abcdef"), {"a", "b"}, {"c", "d"})
    with pytest.raises(click.exceptions.Exit):
        _erase(server, asked(*named), "r", False, True, True)
    assert server.tried == ["c", "d", "e", "f"]
    assert server.runs == ["a", "b", "c", "d"]


def test_a_plan_of_nothing_ends(capsys: pytest.CaptureFixture[str]) -> None:
    server = Asked(list("abc"), {"a", "b", "c"}, set())
    _erase(server, asked(), "r", False, True, False)
    assert (server.tried, capsys.readouterr().out.count("not erased: run")) == ([], 3)
