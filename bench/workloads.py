"""What each connection of the load generator sends: one function a workload, all yielding ready bytes.

A workload is a function `(task, parameters) -> script`. Scripts receive the answer's body, or None when the answer was
an error; what they append to `task.kept` goes back to the parent process.
"""

import random
import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from bench import http_requests, training_data
from bench.training_data import METRIC_KEYS, OPTIMIZERS, TrainingClock

Script = Generator[bytes, bytes | None, None]

_RUN_ID = re.compile(rb'"run_id":\s*"([^"]+)"')
_RUN_ID_PLACE = b"0123456789abcdef0123456789abcdef"
"""Stands for the run id in bodies made before the run exists; ids of all servers have these 32 characters."""


@dataclass(frozen=True, slots=True)
class Task:
    """One connection's share of a load."""

    address: str
    connection: int
    connections: int
    chance: random.Random
    kept: list[Any]

    def share(self, items: list[Any]) -> list[Any]:
        """The items this connection handles, none of them shared with another."""
        return items[self.connection :: self.connections]


def scripts(workload: str, parameters: dict[str, Any], port: int, connections: int, kept: list[Any]) -> list[Script]:
    """One script a connection, begun, so that whatever it prepares is ready before the clock starts."""
    begun: list[Script] = []
    seed = parameters.get("seed", 1)
    for connection in range(connections):
        task = Task(f"127.0.0.1:{port}", connection, connections, random.Random(f"{seed}/{connection}"), kept)
        script = _prepared(_WORKLOADS[workload](task, **{k: v for k, v in parameters.items() if k != "seed"}))
        next(script)
        begun.append(script)
    return begun


def _prepared(script: Script) -> Script:
    """Run a script up to its first request, and hold that back until it is asked for."""
    request = next(script, None)
    yield b""
    while request is not None:
        answer = yield request
        try:
            request = script.send(answer)
        except StopIteration:
            return


def _each(requests: list[bytes]) -> Script:
    """The requests one after the other, whatever the answers; a list's own iterator would not take them."""
    for request in requests:  # noqa: UP028
        yield request


def log_metric(task: Task, run_ids: list[str], count: int) -> Script:
    """`count` points to one run, its ten keys in turn."""
    run_id = run_ids[task.connection % len(run_ids)]
    clock = TrainingClock(task.chance)
    requests: list[bytes] = []
    while len(requests) < count:
        clock.tick()
        for key in METRIC_KEYS:
            body = {"run_uuid": run_id, "run_id": run_id, **training_data.metric(key, clock)}
            requests.append(http_requests.post(task.address, "runs/log-metric", body))
    yield from _each(requests)


def set_tag(task: Task, run_ids: list[str], count: int) -> Script:
    """`count` values for twenty tags of one run."""
    run_id = run_ids[task.connection % len(run_ids)]
    requests = [
        http_requests.post(
            task.address,
            "runs/set-tag",
            {"run_uuid": run_id, "run_id": run_id, "key": f"tag_{i % 20}", "value": f"{task.chance.random()}"},
        )
        for i in range(count)
    ]
    yield from _each(requests)


def log_parameter(task: Task, run_ids: list[str], count: int) -> Script:
    """`count` params, each new to its run, dealt over this connection's runs."""
    mine = task.share(run_ids)
    requests = [
        http_requests.post(
            task.address,
            "runs/log-parameter",
            {
                "run_uuid": mine[i % len(mine)],
                "run_id": mine[i % len(mine)],
                "key": f"hyperparameter_{i // len(mine)}",
                "value": f"{task.chance.random()}",
            },
        )
        for i in range(count)
    ]
    yield from _each(requests)


def create_runs(task: Task, experiment_id: str, count: int, keep: bool = False) -> Script:
    """This connection's share of `count` new runs; their ids are kept when asked for."""
    requests = [
        http_requests.post(task.address, "runs/create", training_data.run_to_create(experiment_id, task.chance))
        for _ in task.share(list(range(count)))
    ]
    for request in requests:
        answer = yield request
        if keep and answer is not None:
            task.kept.append(_run_id(answer))


