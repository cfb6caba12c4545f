"""The frame every measure fits: rows of the table with their goals, and how one round is taken."""

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from bench import process_tree
from bench.load_generator import LoadPlan, LoadResult, generate
from bench.server_process import ServerProcess
from bench.servers import Server

CATCH_UP_LIMIT_S = 120
SETUP_LIMIT_S = 300


class NotMeasurableError(Exception):
    """A server cannot take part in a measure; the text says why and stands in the table."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `goal` is in `unit`."""

    name: str
    title: str
    goal: float
    unit: str
    better: Literal["higher", "lower"]

    def met_by(self, value: float) -> bool:
        return value >= self.goal if self.better == "higher" else value <= self.goal


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How long and how large, and the folder in which each server gets one for its data.

    `quick` values are for a first look and never reach the published table.
    """

    data_root: Path
    quick: bool = False
    rounds: int = 3
    warmup_s: float = 1.0
    duration_s: float = 5.0

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full


@dataclass(slots=True)
class Sample:
    """One round of one measure on one server.

    `values` holds one figure a row name. A sample with errors is kept and shown, but counts for nothing.
    """

    values: dict[str, float]
    errors: int = 0
    note: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Stage:
    """Where a measure happens: one server, the settings, the round.

    `process` is absent where the measure starts its own.
    """

    server: Server
    settings: Settings
    process: ServerProcess | None = None
    round: int = 0

    @property
    def running(self) -> ServerProcess:
        assert self.process is not None, "this measure starts its own server"
        return self.process

    def load(self, workload: str, parameters: Mapping[str, Any], **plan: Any) -> LoadResult:
        """Send a load, with the CPU seconds the server's processes spent meanwhile left in `spent`."""
        seed = f"{workload}/{self.round}"
        return generate(
            LoadPlan(port=self.running.port, workload=workload, parameters={"seed": seed, **parameters}, **plan)
        )

    def timed_load(self, workload: str, parameters: Mapping[str, Any], connections: int = 32) -> LoadResult:
        """A load for the settings' duration after their warm-up."""
        settings = self.settings
        return self.load(
            workload,
            parameters,
            connections=connections,
            warmup_s=settings.warmup_s,
            duration_s=settings.duration_s,
        )

    def requests_at_most(self, per_second: int) -> int:
        """How many requests suffice for a timed load at no more than `per_second`."""
        return int(per_second * (self.settings.warmup_s + self.settings.duration_s))

    def new_experiment(self, purpose: str) -> str:
        name = f"{purpose}-{self.round}-{time.time_ns()}"
        experiment_id: str = self.running.post("experiments/create", {"name": name})["experiment_id"]
        return experiment_id

    def new_runs(self, experiment_id: str, count: int, workload: str = "create_runs") -> list[str]:
        """Ids of `count` new runs; `workload` says how furnished they are."""
        parameters = {"experiment_id": experiment_id, "count": count}
        if workload == "create_runs":
            parameters["keep"] = True
        result = self.load(workload, parameters, connections=self.server.setup_connections, limit_s=SETUP_LIMIT_S)
        if result.cut_short:
            raise NotMeasurableError(f"did not take {count} runs within {SETUP_LIMIT_S} s")
        if result.errors:
            raise NotMeasurableError(f"making {count} runs failed: {result.error_texts[0][:200]}")
        return result.kept

    def catch_up_s(self, run_id: str) -> float:
        """Seconds until a read that must see all writes so far is answered."""
        started = time.perf_counter()
        while self.running.answers_behind("runs/get", [("run_id", run_id)]):
            if time.perf_counter() - started > CATCH_UP_LIMIT_S:
                raise TimeoutError(f"reads are still behind the writes after {CATCH_UP_LIMIT_S} s")
        return time.perf_counter() - started


class Measure(ABC):
    """One thing to measure, giving one or more rows.

    `prepare` is called once a server and may be slow; `measure` once a round, with what `prepare` returned.
    """

    name: ClassVar[str]
    rows: tuple[Row, ...]
    starts_own_server: ClassVar[bool] = False

    def prepare(self, stage: Stage) -> Any:
        """Fill the server with what the rounds need."""
        return None

    @abstractmethod
    def measure(self, stage: Stage, prepared: Any) -> Sample:
        """Take one round."""


def rated(stage: Stage, row: Row, take: Any, per_request: float = 1.0, run_id: str | None = None) -> Sample:
    """A sample from a load: requests a second times `per_request`, with CPU and catch-up as detail."""
    cpu_before = process_tree.cpu_seconds(stage.running.pid)
    result: LoadResult = take()
    caught_up_s = stage.catch_up_s(run_id) if run_id else 0.0
    cpu = process_tree.cpu_spent(cpu_before, process_tree.cpu_seconds(stage.running.pid))
    detail = result.summary() | {"server_cpu_s": cpu, "catch_up_s": round(caught_up_s, 3)}
    note = json.dumps(result.error_texts[:1]) if result.errors else ""
    return Sample({row.name: result.per_second * per_request}, result.errors, note, detail)
