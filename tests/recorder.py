"""A random session with a server, of which every answer that reads is kept, with the positions that it was given at.

Later the same is asked again as of those positions, and has to be answered with the same bytes.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import requests

API: Final = "/api/2.0/mlflow/"
V3: Final = "/api/3.0/mlflow/"
POSITION: Final = "X-Tracklog-Position"
AS_OF: Final = "X-Tracklog-As-Of"

NAMES: Final = ("a", "b", "c")
"""Few, so that names are taken, given up and taken again."""
KEYS: Final = ("k", "l")
SEARCHES: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("experiments/search", {"max_results": 50, "view_type": "ALL"}),
    ("runs/search", {"experiment_ids": ["0", "1", "2"], "run_view_type": "ALL", "max_results": 50}),
    ("logged-models/search", {"experiment_ids": ["0", "1", "2"], "max_results": 50}),
    (
        f"{V3}traces/search",
        {
            "locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}],
            "max_results": 50,
            "order_by": ["timestamp_ms DESC"],
        },
    ),
    (
        f"{V3}traces/search",
        {
            "locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}],
            "max_results": 50,
            "filter": "prompt = 'a/1'",
        },
    ),
    (f"{V3}issues/search", {"experiment_id": "0", "max_results": 50}),
    (f"{V3}datasets/search", {"experiment_ids": ["0"], "max_results": 50}),
)
SEARCHES_BY_GET: Final = ("registered-models/search?max_results=50", "model-versions/search?max_results=50")


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to a read, and as of when. `body` is that of a search by POST."""

    positions: str
    path: str
    status: int
    content: bytes
    body: dict[str, Any] | None = None

    @property
    def is_of_one_thing(self) -> bool:
        """Whether a running server answers it as of then. What is of traces and evaluations it does not."""
        of_a_list = "/search" in self.path or "get-by-name" in self.path
        return self.body is None and not of_a_list and not self.path.startswith(V3)


