"""How fast writes are answered, every answer being durable."""

from typing import Any

from bench.measures import Measure, Row, Sample, Stage, rated

RUNS = 32


class RateOfOneWrite(Measure):
    """Requests a second of one kind to 32 fresh runs; subclasses say which."""

    workload: str
    connections = 32
    runs = RUNS
    at_most_per_second = 20_000

    def measure(self, stage: Stage, prepared: Any) -> Sample:
        run_ids = stage.new_runs(stage.new_experiment(self.name), self.runs)
        count = stage.requests_at_most(self.at_most_per_second) // self.connections
        parameters = {"run_ids": run_ids, "count": count}
        return rated(
            stage,
            self.rows[0],
            lambda: stage.timed_load(self.workload, parameters, self.connections),
            run_id=run_ids[0],
        )


class LogMetric(RateOfOneWrite):
    name = "log-metric"
    rows = (Row("log-metric", "log-metric, 32 connections", 10_000, "requests/s", "higher"),)
    workload = "log_metric"


class LogMetricAlone(RateOfOneWrite):
    name = "log-metric-1"
    rows = (Row("log-metric-1", "log-metric, 1 connection", 2_000, "requests/s", "higher"),)
    workload = "log_metric"
    connections = 1
    at_most_per_second = 6_000


class SetTag(RateOfOneWrite):
    name = "set-tag"
    rows = (Row("set-tag", "set-tag", 10_000, "requests/s", "higher"),)
    workload = "set_tag"


class LogParameter(RateOfOneWrite):
    """Every param is new to its run, and runs are many enough that none gets an unlikely number of them."""

    name = "log-parameter"
    rows = (Row("log-parameter", "log-parameter", 5_000, "requests/s", "higher"),)
    workload = "log_parameter"
    runs = 10 * RUNS
    at_most_per_second = 12_000


class CreateRuns(Measure):
    name = "runs-create"
    rows = (Row("runs-create", "runs/create", 4_000, "requests/s", "higher"),)

    def measure(self, stage: Stage, prepared: Any) -> Sample:
        experiment_id = stage.new_experiment(self.name)
        first = stage.new_runs(experiment_id, 1)[0]
        parameters = {"experiment_id": experiment_id, "count": stage.requests_at_most(10_000)}
        return rated(stage, self.rows[0], lambda: stage.timed_load("create_runs", parameters), run_id=first)


class LogBatch(Measure):
    """Points a second in batches of one size; subclasses say which."""

    points: int
    at_most_batches_per_second: int

    def measure(self, stage: Stage, prepared: Any) -> Sample:
        run_ids = stage.new_runs(stage.new_experiment(self.name), RUNS)
        batches = stage.requests_at_most(self.at_most_batches_per_second) // 32
        parameters = {"run_ids": run_ids, "points": self.points, "batches": batches}
        return rated(
            stage,
            self.rows[0],
            lambda: stage.timed_load("log_batch", parameters),
            per_request=self.points,
            run_id=run_ids[0],
        )


class LogBatchOf10(LogBatch):
    name = "log-batch-10"
    rows = (Row("log-batch-10", "log-batch of 10 metrics", 60_000, "points/s", "higher"),)
    points = 10
    at_most_batches_per_second = 15_000


class LogBatchOf1000(LogBatch):
    name = "log-batch-1000"
    rows = (Row("log-batch-1000", "log-batch of 1,000 metrics", 1_000_000, "points/s", "higher"),)
    points = 1_000
    at_most_batches_per_second = 1_600


class ShortRuns(Measure):
    """Whole training runs: create; 20 params, 5 tags and 50 metrics in one batch; end."""

    name = "short-runs"
    rows = (Row("short-runs", "whole short runs, 3 requests each", 1_000, "runs/s", "higher"),)

    def measure(self, stage: Stage, prepared: Any) -> Sample:
        experiment_id = stage.new_experiment(self.name)
        first = stage.new_runs(experiment_id, 1)[0]
        parameters = {"experiment_id": experiment_id, "bodies": 60}
        return rated(
            stage,
            self.rows[0],
            lambda: stage.timed_load("short_runs", parameters),
            per_request=1 / 3,
            run_id=first,
        )
