"""Signals to a process and everything it started, also to children that left its group."""

import os
import signal
from collections import defaultdict
from pathlib import Path


def descendants(pid: int) -> list[int]:
    """The processes that descend from `pid` just now, without itself."""
    children = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (parent := parent_of(int(entry.name))) is not None:
            children[parent].append(int(entry.name))
    found = list(children[pid])
    for child in found:
        found.extend(children[child])
    return found


def parent_of(pid: int) -> int | None:
    """The parent of a process; None when it has ended, or waits only to be reaped."""
    try:
        # The name, in parentheses, may contain anything.
        state, parent, *_ = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state in "ZX" else int(parent)


def suspend_tree(pid: int) -> list[int]:
    """SIGSTOP to all of them, parents before children, until none is left that could have a new child."""
    stopped: list[int] = []
    while new := [found for found in (pid, *descendants(pid)) if found not in stopped]:
        for each in new:
            _signal(each, signal.SIGSTOP)
        stopped += new
    return stopped


def resume_tree(pid: int) -> None:
    """SIGCONT to all of them, children first, so that a parent does not take them for hanging."""
    for each in (*reversed(descendants(pid)), pid):
        _signal(each, signal.SIGCONT)


def kill_tree(pid: int) -> list[int]:
    """SIGKILL to all of them as if at one moment: nobody runs any more when the first is killed."""
    stopped = suspend_tree(pid)
    for each in stopped:
        _signal(each, signal.SIGKILL)
    return stopped


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
