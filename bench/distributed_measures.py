"""What only a system of several processes is asked: how soon a write is seen, and what each process costs."""

import threading
from typing import Any

from bench import process_tree
from bench.load_generator import LoadResult
from bench.measures import Measure, NotMeasurableError, Row, Sample, Stage
from bench.training_data import FIRST_TIMESTAMP_MS
from bench.write_measures import RUNS

MEBIBYTE = 1 << 20
HOT_BATCHES = 2_000
SAMPLES_EVERY_S = 0.2


class ProjectedPoints(Measure):
    """Points in batches of 1,000: accepted a second, and a second until a read shows them all."""

    name = "log-batch-1000"
    rows: tuple[Row, ...] = (
        Row("log-batch-1000", "log-batch of 1,000 metrics, accepted", 500_000, "points/s", "higher"),
        Row("projected-1000", "log-batch of 1,000 metrics, projected", 300_000, "points/s", "higher"),
    )
    points = 1_000

    def measure(self, stage: Stage, prepared: Any) -> Sample:
        run_ids = stage.new_runs(stage.new_experiment(self.name), RUNS)
        parameters = {"run_ids": run_ids, "points": self.points, "batches": stage.requests_at_most(1_600) // 32}
        cpu_before = process_tree.cpu_seconds(stage.running.pid)
        result = stage.timed_load("log_batch", parameters)
        caught_up_s = max(stage.catch_up_s(run_id) for run_id in run_ids)
        cpu = process_tree.cpu_spent(cpu_before, process_tree.cpu_seconds(stage.running.pid))
        points = result.requests * self.points
        values = {
            "log-batch-1000": result.per_second * self.points,
            "projected-1000": points / (result.elapsed_s + caught_up_s),
        }
        detail = result.summary() | {"server_cpu_s": cpu, "catch_up_s": round(caught_up_s, 3)}
        return Sample(values, result.errors, "", detail)


class VisibleAfter(Measure):
    """From the answer to a write until a read that shows it is answered: one client, which writes and reads in turn."""

    name = "visible"
    rows: tuple[Row, ...] = (
        Row("visible-p50", "write answered to visible in a read, p50", 5, "ms", "lower"),
        Row("visible-p99", "write answered to visible in a read, p99", 50, "ms", "lower"),
    )

    def measure(self, stage: Stage, prepared: Any) -> Sample:
        run_id = stage.new_runs(stage.new_experiment(self.name), 1)[0]
        count = stage.settings.size(1_000, 200)
        requests: list[tuple[str, str, Any]] = []
        for step in range(count):
            point = {"run_id": run_id, "key": "m", "value": step, "step": step, "timestamp": FIRST_TIMESTAMP_MS + step}
            requests.append(("POST", "runs/log-metric", point))
            requests.append(("GET", "runs/get", [("run_id", run_id)]))
        result = stage.load("repeated", {"requests": requests, "count": len(requests)}, connections=1)
        reads = sorted(result.latencies_ms[1::2])
        [latest] = stage.running.get("runs/get", [("run_id", run_id)])["run"]["data"]["metrics"]
        assert latest["step"] == count - 1
        values = {"visible-p50": reads[len(reads) // 2], "visible-p99": reads[int(len(reads) * 0.99)]}
        return Sample(values, result.errors, "", result.summary())


class HotNeighbour(Measure):
    """How much slower others are served while one run takes points without end: p95 with, over p95 without."""

    name = "hot-run"
    rows: tuple[Row, ...] = (
        Row("hot-run-write", "log-metric p95 beside a hot run, times that without", 2, "times", "lower"),
        Row("hot-run-read", "runs/get p95 beside a hot run, times that without", 2, "times", "lower"),
    )

    def prepare(self, stage: Stage) -> list[str]:
        return stage.new_runs(stage.new_experiment(self.name), 32, "furnished_runs")

    def measure(self, stage: Stage, prepared: list[str]) -> Sample:
        alone = self._p95(stage, prepared)
        hot_run = stage.new_runs(stage.new_experiment("hot"), 1)
        hot: list[LoadResult] = []
        parameters = {"run_ids": hot_run, "points": 1_000, "batches": HOT_BATCHES}
        load = threading.Thread(
            target=lambda: hot.append(
                stage.load("log_batch", parameters, connections=1, limit_s=3 * stage.settings.duration_s)
            )
        )
        load.start()
        beside = self._p95(stage, prepared)
        load.join()
        values = {"hot-run-write": beside["write"] / alone["write"], "hot-run-read": beside["read"] / alone["read"]}
        detail = {"alone_p95_ms": alone, "beside_p95_ms": beside, "hot_points_per_s": hot[0].per_second * 1_000}
        return Sample(values, hot[0].errors, "", detail)

    @staticmethod
    def _p95(stage: Stage, run_ids: list[str]) -> dict[str, float]:
        """Of four clients that write, then of four that read."""
        count = stage.requests_at_most(2_000)
        write = stage.timed_load("log_metric", {"run_ids": run_ids, "count": count}, connections=4)
        read = stage.timed_load("get_run", {"run_ids": run_ids}, connections=4)
        if write.errors or read.errors:
            raise NotMeasurableError(f"others got errors: {(write.error_texts + read.error_texts)[0][:200]}")
        return {"write": write.latency_ms(0.95), "read": read.latency_ms(0.95)}


class MemoryOfARole(Measure):
    """The most memory that any role took under a load of all kinds."""

    name = "role-memory"
    rows: tuple[Row, ...] = (Row("role-memory", "resident memory of the largest role, peak", 200, "MB", "lower"),)

    def measure(self, stage: Stage, prepared: Any) -> Sample:
        peaks: dict[str, int] = {}
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(SAMPLES_EVERY_S):
                for process, memory in process_tree.resident_by_process(stage.running.pid).items():
                    peaks[process] = max(peaks.get(process, 0), memory)

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            self._load(stage)
        finally:
            ended.set()
            watching.join()
        roles = {name: peak / MEBIBYTE for name, peak in peaks.items() if " tracklog " in f" {name} "}
        if not roles:
            raise NotMeasurableError("no roles")
        detail = {name: round(peak / MEBIBYTE, 1) for name, peak in peaks.items()}
        return Sample({"role-memory": max(roles.values())}, detail={"peak_mb": detail})

    @staticmethod
    def _load(stage: Stage) -> None:
        run_ids = stage.new_runs(stage.new_experiment("memory"), 32)
        experiment_id = stage.new_experiment("memory-runs")
        stage.timed_load("log_metric", {"run_ids": run_ids, "count": stage.requests_at_most(15_000) // 32})
        stage.timed_load(
            "log_batch", {"run_ids": run_ids, "points": 1_000, "batches": stage.requests_at_most(1_600) // 32}
        )
        stage.timed_load("short_runs", {"experiment_id": experiment_id, "bodies": 60})
        stage.timed_load("search_runs", {"experiment_id": experiment_id, "max_results": 100}, connections=4)
