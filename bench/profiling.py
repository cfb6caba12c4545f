"""Where a server spends its time in a measure: py-spy's samples of its process tree, summed by function."""

import collections
import signal
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
FUNCTIONS_SHOWN = 40
ENTRY_SHARE = 0.8
"""A function under this share of all samples that is never on top only leads to the work and is left out."""


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
            *("--rate", str(SAMPLES_PER_S), "--output", str(stacks), "--duration", "600", "--nonblocking"),
            *("--threads", "--function"),
        ]
        profiler = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1.0)  # py-spy attaches
        sample = measure.measure(stage, prepared)
        profiler.send_signal(signal.SIGINT)
        profiler.wait(60)
        print(f"{measure.name} under the profiler: {sample.values}")
        print(_summary(stacks.read_text()))


def _summary(stacks: str) -> str:
    """Per thread of each process: share of its samples with a function on top (self) and anywhere in them (total)."""
    own: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    total: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for line in stacks.splitlines():
        frames, _, count = line.rpartition(" ")
        places = [name for name in frames.split(";") if name.startswith(("process ", "thread "))]
        functions = [name for name in frames.split(";") if name not in places]
        if functions:
            where = " ".join(_shortened(place) for place in places[-2:])
            own[where][functions[-1]] += int(count)
            total[where].update(dict.fromkeys(functions, int(count)))
    busiest_first = sorted(own, key=lambda where: -own[where].total())
    return "\n".join(_thread(where, own[where], total[where]) for where in busiest_first)


def _thread(where: str, own: collections.Counter[str], total: collections.Counter[str]) -> str:
    samples = own.total()
    entries = {name for name in total if not own[name] and total[name] > ENTRY_SHARE * samples}
    shown = sorted(total.keys() - entries, key=lambda name: -(own[name] * 3 + total[name]))[:FUNCTIONS_SHOWN]
    lines = [f"{own[name] / samples:7.1%} {total[name] / samples:7.1%} {name}" for name in shown]
    return "\n".join([f"\n{where}: {samples / SAMPLES_PER_S:.1f} s busy", f"{'self':>7} {'total':>7}", *lines])


def _shortened(place: str) -> str:
    """`process 42:"…/python -m tracklog.embedded.x /path"` as `process 42 tracklog.embedded.x`."""
    kind_and_id, _, command = place.partition(":")
    module = command.partition(" -m ")[2].split(" ")[0]
    return f"{kind_and_id} {module or command[:40]}".strip().strip('"')
