"""Where a server spends its time in a measure: py-spy's samples of its process tree, summed by function."""

import collections
import subprocess
import tempfile
import time
from pathlib import Path

from bench.measures import Measure, Settings, Stage
from bench.peer_installation import install
from bench.server_process import running
from bench.servers import Server

PROFILER = "py-spy==0.4.3"
SAMPLES_PER_S = 200
FUNCTIONS_SHOWN = 45


def profile(measure: Measure, server: Server, settings: Settings) -> None:
    """Take one round under the profiler and print, for each process and thread group, the busiest functions."""
    if measure.starts_own_server:
        raise SystemExit(f"{measure.name} starts servers of its own and cannot be profiled")
    programs = install("profiler", PROFILER)
    with running(server, settings.data_root) as process, tempfile.TemporaryDirectory() as folder:
        stage = Stage(server, settings, process)
        prepared = measure.prepare(stage)
        stacks = Path(folder) / "stacks.txt"
        command = [
            *(str(programs / "py-spy"), "record", "--pid", str(process.pid), "--subprocesses", "--format", "raw"),
            *("--rate", str(SAMPLES_PER_S), "--output", str(stacks), "--duration", "600", "--nonblocking", "--threads"),
        ]
        profiler = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1.0)  # py-spy attaches
        sample = measure.measure(stage, prepared)
        profiler.send_signal(2)
        profiler.wait(60)
        print(f"{measure.name} under the profiler: {sample.values}")
        print(_summary(stacks.read_text()))


def _summary(stacks: str) -> str:
    """Per process and thread: samples with each function on top (self) and anywhere on the stack (total)."""
    own: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    total: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for line in stacks.splitlines():
        frames, _, count = line.rpartition(" ")
        names = frames.split(";")
        where = " ".join(name for name in names[:2] if name.startswith(("process", "thread")))
        functions = [name for name in names if not name.startswith(("process", "thread"))]
        if functions:
            own[where][functions[-1]] += int(count)
            for function in set(functions):
                total[where][function] += int(count)
    parts = []
    for where, counts in sorted(own.items(), key=lambda item: -item[1].total()):
        parts.append(f"\n{where}: {counts.total() / SAMPLES_PER_S:.1f} s busy")
        parts.append(f"{'self':>7} {'total':>7}")
        shown = sorted(total[where], key=lambda name: -(counts[name] * 3 + total[where][name]))[:FUNCTIONS_SHOWN]
        parts += [
            f"{counts[name] / counts.total():7.1%} {total[where][name] / counts.total():7.1%} {name}" for name in shown
        ]
    return "\n".join(parts)
