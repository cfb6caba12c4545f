"""How fast reads are answered."""

from dataclasses import dataclass
from typing import Any

from bench import process_tree
from bench.load_generator import LoadResult
from bench.measures import SETUP_LIMIT_S, Measure, NotMeasurableError, Row, Sample, Stage, rated
from bench.mlflow_seeding import seed_runs
from bench.server_process import UnexpectedAnswerError
from bench.workloads import search_body

HISTORY_POINTS = 100_000
BATCH_POINTS = 1_000
ONE_AT_A_TIME_LIMIT_S = 30.0
"""Enough for every request of a round when each takes a tenth of a second; a slower server answers fewer of them."""
MLFLOW_RUNS = 10_000
"""It takes seconds a page with these already; with 100,000 a page would outlast the measure."""
BULK_MAX_RESULTS = 320
"""What the run page's charts ask for."""


class GetRun(Measure):
    name = "runs-get"
    rows = (Row("runs-get", "runs/get", 5_000, "requests/s", "higher"),)

    def prepare(self, stage: Stage) -> list[str]:
        return stage.new_runs(stage.new_experiment(self.name), 320, "furnished_runs")

    def measure(self, stage: Stage, prepared: list[str]) -> Sample:
        return rated(stage, self.rows[0], lambda: stage.timed_load("get_run", {"run_ids": prepared}))


class SearchRuns(Measure):
    """Every search has another bound and another optimizer, so no answer can be kept from the one before."""

    name = "runs-search"
    rows = (Row("runs-search", "runs/search, 2,000 runs, 4 clients", 300, "requests/s", "higher"),)

    def prepare(self, stage: Stage) -> str:
        experiment_id = stage.new_experiment(self.name)
        stage.new_runs(experiment_id, 2_000, "furnished_runs")
        found = stage.running.post("runs/search", search_body(experiment_id, 0.9, "= 'adam'", 100))["runs"]
        assert len(found) == 100, f"{len(found)} runs found where 100 must be"
        return experiment_id

    def measure(self, stage: Stage, prepared: str) -> Sample:
        parameters = {"experiment_id": prepared, "max_results": 100}
        return rated(stage, self.rows[0], lambda: stage.timed_load("search_runs", parameters, connections=4))


@dataclass(frozen=True, slots=True)
class _LargeExperiment:
    experiment_id: str
    runs: int
    page_size: int
    deep_page: int
    deep_requests: list[tuple[str, str, Any]]


