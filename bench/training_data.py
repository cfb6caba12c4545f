"""Made-up training data as a stock client would send it: full-precision floats, rising steps and clocks."""

import json
import random
from dataclasses import dataclass, field
from typing import Any

METRIC_KEYS = (
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "learning_rate",
    "gradient_norm",
    "f1_score",
    "precision",
    "recall",
    "samples_per_second",
)
OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop", "lion")
FIRST_TIMESTAMP_MS = 1_760_000_000_000

Json = dict[str, Any]


@dataclass(slots=True)
class TrainingClock:
    """Steps and client times of one run: every step takes 40 to 60 ms."""

    chance: random.Random
    step: int = -1
    timestamp_ms: int = field(default=FIRST_TIMESTAMP_MS)

    def tick(self) -> None:
        self.step += 1
        self.timestamp_ms += self.chance.randint(40, 60)


def metric(key: str, clock: TrainingClock) -> Json:
    """One point at the clock's present step."""
    return {"key": key, "value": clock.chance.random(), "timestamp": clock.timestamp_ms, "step": clock.step}


def metrics(count: int, clock: TrainingClock, keys: tuple[str, ...] = METRIC_KEYS) -> list[Json]:
    """`count` points: all keys at one step and one time, then the next step, as `mlflow.log_metrics` logs them."""
    points: list[Json] = []
    while len(points) < count:
        clock.tick()
        points += [metric(key, clock) for key in keys[: count - len(points)]]
    return points


def params(count: int, chance: random.Random) -> list[Json]:
    """An optimizer, then numeric hyperparameters; values are text, as clients send them."""
    named = [{"key": "optimizer", "value": chance.choice(OPTIMIZERS)}]
    return named + [{"key": f"hyperparameter_{i}", "value": repr(chance.random())} for i in range(1, count)]


def tags(count: int, chance: random.Random) -> list[Json]:
    """Free tags with short values."""
    return [{"key": f"tag_{i}", "value": f"value-{chance.randint(0, 9999)}"} for i in range(count)]


def run_to_create(experiment_id: str, chance: random.Random, extra_tags: list[Json] | None = None) -> Json:
    """The body of runs/create as `mlflow.start_run` sends it from a script."""
    return {
        "experiment_id": experiment_id,
        "user_id": "bench",
        "run_name": f"run-{chance.getrandbits(48):012x}",
        "start_time": FIRST_TIMESTAMP_MS + chance.randint(0, 10**9),
        "tags": [
            {"key": "mlflow.user", "value": "bench"},
            {"key": "mlflow.source.name", "value": "/home/bench/train.py"},
            {"key": "mlflow.source.type", "value": "LOCAL"},
            *(extra_tags or []),
        ],
    }


def model_name(number: int) -> str:
    """The name of one of many registered models; their order is that of the numbers."""
    return f"model-{number:05}"


def model_tags(number: int) -> list[Json]:
    """Two tags of a registered model; one in four has the same team."""
    return [{"key": "team", "value": f"team-{number % 4}"}, {"key": "owner", "value": f"owner-{number}"}]


def version_to_create(name: str, chance: random.Random, version: int = 0) -> Json:
    """The body of model-versions/create as `create_model_version` sends it; `version` counts from 0."""
    return {
        "name": name,
        "source": f"s3://bucket/{name}/{chance.getrandbits(128):032x}",
        "run_id": f"{chance.getrandbits(128):032x}",
        "tags": [{"key": "kind", "value": f"kind-{version}"}],
    }


def encoded(body: Json) -> bytes:
    """The JSON text that `requests` makes of a body, spaces included."""
    return json.dumps(body).encode()
