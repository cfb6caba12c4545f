"""What a process and all its descendants use, read from /proc (Linux only)."""

import os
from dataclasses import dataclass
from pathlib import Path

_CLOCK_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of a process tree, in bytes.

    `pss` counts a page shared by n processes as 1/n in each, so its sum is what the tree really occupies; `rss`
    counts it n times.
    """

    pss: int
    rss: int


def tree(root_pid: int) -> list[int]:
    """Pids of the root and its living descendants; empty once the root is gone."""
    found: list[int] = []
    waiting = [root_pid]
    while waiting:
        pid = waiting.pop()
        children = _children(pid)
        if children is not None:
            found.append(pid)
            waiting += children
    return found


def birth(pid: int) -> int | None:
    """Clock ticks since boot when a process started, which tells it from a later one of its pid; None once gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(_after_command(stat)[19])


def memory(root_pid: int) -> Memory:
    """Resident memory summed over the tree; a process that ends meanwhile counts as nothing."""
    pss = rss = 0
    for pid in tree(root_pid):
        fields = _smaps_rollup(pid)
        pss += fields.get("Pss", 0)
        rss += fields.get("Rss", 0)
    return Memory(pss=pss, rss=rss)


def resident_by_process(root_pid: int) -> dict[str, int]:
    """Resident bytes of every living process of the tree, shared pages included, keyed `pid command`."""
    return {
        f"{pid} {command}": _smaps_rollup(pid).get("Rss", 0)
        for pid in tree(root_pid)
        if (command := _command(pid)) is not None
    }


def cpu_seconds(root_pid: int) -> dict[str, float]:
    """User and system CPU seconds of every living process of the tree, keyed `pid command`."""
    seconds: dict[str, float] = {}
    for pid in tree(root_pid):
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        fields = _after_command(stat)
        seconds[f"{pid} {_command(pid)}"] = (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS_PER_S
    return seconds


def cpu_spent(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """CPU seconds each process spent between two readings of `cpu_seconds`."""
    return {process: round(seconds - before.get(process, 0.0), 2) for process, seconds in after.items()}


def _after_command(stat: str) -> list[str]:
    """Fields of /proc/<pid>/stat from the third on; the second, the command, may hold blanks."""
    return stat[stat.rindex(")") + 2 :].split()


def _command(pid: int) -> str | None:
    """The beginning of a process's command line; None once it is gone."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return words.decode(errors="replace")[:120].strip()


def _children(pid: int) -> list[int] | None:
    children: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += [int(child) for child in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return None
    return children


def _smaps_rollup(pid: int) -> dict[str, int]:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except (FileNotFoundError, ProcessLookupError):
        return {}
    fields: dict[str, int] = {}
    for line in lines:
        name, _, rest = line.partition(":")
        if name in ("Pss", "Rss"):
            fields[name] = int(rest.split()[0]) * 1024
    return fields