class SearchManyRuns(Measure):
    """The time of one search page with 100,000 runs, one request at a time; 64 of 100 runs match the filter.

    MLflow's database is filled by SQL. A server that takes runs too slowly is measured with what it took in the time
    allowed, and its size is stated.
    """

    name = "runs-search-100k"
    rows = (
        Row("runs-search-100k-first", "runs/search p95, 100,000 runs, first page", 50, "ms", "lower"),
        Row("runs-search-100k-deep", "runs/search p95, 100,000 runs, 500th page", 50, "ms", "lower"),
    )
    load_limit_s = 600.0
    peer_load_limit_s = 300.0
    quick_load_limit_s = 40.0

    def prepare(self, stage: Stage) -> _LargeExperiment:
        experiment_id = stage.new_experiment(self.name)
        wanted = stage.settings.size(100_000, 10_000)
        runs = self._fill(stage, experiment_id, wanted)
        page_size = 100 if runs > MLFLOW_RUNS else 10
        page = min(500, int(runs * 0.6) // page_size)
        try:
            deep = [self._walk(stage, experiment_id, bound, page_size, page) for bound in (0.80, 0.82, 0.84)]
        except UnexpectedAnswerError as error:
            print(f"{stage.server.title} does not take its own page token: {error}", flush=True)
            deep = []
        return _LargeExperiment(experiment_id, runs, page_size, page, deep)

    def _fill(self, stage: Stage, experiment_id: str, wanted: int) -> int:
        """Load the runs; returns how many the server took in the time allowed."""
        if stage.server.name == "mlflow":
            database = stage.running.folder / "mlflow.db"
            if not database.exists():
                raise NotMeasurableError("not filled: its API takes hours, and its database is no SQLite file")
            seed_runs(database, experiment_id, MLFLOW_RUNS)
            return MLFLOW_RUNS
        parameters = {"experiment_id": experiment_id, "count": wanted}
        connections = stage.server.setup_connections
        limit_s = self.load_limit_s if stage.server.name == "tracklog" else self.peer_load_limit_s
        if stage.settings.quick:
            limit_s = self.quick_load_limit_s
        result = stage.load("furnished_runs", parameters, connections=connections, limit_s=limit_s)
        if result.errors:
            raise NotMeasurableError(f"loading failed: {result.error_texts[0][:200]}")
        stage.catch_up_s(result.kept[0])
        return len(result.kept)

    def _walk(self, stage: Stage, experiment_id: str, bound: float, page_size: int, pages: int) -> tuple[str, str, Any]:
        """The request for page `pages`, found by following the tokens from the first.

        Peers are asked for all pages before it as one large page, since a token of theirs is but a number of runs to
        skip and 500 pages would take them an hour.
        """
        steps, step_size = (pages - 1, page_size) if stage.server.name == "tracklog" else (1, (pages - 1) * page_size)
        token: str | None = None
        for _ in range(steps):
            body = search_body(experiment_id, bound, "!= 'sgd'", step_size, token)
            token = stage.running.post("runs/search", body).get("next_page_token")
            if token is None:
                raise NotMeasurableError(f"pages ended before page {pages}")
        return "POST", "runs/search", search_body(experiment_id, bound, "!= 'sgd'", page_size, token)

    def measure(self, stage: Stage, prepared: _LargeExperiment) -> Sample:
        count = stage.settings.size(200, 60)
        first_bodies = [
            search_body(prepared.experiment_id, 0.8 + i / 1000, "!= 'sgd'", prepared.page_size) for i in range(50)
        ]
        first = self._timed(stage, [("POST", "runs/search", body) for body in first_bodies], count)
        values = {self.rows[0].name: first.latency_ms(0.95)}
        detail = {"first": first.summary(), "runs": prepared.runs, "deep_page": prepared.deep_page}
        errors = first.errors
        if prepared.deep_requests:
            deep = self._timed(stage, prepared.deep_requests, count)
            values[self.rows[1].name] = deep.latency_ms(0.95)
            detail["deep"] = deep.summary()
            errors += deep.errors
        return Sample(values, errors, self._note(prepared), detail)

    @staticmethod
    def _note(prepared: _LargeExperiment) -> str:
        """What differs from the row's title."""
        if not prepared.deep_requests:
            return f"{prepared.runs:,} runs; refuses its own page token"
        return f"{prepared.runs:,} runs, page {prepared.deep_page}" if prepared.runs < 100_000 else ""

    @staticmethod
    def _timed(stage: Stage, requests: list[tuple[str, str, Any]], count: int) -> LoadResult:
        parameters = {"requests": requests, "count": count}
        return stage.load("repeated", parameters, connections=1, limit_s=ONE_AT_A_TIME_LIMIT_S)


class LongHistories(Measure):
    """Reading back 10 runs of 100,000 points each, one request at a time; the median of the requests of a round."""

    name = "history"
    rows = (
        Row("get-history", "get-history of 100,000 points", 50, "ms", "lower"),
        Row("bulk-interval", "bulk-interval of 10 runs x 100,000 points", 100, "ms", "lower"),
    )

    def prepare(self, stage: Stage) -> tuple[list[str], bool]:
        """Ids of the runs, and whether the server has the bulk-interval route."""
        run_ids = stage.new_runs(stage.new_experiment(self.name), 10)
        parameters = {
            "run_ids": run_ids,
            "points": BATCH_POINTS,
            "batches": HISTORY_POINTS // BATCH_POINTS,
            "keys": ["train_loss"],
        }
        result = stage.load(
            "distinct_batches", parameters, connections=stage.server.setup_connections, limit_s=SETUP_LIMIT_S
        )
        if result.errors:
            raise NotMeasurableError(f"loading failed: {result.error_texts[0][:200]}")
        if result.cut_short:
            raise NotMeasurableError(f"1,000,000 points not taken within {SETUP_LIMIT_S} s")
        query = [("run_id", run_ids[0]), ("metric_key", "train_loss")]
        read = len(stage.running.get("metrics/get-history", query)["metrics"])
        assert read == HISTORY_POINTS, f"{read} points read back of {HISTORY_POINTS}"
        return run_ids, self._has_bulk_interval(stage, run_ids)

    @staticmethod
    def _bulk_query(run_ids: list[str]) -> list[tuple[str, str]]:
        asked = [("run_ids", run_id) for run_id in run_ids]
        return [*asked, ("metric_key", "train_loss"), ("max_results", str(BULK_MAX_RESULTS))]

    def _has_bulk_interval(self, stage: Stage, run_ids: list[str]) -> bool:
        try:
            answer = stage.running.get("metrics/get-history-bulk-interval", self._bulk_query(run_ids))
        except UnexpectedAnswerError:
            return False
        return len(answer["metrics"]) >= 0.9 * BULK_MAX_RESULTS * len(run_ids)

    def measure(self, stage: Stage, prepared: tuple[list[str], bool]) -> Sample:
        run_ids, has_bulk_interval = prepared
        histories = [
            ("GET", "metrics/get-history", [("run_id", run_id), ("metric_key", "train_loss")]) for run_id in run_ids
        ]
        cpu_before = process_tree.cpu_seconds(stage.running.pid)
        history = self._timed(stage, histories)
        detail = {"get-history": history.summary()}
        values = {"get-history": history.latency_ms(0.5)}
        errors = history.errors
        if has_bulk_interval:
            bulk = self._timed(stage, [("GET", "metrics/get-history-bulk-interval", self._bulk_query(run_ids))])
            detail["bulk-interval"] = bulk.summary()
            values["bulk-interval"] = bulk.latency_ms(0.5)
            errors += bulk.errors
        cpu = process_tree.cpu_spent(cpu_before, process_tree.cpu_seconds(stage.running.pid))
        note = "" if has_bulk_interval else "no bulk-interval route"
        return Sample(values, errors, note, detail | {"server_cpu_s": cpu})

    @staticmethod
    def _timed(stage: Stage, requests: list[tuple[str, str, Any]]) -> LoadResult:
        parameters = {"requests": requests, "count": stage.settings.size(30, 10)}
        return stage.load("repeated", parameters, connections=1, limit_s=ONE_AT_A_TIME_LIMIT_S)
