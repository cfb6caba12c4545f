"""What a server takes: disk, memory, and time to start. Each round has a server and a folder of its own."""

import threading
from pathlib import Path
from typing import Any

from bench import process_tree
from bench.measures import Measure, NotMeasurableError, Row, Sample, Stage
from bench.process_tree import Memory
from bench.server_process import ServerProcess, empty_folder, running
from bench.training_data import METRIC_KEYS

MEBIBYTE = 1 << 20
MEMORY_SAMPLES_EVERY_S = 0.1
SETTLE_S = 3.0
BATCH_POINTS = 1_000


class BytesOnDisk(Measure):
    """Bytes a metric point after a clean stop: 10 runs, ten keys, batches of 1,000 points, no value twice.

    The whole files are counted, so what an empty server takes is in the figure. A server without a log keeps all it
    has in what is its read model here.
    """

    name = "disk"
    rows = (
        Row("disk-log", "disk: log", 16, "bytes/point", "lower"),
        Row("disk-read-model", "disk: read model", 12, "bytes/point", "lower"),
    )
    starts_own_server = True

    def measure(self, stage: Stage, prepared: Any) -> Sample:
        points = stage.settings.size(2_000_000, 200_000) if stage.server.name == "tracklog" else 200_000
        with empty_folder(stage.server, stage.settings.data_root) as folder:
            process = ServerProcess(stage.server, folder)
            try:
                process.wait_until_searchable()
                stage.process = process
                self._log(stage, points)
            finally:
                process.stop()
            return self._sizes(stage, folder, points)

    @staticmethod
    def _log(stage: Stage, points: int) -> None:
        run_ids = stage.new_runs(stage.new_experiment("disk"), 10)
        parameters = {
            "run_ids": run_ids,
            "points": BATCH_POINTS,
            "batches": points // BATCH_POINTS // len(run_ids),
            "keys": list(METRIC_KEYS),
        }
        result = stage.load("distinct_batches", parameters, connections=stage.server.setup_connections, limit_s=300.0)
        if result.errors or result.cut_short:
            raise NotMeasurableError(f"loading failed: {(result.error_texts or ['too slow'])[0][:200]}")
        stage.catch_up_s(run_ids[0])

    @staticmethod
    def _sizes(stage: Stage, folder: Path, points: int) -> Sample:
        files = {
            str(f.relative_to(folder)): f.stat().st_size
            for f in folder.rglob("*")
            if f.is_file() and not f.is_symlink()
        }
        log = sum(f.stat().st_size for pattern in stage.server.log_files for f in folder.glob(pattern))
        read_model = sum(f.stat().st_size for pattern in stage.server.read_model_files for f in folder.glob(pattern))
        if not read_model:
            raise NotMeasurableError(f"no read model among {sorted(files)}")
        values = {"disk-read-model": read_model / points}
        if stage.server.log_files:
            values["disk-log"] = log / points
        note = "" if stage.server.log_files else "one database"
        return Sample(values, note=note, detail={"files": files, "points": points})


class ResidentMemory(Measure):
    """Memory of the process tree: settled after start, and its peak under a load of all kinds.

    Judged by the proportional set size, which counts a page shared by several processes once. Requests that fail are
    noted, but do not make the figures invalid.
    """

    name = "memory"
    rows = (
        Row("memory-start", "resident memory after start", 100, "MB", "lower"),
        Row("memory-load", "resident memory under load, peak", 150, "MB", "lower"),
    )
    starts_own_server = True

    def measure(self, stage: Stage, prepared: Any) -> Sample:
        with running(stage.server, stage.settings.data_root) as process:
            stage.process = process
            threading.Event().wait(SETTLE_S)
            at_start = process_tree.memory(process.pid)
            with _PeakMemory(process.pid) as peak:
                errors = _load_of_all_kinds(stage)
        detail = {
            name: {"pss_mb": round(memory.pss / MEBIBYTE, 1), "rss_mb": round(memory.rss / MEBIBYTE, 1)}
            for name, memory in (("start", at_start), ("load", peak.memory))
        }
        values = {"memory-start": at_start.pss / MEBIBYTE, "memory-load": peak.memory.pss / MEBIBYTE}
        return Sample(values, note=f"{errors} requests failed" if errors else "", detail=detail)


def _load_of_all_kinds(stage: Stage) -> int:
    """Single metrics, large batches, short runs, searches; returns the number of errors."""
    experiment_id = stage.new_experiment("memory")
    run_ids = stage.new_runs(experiment_id, 32)
    loads = [
        stage.timed_load("log_metric", {"run_ids": run_ids, "count": stage.requests_at_most(15_000) // 32}),
        stage.timed_load(
            "log_batch", {"run_ids": run_ids, "points": 1_000, "batches": stage.requests_at_most(1_600) // 32}
        ),
        stage.timed_load("short_runs", {"experiment_id": experiment_id, "bodies": 60}),
        stage.timed_load("search_runs", {"experiment_id": experiment_id, "max_results": 100}, connections=4),
    ]
    return sum(load.errors for load in loads)


class ColdStart(Measure):
    """Seconds from starting the process on an empty folder to its first answers."""

    name = "cold-start"
    rows = (
        Row("cold-start-health", "cold start to first /health", 1, "s", "lower"),
        Row("cold-start-search", "cold start to first experiments/search", 1, "s", "lower"),
    )
    starts_own_server = True

    def measure(self, stage: Stage, prepared: Any) -> Sample:
        with empty_folder(stage.server, stage.settings.data_root) as folder:
            process = ServerProcess(stage.server, folder)
            try:
                health_s = process.wait_until_healthy()
                search_s = process.wait_until_searchable()
            finally:
                process.stop()
        return Sample({"cold-start-health": health_s, "cold-start-search": search_s})


class _PeakMemory:
    """The largest memory of a process tree seen while the context lasts."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.memory = Memory(0, 0)

    def __enter__(self) -> "_PeakMemory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(MEMORY_SAMPLES_EVERY_S):
            now = process_tree.memory(self._pid)
            self.memory = max(self.memory, now, key=lambda memory: memory.pss)
