"""How fast versions of models are registered, looked up and found."""

from typing import Any

from bench import training_data
from bench.measures import SETUP_LIMIT_S, Measure, NotMeasurableError, Row, Sample, Stage, rated
from bench.mlflow_seeding import seed_registry
from bench.read_measures import ONE_AT_A_TIME_LIMIT_S

SEVERAL_NAMES = 100
SEARCHED_MODELS = 10_000
VERSIONS_OF_EACH = 10


class CreateVersions(Measure):
    """Versions a second, dealt over as many names; every round has new ones."""

    names: int
    at_most_per_second: int

    def measure(self, stage: Stage, prepared: Any) -> Sample:
        names = [f"{self.name}-{stage.round}-{number}" for number in range(self.names)]
        for name in names:
            stage.running.post("registered-models/create", {"name": name})
        parameters = {"names": names, "count": stage.requests_at_most(self.at_most_per_second)}
        return rated(stage, self.rows[0], lambda: stage.timed_load("create_versions", parameters))


class CreateVersionsOfSeveral(CreateVersions):
    name = "versions-create"
    rows = (Row("versions-create", "model-versions/create, 100 names", 2_000, "requests/s", "higher"),)
    names = SEVERAL_NAMES
    at_most_per_second = 8_000


class CreateVersionsOfOne(CreateVersions):
    name = "versions-create-1"
    rows = (Row("versions-create-1", "model-versions/create, one name", 300, "requests/s", "higher"),)
    names = 1
    at_most_per_second = 8_000


class GetByAlias(Measure):
    """The version that an alias stands for, of names at random."""

    name = "alias-get"
    rows = (Row("alias-get", "registered-models/alias", 4_000, "requests/s", "higher"),)

    def prepare(self, stage: Stage) -> list[tuple[str, str, Any]]:
        requests: list[tuple[str, str, Any]] = []
        for number in range(SEVERAL_NAMES):
            name = f"{self.name}-{number}"
            stage.running.post("registered-models/create", {"name": name})
            stage.running.post("model-versions/create", {"name": name, "source": "s3://bucket/model"})
            stage.running.post("registered-models/alias", {"name": name, "alias": "champion", "version": "1"})
            requests.append(("GET", "registered-models/alias", [("name", name), ("alias", "champion")]))
        return requests

    def measure(self, stage: Stage, prepared: list[tuple[str, str, Any]]) -> Sample:
        parameters = {"requests": prepared, "count": stage.requests_at_most(16_000) // 32}
        return rated(stage, self.rows[0], lambda: stage.timed_load("repeated", parameters))


class SearchRegistry(Measure):
    """The time of one search among 10,000 models of 10 versions each, one request at a time.

    MLflow's database is filled by SQL.
    """

    name = "registry-search"
    rows = (
        Row("models-search", "registered-models/search p95, 10,000 models x 10 versions", 50, "ms", "lower"),
        Row("versions-search", "model-versions/search p95, 10,000 models x 10 versions", 50, "ms", "lower"),
    )

    def prepare(self, stage: Stage) -> int:
        """How many models the server holds."""
        count = stage.settings.size(SEARCHED_MODELS, SEARCHED_MODELS // 10)
        if stage.server.name == "mlflow":
            database = stage.running.folder / "mlflow.db"
            if not database.exists():
                raise NotMeasurableError("not filled: its API takes hours, and its database is no SQLite file")
            seed_registry(database, count, VERSIONS_OF_EACH)
        else:
            parameters = {"count": count, "versions": VERSIONS_OF_EACH}
            connections = stage.server.setup_connections
            result = stage.load("registered_models", parameters, connections=connections, limit_s=SETUP_LIMIT_S)
            if result.errors:
                raise NotMeasurableError(f"loading failed: {result.error_texts[0][:200]}")
            if result.cut_short:
                raise NotMeasurableError(f"did not take {count} models within {SETUP_LIMIT_S} s")
        found = stage.running.get("registered-models/search", [("filter", "tags.team = 'team-1'")])
        assert len(found["registered_models"]) == 100, "less than a page of models found"
        return count

    def measure(self, stage: Stage, prepared: int) -> Sample:
        teams = [f"tags.team = 'team-{number % 4}' AND name LIKE 'model-%{number}'" for number in range(5)]
        orders = ["name ASC", "last_updated_timestamp DESC"]
        models = [
            ("GET", "registered-models/search", [("filter", team), ("order_by", order), ("max_results", "100")])
            for team in teams
            for order in orders
        ]
        versions: list[tuple[str, str, Any]] = []
        for number in range(5):
            name = f"name = '{training_data.model_name(number * prepared // 5)}'"
            versions.append(("GET", "model-versions/search", [("filter", name), ("max_results", "100")]))
            kind = f"tags.kind = 'kind-{number}' AND name LIKE 'model-0%'"
            versions.append(("GET", "model-versions/search", [("filter", kind), ("max_results", "100")]))
        count = stage.settings.size(200, 60)
        values, detail, errors = {}, {}, 0
        for row, requests in zip(self.rows, (models, versions), strict=True):
            parameters = {"requests": requests, "count": count}
            result = stage.load("repeated", parameters, connections=1, limit_s=ONE_AT_A_TIME_LIMIT_S)
            values[row.name] = result.latency_ms(0.95)
            detail[row.name] = result.summary()
            errors += result.errors
        return Sample(values, errors, "", detail)
