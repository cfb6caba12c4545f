"""Raw results as JSON: every sample of every round, and the medians the table shows."""

import datetime
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.measures import Measure, Sample, Settings
from bench.servers import PROJECT


@dataclass(slots=True)
class Cell:
    """What one server reached in one row: the median of its rounds, or why there is none."""

    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""


@dataclass(slots=True)
class Results:
    """Samples by measure and server; `cells` by row and server."""

    machine: dict[str, Any]
    measures: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    cells: dict[str, dict[str, Cell]] = field(default_factory=dict)

    def add(self, measure: Measure, server: str, samples: list[Sample], settings: Settings) -> None:
        self.measures.setdefault(measure.name, {})[server] = {
            "measured_at": _now(),
            "commit": _commit(),
            "duration_s": settings.duration_s,
            "samples": [asdict(sample) for sample in samples],
        }
        for row in measure.rows:
            self.cells.setdefault(row.name, {})[server] = _cell(row.name, samples)

    def add_failure(self, measure: Measure, server: str, reason: str) -> None:
        self.measures.setdefault(measure.name, {})[server] = {"measured_at": _now(), "failure": reason}
        for row in measure.rows:
            self.cells.setdefault(row.name, {})[server] = Cell(None, note=reason.splitlines()[0][:120])

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")


def load(path: Path) -> Results:
    """Results kept in a file, so that a run of a few measures leaves the others as they were; empty without it."""
    results = Results(machine=_machine())
    if path.exists():
        kept = json.loads(path.read_text())
        results.measures = kept["measures"]
        results.cells = {
            row: {server: Cell(**cell) for server, cell in cells.items()} for row, cells in kept["cells"].items()
        }
    return results


def _cell(row: str, samples: list[Sample]) -> Cell:
    valid = [sample.values[row] for sample in samples if row in sample.values and not sample.errors]
    notes = [sample.note for sample in samples if sample.note]
    if valid:
        note = notes[0] if notes and not any(sample.errors for sample in samples) else ""
        return Cell(statistics.median(valid), min(valid), max(valid), note)
    with_errors = [sample for sample in samples if sample.errors and row in sample.values]
    if with_errors:
        sample = with_errors[0]
        return Cell(
            None, note=f"invalid: {sample.errors} errors, {sample.values[row]:,.0f} otherwise; {sample.note[:160]}"
        )
    return Cell(None, note=notes[0] if notes else "not measured")


def _machine() -> dict[str, Any]:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    return {
        "measured_at": _now(),
        "commit": _commit(),
        "cores": os.cpu_count(),
        "processor": model,
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "fdatasync_us": _fdatasync_us(),
    }


def _fdatasync_us(writes: int = 200) -> int:
    """Microseconds to append 4 KiB and have it on disk: the floor under every durable answer."""
    with tempfile.TemporaryFile() as file:
        started = time.perf_counter()
        for _ in range(writes):
            file.write(bytes(4096))
            file.flush()
            os.fdatasync(file.fileno())
        return round((time.perf_counter() - started) / writes * 1e6)


def _commit() -> str:
    git = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    return git.stdout.strip() or "unknown"


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
