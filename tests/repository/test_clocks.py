"""Tests wait for events, not for a time that is long enough on one machine and too short on another.

A wait that looks again and again is one for an event. How time may pass without a clock: `tests/virtual_time.py`.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

TESTS: Final = Path(__file__).resolve().parents[1]

CLOCKS: Final = {"monotonic", "perf_counter", "process_time", "time"}

TIERS_OF_CHANCE: Final = ("abuse", "crash")
"""What strikes there comes at a random time, which is what is waited for."""

ALLOWED: Final = {
    "integration/folding_process.py": 1,  # a worker that rests between batches, so that it is struck in the middle
    "integration/test_exactly_once.py": 2,  # as the tiers of chance
    "services/webhook_receiver.py": 1,  # a receiver that is told to be slow
    "unit/tracklog/webhooks/test_sender.py": 1,  # as slow as a receiver
}
"""How many waits there are in a file, where they are not what a test waits for an event by. No number may rise."""


def name_called(node: ast.AST) -> str:
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def is_time_since(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and name_called(node.left) in CLOCKS


def is_bound(node: ast.AST) -> bool:
    """Whether a test fails when something took too long by the clock."""
    return isinstance(node, ast.Assert) and any(
        isinstance(one, ast.Compare) and is_time_since(one.left) and isinstance(one.ops[0], ast.Lt | ast.LtE)
        for one in ast.walk(node.test)
    )


def is_wait(node: ast.AST) -> bool:
    """Whether time passes here; a sleep of no time lets others run, and takes as long as they do."""
    return name_called(node) == "sleep" and not (
        isinstance(node, ast.Call) and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
    )


def by_the_clock(node: ast.AST, *, in_loop: bool = False) -> Iterator[int]:
    """The lines of a test that hold something to a clock, or wait without looking for anything."""
    if is_bound(node) or (is_wait(node) and not in_loop):
        yield getattr(node, "lineno", 0)
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from by_the_clock(child)
        else:
            yield from by_the_clock(child, in_loop=in_loop or isinstance(node, ast.While | ast.For | ast.AsyncFor))


def is_in_virtual_time(source: str) -> bool:
    return "from tests.virtual_time import" in source


def found() -> dict[str, list[int]]:
    lines = {}
    for path in sorted(TESTS.rglob("*.py")):
        place = path.relative_to(TESTS)
        source = path.read_text()
        if place.parts[0] not in TIERS_OF_CHANCE and not is_in_virtual_time(source):
            lines[place.as_posix()] = list(by_the_clock(ast.parse(source)))
    return {place: at for place, at in lines.items() if at}


def test_nothing_is_held_to_a_clock_and_nothing_is_waited_for_by_one() -> None:
    assert {place: len(at) for place, at in found().items()} == ALLOWED, found()


@pytest.mark.parametrize(
    "body",
    [
        "assert time.monotonic() - began < 10",
        "assert perf_counter() - began <= 10",
        "assert a and time.time() - began < 10",
        "time.sleep(0.1)",
        "await asyncio.sleep(PAUSE_S)",
        "while looking:\n        async def f():\n            await sleep(1)",
    ],
)
def test_a_clock_would_be_found(body: str) -> None:
    assert len(list(by_the_clock(ast.parse(f"async def test():\n    {body}")))) == 1


@pytest.mark.parametrize(
    "body",
    [
        "await asyncio.sleep(0)",
        "while not there:\n        await asyncio.sleep(0.01)",
        "for _ in range(3):\n        sleep(0.01)",
        "while not there:\n        assert time.monotonic() < deadline",
        "assert time.monotonic() - began > 0.1",
    ],
)
def test_a_wait_for_an_event_is_none_by_a_clock(body: str) -> None:
    assert list(by_the_clock(ast.parse(f"async def test():\n    {body}"))) == []
