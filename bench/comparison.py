"""This checkout beside an earlier revision of it: the same measures, in turns, and the ratio round by round.

The speed of a shared machine drifts within minutes, so only two figures of one round are compared. Whoever goes first
changes with each round.
"""

import statistics
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.measures import Measure, Row, Sample, Settings, Stage
from bench.server_process import running
from bench.servers import PROJECT, Server

CHECKOUTS = Path(__file__).parent / ".peers"


def earlier(server: Server, revision: str) -> Server:
    """`server` as it was at `revision`, which is checked out below bench/.peers/ and runs with today's dependencies.

    Raises CalledProcessError for a revision that git does not know.
    """
    commit = _git("rev-parse", "--short", f"{revision}^{{commit}}")
    checkout = CHECKOUTS / f"revision-{commit}"
    if not checkout.exists():
        _git("worktree", "prune")
        _git("worktree", "add", "--detach", str(checkout), commit)

    def command(port: int, folder: Path) -> list[str]:
        return ["env", f"PYTHONPATH={checkout}", *server.command(port, folder)]

    # Not in the project's folder, whose modules Python would find before those of the checkout.
    name, title = f"{server.name}-{commit}", f"{server.title} at {commit}"
    return replace(server, name=name, title=title, command=command, runs_in_project=False)


def compare(measures: Sequence[Measure], now: Server, before: Server, settings: Settings) -> str:
    """Measure both servers in turns; a markdown table of medians, and of the ratios of the rounds."""
    lines = [
        f"| measure | {before.title} | {now.title} | now / before: median | lowest | highest |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for measure in measures:
        rounds = _rounds(measure, now, before, settings)
        lines += [_line(row, rounds) for row in measure.rows]
    return "\n".join(lines)


def _rounds(measure: Measure, now: Server, before: Server, settings: Settings) -> list[tuple[Sample, Sample]]:
    """One sample of each server for every round, of rounds without errors."""
    with ExitStack() as stack:
        stages = [Stage(server, settings) for server in (now, before)]
        prepared: list[Any] = []
        for stage in stages:
            if not measure.starts_own_server:
                stage.process = stack.enter_context(running(stage.server, settings.data_root))
            prepared.append(measure.prepare(stage))
        rounds = []
        for number in range(settings.rounds):
            samples: dict[int, Sample] = {}
            for which in (0, 1) if number % 2 == 0 else (1, 0):
                stages[which].round = number
                samples[which] = measure.measure(stages[which], prepared[which])
            pair = samples[0], samples[1]
            figures = " against ".join(
                str({name: round(value, 2) for name, value in one.values.items()}) for one in pair
            )
            print(f"{measure.name} [{number + 1}]: {figures}", flush=True)
            if not any(sample.errors for sample in pair):
                rounds.append(pair)
        return rounds


def _line(row: Row, rounds: Sequence[tuple[Sample, Sample]]) -> str:
    pairs = [(now.values[row.name], before.values[row.name]) for now, before in rounds]
    if not pairs:
        return f"| {row.title} | every round had errors | | | | |"
    ratios = [now / before for now, before in pairs]
    medians = [statistics.median(side) for side in zip(*pairs, strict=True)]
    return (
        f"| {row.title}, {row.unit} | {medians[1]:,.1f} | {medians[0]:,.1f} | {statistics.median(ratios):.3f}"
        f" | {min(ratios):.3f} | {max(ratios):.3f} |"
    )


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=PROJECT, capture_output=True, text=True, check=True).stdout.strip()