def log_batch(task: Task, run_ids: list[str], points: int, batches: int) -> Script:
    """`batches` batches of `points` metrics to one run.

    Bodies are many and large, so connections share them, each beginning elsewhere: what is under way at one moment
    differs, and what one run receives never repeats.
    """
    run_id = run_ids[task.connection % len(run_ids)].encode()
    offset = task.connection * _BODIES_APART
    bodies = _shared_batches(points, batches + task.connections * _BODIES_APART)
    head = http_requests.post(task.address, "runs/log-batch", b"").replace(b"Content-Length: 0", b"Content-Length: %d")
    for body in bodies[offset : offset + batches]:
        yield head % len(body) + body.replace(_RUN_ID_PLACE, run_id, 1)


_BODIES_APART = 3
_batches_made: dict[tuple[int, int], list[bytes]] = {}


def _shared_batches(points: int, batches: int) -> list[bytes]:
    if (points, batches) not in _batches_made:
        clock = TrainingClock(random.Random(points))
        _batches_made[points, batches] = [
            training_data.encoded({"run_id": _RUN_ID_PLACE.decode(), "metrics": training_data.metrics(points, clock)})
            for _ in range(batches)
        ]
    return _batches_made[points, batches]


def distinct_batches(task: Task, run_ids: list[str], points: int, batches: int, keys: list[str]) -> Script:
    """`batches` batches of `points` metrics to every run of this connection, no value sent twice, made on the way."""
    for run_id in task.share(run_ids):
        clock = TrainingClock(task.chance)
        for _ in range(batches):
            body = {"run_id": run_id, "metrics": training_data.metrics(points, clock, tuple(keys))}
            yield http_requests.post(task.address, "runs/log-batch", body)


def short_runs(task: Task, experiment_id: str, bodies: int) -> Script:
    """Whole training runs without end: create, one batch of 20 params, 5 tags and 50 metrics, end."""
    creates, batches = _short_run_bodies(task, experiment_id, bodies)
    end = http_requests.post(
        task.address,
        "runs/update",
        {"run_uuid": _RUN_ID_PLACE.decode(), "run_id": _RUN_ID_PLACE.decode(), "status": "FINISHED"}
        | {"end_time": training_data.FIRST_TIMESTAMP_MS + 10**9 + 60_000},
    )
    while True:
        for create, batch in zip(creates, batches, strict=True):
            answer = yield create
            if answer is None:
                continue
            run_id = _run_id(answer).encode()
            yield batch.replace(_RUN_ID_PLACE, run_id)
            yield end.replace(_RUN_ID_PLACE, run_id)


def _short_run_bodies(task: Task, experiment_id: str, bodies: int) -> tuple[list[bytes], list[bytes]]:
    creates, batches = [], []
    for _ in range(bodies):
        creates.append(
            http_requests.post(task.address, "runs/create", training_data.run_to_create(experiment_id, task.chance))
        )
        batch = {
            "run_id": _RUN_ID_PLACE.decode(),
            "metrics": training_data.metrics(50, TrainingClock(task.chance)),
            "params": training_data.params(20, task.chance),
            "tags": training_data.tags(5, task.chance),
        }
        batches.append(http_requests.post(task.address, "runs/log-batch", batch))
    return creates, batches


def furnished_runs(task: Task, experiment_id: str, count: int) -> Script:
    """This connection's share of `count` runs, each with 10 tags, then 10 metrics and 10 params; ids are kept."""
    for _ in task.share(list(range(count))):
        tags = training_data.tags(7, task.chance)
        answer = yield http_requests.post(
            task.address, "runs/create", training_data.run_to_create(experiment_id, task.chance, tags)
        )
        if answer is None:
            continue
        run_id = _run_id(answer)
        batch = {
            "run_id": run_id,
            "metrics": training_data.metrics(10, TrainingClock(task.chance)),
            "params": training_data.params(10, task.chance),
        }
        if (yield http_requests.post(task.address, "runs/log-batch", batch)) is not None:
            task.kept.append(run_id)