@dataclass
class Recorder:
    """Changes things at random and keeps what is answered. The same seed asks for the same."""

    url: str
    seed: int
    answers: list[Answer] = field(default_factory=list)
    refused: int = 0
    undone: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._session = requests.Session()
        self._experiments = ["0"]
        self._runs: list[str] = []
        self._logged_models: list[str] = []
        self._traces = [f"{self.seed:024x}{number:08x}" for number in range(3)]
        self._datasets: list[str] = []
        self._issues: list[str] = []
        self._commands: tuple[Callable[[], None], ...] = (
            self._experiment,
            self._change_experiment,
            self._run,
            *(3 * (self._data,)),
            self._change_run,
            self._correct,
            *(3 * (self._undo,)),
            self._inputs,
            self._logged_model,
            self._change_logged_model,
            self._registered_model,
            *(2 * (self._change_registered_model,)),
            *(2 * (self._version,)),
            self._change_version,
            *(2 * (self._spans,)),
            *(2 * (self._change_trace,)),
            self._evaluate,
            self._review,
        )

    def play(self, steps: int) -> None:
        """Change one thing a step, and read what there is to read."""
        for _ in range(steps):
            self._random.choice(self._commands)()
            self._read()

    # --- reading --------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        positions = self._get("experiments/get?experiment_id=0", {AS_OF: "0s"}).headers[POSITION]
        for path in self._random.sample(self._paths(), k=min(6, len(self._paths()))):
            answer = self._get(path)
            assert "X-Tracklog-Behind" not in answer.headers, path
            self.answers.append(Answer(positions, path, answer.status_code, answer.content))
        path, body = self._random.choice(SEARCHES)
        answer = self._ask("POST", path, body)
        self.answers.append(Answer(positions, path, answer.status_code, answer.content, body))

    def _paths(self) -> list[str]:
        """Of all things that there ever were, and of some that there never were."""
        return [
            *(f"experiments/get?experiment_id={one}" for one in (*self._experiments, "77")),
            *(f"experiments/get-by-name?experiment_name={name}" for name in NAMES),
            *(f"runs/get?run_id={one}" for one in (*self._runs, "nothing")),
            *(f"metrics/get-history?run_id={one}&metric_key=k" for one in self._runs),
            *(f"logged-models/{one}" for one in (*self._logged_models, "m-0")),
            *(f"registered-models/get?name={name}" for name in NAMES),
            *(f"registered-models/get-latest-versions?name={name}" for name in NAMES),
            *(f"registered-models/alias?name={name}&alias={KEYS[0]}" for name in NAMES),
            *(f"model-versions/get?name={name}&version={number}" for name in NAMES for number in (1, 2)),
            *(f"model-versions/get-download-uri?name={name}&version=1" for name in NAMES),
            *SEARCHES_BY_GET,
            *(f"{V3}traces/get?trace_id=tr-{one}" for one in self._traces),
            *(f"{V3}datasets/{one}{part}" for one in self._datasets for part in ("", "/records")),
            *(f"{V3}issues/{one}" for one in self._issues),
            *(f"{V3}scorers/versions?experiment_id=0&name={name}" for name in NAMES),
            *(f"{V3}{what}/list?experiment_id=0" for what in ("scorers", "review-queues", "label-schemas")),
        ]

    def different(self, url: str, answers: Iterable[Answer], *, by_header: bool) -> list[tuple[Answer, int, bytes]]:
        """Which of the answers are others now, when they are asked for again."""
        found = []
        for one in answers:
            headers = {AS_OF: one.positions} if by_header else {}
            again = self._session.request(
                "GET" if one.body is None else "POST", url + whole(one.path), json=one.body, headers=headers, timeout=60
            )
            assert again.headers.get(POSITION) == one.positions, f"{one.path}: {again.status_code} {again.text}"
            if (again.status_code, again.content) != (one.status, one.content):
                found.append((one, again.status_code, again.content))
        return found

    # --- changes --------------------------------------------------------------------------------------------------

    def _experiment(self) -> None:
        made = self._post("experiments/create", name=self._name(), tags=self._tags())
        if made is not None:
            self._experiments.append(made["experiment_id"])

    def _change_experiment(self) -> None:
        one = {"experiment_id": self._one(self._experiments)}
        match self._random.randrange(4):
            case 0:
                self._post("experiments/update", **one, new_name=self._name())
            case 1:
                self._post("experiments/delete", **one)
            case 2:
                self._post("experiments/restore", **one)
            case _:
                self._post("experiments/set-experiment-tag", **one, key=self._key(), value=self._value())

    def _run(self) -> None:
        made = self._post(
            "runs/create", experiment_id=self._one(self._experiments), run_name=self._name(), start_time=1, tags=[]
        )
        if made is not None:
            self._runs.append(made["run"]["info"]["run_id"])

    def _data(self) -> None:
        models = [*self._logged_models, None]
        self._post(
            "runs/log-batch",
            run_id=self._one(self._runs),
            metrics=[self._metric(step, self._random.choice(models)) for step in range(self._random.randrange(3))],
            params=[{"key": self._key(), "value": self._value()}] if self._random.random() < 0.3 else [],
            tags=self._tags(),
        )

    def _change_run(self) -> None:
        one = {"run_id": self._one(self._runs)}
        match self._random.randrange(4):
            case 0:
                self._post("runs/delete", **one)
            case 1:
                self._post("runs/restore", **one)
            case 2:
                self._post("runs/update", **one, status="FINISHED", end_time=2, run_name=self._name())
            case _:
                self._post("runs/delete-tag", **one, key=self._key())

    def _correct(self) -> None:
        """A param that is there, in most cases."""
        correction = {"reason": "r", "params": [{"key": self._key(), "value": self._value()}]}
        self._ask("POST", f"/api/tracklog/v1/runs/{self._one(self._runs)}/corrections", correction)

    def _undo(self) -> None:
        """One event of a stream, or all of it that can be undone."""
        streams = (("run/", self._runs), ("trace/tr-", self._traces), ("evaluation-dataset/", self._datasets))
        kind, keys = self._random.choice(streams)
        stream = f"{kind}{self._one(keys)}"
        events = self._ask("GET", f"/api/tracklog/v1/events?stream={stream}", None).json().get("events", [])
        wanted = {"stream": stream, "to": "0"}
        if events and self._random.random() < 0.7:
            wanted = {"event": self._random.choice(events)["id"]}
        plan = self._ask("POST", "/api/tracklog/v1/undo/plan", wanted)
        if plan.status_code == 200:
            done = self._ask("POST", "/api/tracklog/v1/undo", {**wanted, "digest": plan.json()["digest"]})
            self.undone += len(done.json().get("undone", []))

    def _inputs(self) -> None:
        dataset = {"name": self._name(), "digest": "1", "source_type": "local", "source": self._value()}
        self._post("runs/log-inputs", run_id=self._one(self._runs), datasets=[{"tags": [], "dataset": dataset}])

    def _logged_model(self) -> None:
        made = self._post(
            "logged-models",
            experiment_id=self._one(self._experiments),
            name=self._name(),
            source_run_id=self._one(self._runs),
            tags=self._tags(),
        )
        if made is not None:
            self._logged_models.append(made["model"]["info"]["model_id"])

    def _change_logged_model(self) -> None:
        path = f"logged-models/{self._one(self._logged_models)}"
        match self._random.randrange(3):
            case 0:
                self._ask("PATCH", path, {"status": "LOGGED_MODEL_READY"})
            case 1:
                self._ask("PATCH", f"{path}/tags", {"tags": self._tags()})
            case _:
                self._ask("DELETE", path, None)

    def _registered_model(self) -> None:
        self._post("registered-models/create", name=self._name(), tags=self._tags(), description=self._value())

    def _change_registered_model(self) -> None:
        one = {"name": self._name()}
        match self._random.randrange(5):
            case 0:
                self._post("registered-models/rename", **one, new_name=self._name())
            case 1:
                self._ask("DELETE", "registered-models/delete", one)
            case 2:
                self._ask("PATCH", "registered-models/update", {**one, "description": self._value()})
            case 3:
                self._post("registered-models/set-tag", **one, key=self._key(), value=self._value())
            case _:
                self._post("registered-models/alias", **one, alias=self._key(), version=self._number())

    def _version(self) -> None:
        self._post("model-versions/create", name=self._name(), source="s3://b/p", run_id="", tags=self._tags())

    def _change_version(self) -> None:
        one = {"name": self._name(), "version": self._number()}
        match self._random.randrange(3):
            case 0:
                self._ask("DELETE", "model-versions/delete", one)
            case 1:
                self._post("model-versions/transition-stage", **one, stage="Production", archive_existing_versions=True)
            case _:
                self._ask("PATCH", "model-versions/update", {**one, "description": self._value()})

    def _spans(self) -> None:
        """Some of a trace, which may have come before."""
        trace, first = self._one(self._traces), self._random.randrange(8)
        spans = [
            {
                "traceId": trace,
                "spanId": f"{number:016x}",
                "parentSpanId": "" if number == 1 else f"{1:016x}",
                "name": self._name(),
                "startTimeUnixNano": number * 10**9,
                "endTimeUnixNano": (number + 1) * 10**9,
                "attributes": [{"key": self._key(), "value": {"stringValue": self._value()}}],
            }
            for number in range(first + 1, first + self._random.randint(2, 4))
        ]
        self._ask("POST", "/v1/traces", {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})

    def _change_trace(self) -> None:
        """By what is told of it beside its spans. To delete it would be to forget what it was."""
        path = f"{V3}traces/tr-{self._one(self._traces)}"
        source = {"source_type": "HUMAN", "source_id": self._name()}
        match self._random.randrange(4):
            case 0:
                self._ask("PATCH", f"{path}/tags", {"key": self._key(), "value": self._value()})
            case 1:
                linked = {"trace_id": path.rpartition("/")[2], "run_id": self._one(self._runs)}
                self._post("traces/link-to-run", trace_ids=[linked["trace_id"]], run_id=linked["run_id"])
                prompts = [{"name": self._name(), "version": "1"}]
                self._post("traces/link-prompts", trace_id=linked["trace_id"], prompt_versions=prompts)
            case 2:
                feedback = {"assessment_name": self._name(), "source": source, "feedback": {"value": self._value()}}
                self._ask("POST", f"{path}/assessments", {"assessment": feedback})
            case _:
                location = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}
                info = {"trace_id": path.rpartition("/")[2], "trace_location": location, "state": "OK"}
                self._ask("POST", f"{V3}traces", {"trace": {"trace_info": info}})

    def _evaluate(self) -> None:
        """With a dataset and its records, or a scorer."""
        match self._random.randrange(4):
            case 0:
                made = self._post(f"{V3}datasets/create", name=self._name(), experiment_ids=["0"])
                if made is not None:
                    self._datasets.append(made["dataset"]["dataset_id"])
            case 1:
                records = f'[{{"inputs": {{"q": "{self._key()}"}}, "tags": {{"t": "{self._value()}"}}}}]'
                self._post(f"{V3}datasets/{self._one(self._datasets)}/records", records=records)
            case 2:
                of_experiment = {"experiment_id": "0", "name": self._name()}
                self._post(f"{V3}scorers/register", **of_experiment, serialized_scorer=f'"{self._value()}"')
            case _:
                self._ask("DELETE", f"{V3}scorers/delete", {"experiment_id": "0", "name": self._name()})

    def _review(self) -> None:
        """By an issue, a label schema, or a queue."""
        of_experiment = {"experiment_id": "0", "name": self._name()}
        match self._random.randrange(4):
            case 0:
                made = self._post(f"{V3}issues", **of_experiment, description=self._value() or "d")
                if made is not None:
                    self._issues.append(made["issue"]["issue_id"])
            case 1:
                self._ask("PATCH", f"{V3}issues/{self._one(self._issues)}", {"status": "resolved"})
            case 2:
                self._post(f"{V3}label-schemas/create", **of_experiment, type="FEEDBACK", input={"text": {}})
            case _:
                self._post(f"{V3}review-queues/create", **of_experiment, queue_type="CUSTOM", created_by="u")

    # --- values ---------------------------------------------------------------------------------------------------

    def _metric(self, step: int, model_id: str | None) -> dict[str, Any]:
        of_model = {} if model_id is None else {"model_id": model_id}
        return {"key": self._key(), "value": self._random.random(), "timestamp": step, "step": step, **of_model}

    def _one(self, ids: list[str]) -> str:
        return self._random.choice(ids) if ids else "nothing"

    def _name(self) -> str:
        return self._random.choice(NAMES)

    def _key(self) -> str:
        return self._random.choice(KEYS)

    def _value(self) -> str:
        return self._random.choice(("v", "w", ""))

    def _number(self) -> str:
        return str(self._random.randint(1, 3))

    def _tags(self) -> list[dict[str, str]]:
        return [{"key": key, "value": self._value()} for key in self._random.sample(KEYS, self._random.randrange(2))]

    # --- requests -------------------------------------------------------------------------------------------------

    def _post(self, path: str, **body: Any) -> Any:
        """The answer to a command, None where it was refused."""
        answer = self._ask("POST", path, body)
        return answer.json() if answer.status_code == 200 else None

    def _ask(self, method: str, path: str, body: Any) -> requests.Response:
        where = self.url + whole(path)
        headers = {"x-mlflow-experiment-id": "0"} if path == "/v1/traces" else {}
        answer = self._session.request(method, where, json=body, headers=headers, timeout=30)
        assert answer.status_code < 429 or "INVALID_STATE" in answer.text, answer.text
        self.refused += answer.status_code != 200
        return answer

    def _get(self, path: str, headers: dict[str, str] | None = None) -> requests.Response:
        return self._session.get(self.url + whole(path), headers=headers, timeout=30)


def whole(path: str) -> str:
    """Of a path of the tracking API the whole."""
    return path if path.startswith("/") else API + path