def get_run(task: Task, run_ids: list[str]) -> Script:
    """Runs read at random, without end."""
    requests = [http_requests.get(task.address, "runs/get", [("run_uuid", i), ("run_id", i)]) for i in run_ids]
    while True:
        yield task.chance.choice(requests)


def search_runs(task: Task, experiment_id: str, max_results: int, count: int | None = None) -> Script:
    """First pages of searches that all differ: a metric below a random bound, one optimizer, ordered by a metric."""
    sent = 0
    while count is None or sent < count:
        bound, optimizer = task.chance.uniform(0.4, 0.9), task.chance.choice(OPTIMIZERS)
        yield http_requests.post(
            task.address, "runs/search", search_body(experiment_id, bound, f"= '{optimizer}'", max_results)
        )
        sent += 1


def repeated(task: Task, requests: list[tuple[str, str, Any]], count: int) -> Script:
    """Given requests `(method, route, body or query)` in turn until `count` are sent."""
    ready = [
        http_requests.post(task.address, route, content)
        if method == "POST"
        else http_requests.get(task.address, route, content)
        for method, route, content in requests
    ]
    for i in range(count):
        yield ready[i % len(ready)]


def create_versions(task: Task, names: list[str], count: int) -> Script:
    """This connection's share of `count` new versions, of the names in turn."""
    requests = [
        http_requests.post(task.address, "model-versions/create", training_data.version_to_create(name, task.chance))
        for name in names
    ]
    for number in _numbers(task, count):
        yield requests[number % len(names)]


def registered_models(task: Task, count: int, versions: int) -> Script:
    """This connection's share of `count` models with their versions."""
    for number in _numbers(task, count):
        name = training_data.model_name(number)
        model = {"name": name, "tags": training_data.model_tags(number)}
        yield http_requests.post(task.address, "registered-models/create", model)
        for version in range(versions):
            body = training_data.version_to_create(name, task.chance, version)
            yield http_requests.post(task.address, "model-versions/create", body)


def search_body(
    experiment_id: str, bound: float, optimizer: str, max_results: int, page_token: str | None = None
) -> training_data.Json:
    """A search by a metric and a param, ordered by another metric; `optimizer` is operator and literal."""
    body: training_data.Json = {
        "experiment_ids": [experiment_id],
        "filter": f"metrics.train_loss < {bound} and params.optimizer {optimizer}",
        "run_view_type": "ACTIVE_ONLY",
        "max_results": max_results,
        "order_by": ["metrics.validation_accuracy DESC"],
    }
    return body | {"page_token": page_token} if page_token else body


def _run_id(answer: bytes) -> str:
    found = _RUN_ID.search(answer)
    if found is None:
        raise ValueError(f"no run id in {answer[:200]!r}")
    return found[1].decode()


def put_files(task: Task, folder: str, count: int, size: int) -> Script:
    """This connection's share of `count` files of `size` bytes up to a folder of the artifact proxy."""
    content = task.chance.randbytes(size)
    return _each(
        [http_requests.put_artifact(task.address, f"{folder}/{number:06}", content) for number in _numbers(task, count)]
    )


def get_files(task: Task, folder: str, count: int) -> Script:
    """This connection's share of the files that `put_files` made."""
    return _each(
        [http_requests.get_artifact(task.address, f"{folder}/{number:06}") for number in _numbers(task, count)]
    )


def _numbers(task: Task, count: int) -> range:
    return range(task.connection, count, task.connections)


_WORKLOADS: dict[str, Callable[..., Script]] = {
    workload.__name__: workload
    for workload in (
        log_metric,
        set_tag,
        log_parameter,
        create_runs,
        log_batch,
        distinct_batches,
        short_runs,
        furnished_runs,
        get_run,
        search_runs,
        repeated,
        create_versions,
        registered_models,
        put_files,
        get_files,
    )
}
