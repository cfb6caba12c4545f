"""Whether two servers answer the same: reads made from what the first one holds, and reads that were recorded."""

import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

MLFLOW_2: Final = "api/2.0/mlflow"

PAGE: Final = 200

_ASKED_AGAIN: Final = 3
"""A shadow is some seconds behind: what differs is asked again before it counts."""

_OPAQUE: Final = frozenset({"next_page_token"})
"""What says nothing about what is kept."""

_OWN: Final[Mapping[str, str]] = {
    "run_uuid": "an older name of run_id",
    "source_type": "of runs: MLflow has had it in a tag since 1.0",
    "source_name": "likewise",
    "source_version": "likewise",
    "entry_point_name": "likewise",
    "user_id": "of versions of models: not kept",
    "workspace": "MLflow's own",
    "trace_location": "MLflow's own",
    "effective_trace_archival_retention": "MLflow's own",
    "deployment_job_id": "Databricks'",
    "deployment_job_state": "Databricks'",
}
"""Fields that are not compared, and why: docs/differences.md and docs/moving-in.md tell of them."""

_MERGED: Final = "tracklog.import.source"
"""The tag of the experiment 0 that the one of the source came into, which keeps its time and its place."""


@dataclass(frozen=True, slots=True)
class Read:
    """A request that changes nothing. `body` None: a GET."""

    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        asked = self.body if self.body is not None else self.query
        return f"{self.path} {json.dumps(asked, ensure_ascii=False)}"


Ask = Callable[[Read], Any]
"""Asks a server: the answer's JSON, with the status where it is no 200."""


@dataclass(slots=True)
class Comparison:
    """What came of it: how many reads, how many were asked again, and where answers differ."""

    reads: int = 0
    asked_again: int = 0
    differences: list[str] = field(default_factory=list)


def compare(
    theirs: Ask, ours: Ask, recorded: Sequence[Read], runs: int, seed: int, wait: Callable[[], None]
) -> Comparison:
    """Ask both the same. Of so many `runs` everything is read; `wait` is called before something is asked again."""
    comparison = Comparison()
    for read in _reads(theirs, recorded, runs, random.Random(seed)):
        comparison.reads += 1
        found = list(differences(normal(ours(read)), normal(theirs(read))))
        for _ in range(_ASKED_AGAIN):
            if not found:
                break
            comparison.asked_again += 1
            wait()
            found = list(differences(normal(ours(read)), normal(theirs(read))))
        comparison.differences += [f"{read}: {one}" for one in found]
    return comparison


# --- reads ------------------------------------------------------------------------------------------------------------


def _reads(theirs: Ask, recorded: Sequence[Read], runs: int, chosen: random.Random) -> Iterator[Read]:
    yield from recorded
    first = Read(f"{MLFLOW_2}/experiments/search", body={"view_type": "ALL", "max_results": PAGE})
    yield first
    ids = [one["experiment_id"] for answer in _pages(theirs, first) for one in answer.get("experiments", ())]
    for one in chosen.sample(ids, min(len(ids), 50)):
        yield Read(f"{MLFLOW_2}/experiments/get", {"experiment_id": one})
    samples: list[Mapping[str, Any]] = []
    some = chosen.sample(ids, min(len(ids), 20))
    for experiment in some:
        found = theirs(_runs([experiment], run_view_type="ALL", max_results=PAGE)).get("runs", ())
        samples += found
        yield from _searches(experiment, found, chosen)
    for run in chosen.sample(samples, min(len(samples), runs)):
        run_id = run["info"]["run_id"]
        yield Read(f"{MLFLOW_2}/runs/get", {"run_id": run_id})
        for metric in run.get("data", {}).get("metrics", ()):
            yield Read(f"{MLFLOW_2}/metrics/get-history", {"run_id": run_id, "metric_key": metric["key"]})
    yield from _models(theirs, ids)


def _runs(experiments: Sequence[str], **asked: Any) -> Read:
    return Read(f"{MLFLOW_2}/runs/search", body={"experiment_ids": list(experiments), **asked})


def _searches(experiment: str, found: Sequence[Mapping[str, Any]], chosen: random.Random) -> Iterator[Read]:
    """Searches for what there is: by stage, in orders, with filters of the metrics, params and tags of one run."""
    for view in ("ACTIVE_ONLY", "DELETED_ONLY", "ALL"):
        yield _runs([experiment], run_view_type=view, max_results=PAGE)
    for order in ("attributes.start_time ASC", "attributes.end_time DESC", "attributes.run_name ASC"):
        yield _runs([experiment], order_by=[order], max_results=50)
    yield _runs([experiment], filter="attributes.status = 'FINISHED'", max_results=50)
    if not found:
        return
    data = chosen.choice(found).get("data", {})
    for metric in data.get("metrics", ())[:2]:
        if isinstance(metric.get("value"), float | int):
            key = f"metrics.`{metric['key']}`"
            yield _runs([experiment], filter=f"{key} >= {metric['value']!r}", order_by=[f"{key} DESC"], max_results=50)
            yield _runs([experiment], filter=f"{key} < {metric['value']!r}", order_by=[f"{key} ASC"], max_results=50)
    for kind in ("params", "tags"):
        for one in data.get(kind, ())[:2]:
            if one.get("value") and not set(one["value"]) & set("'\"`\\\n"):
                key = f"{kind}.`{one['key']}`"
                yield _runs([experiment], filter=f"{key} = '{one['value']}'", order_by=[f"{key} ASC"], max_results=50)


def _models(theirs: Ask, experiments: Sequence[str]) -> Iterator[Read]:
    for start in range(0, len(experiments), 50):
        asked = {"experiment_ids": experiments[start : start + 50], "max_results": 50}
        yield Read(f"{MLFLOW_2}/logged-models/search", body=asked)
    first = Read(f"{MLFLOW_2}/registered-models/search", {"max_results": str(PAGE)})
    yield first
    names = [one["name"] for answer in _pages(theirs, first) for one in answer.get("registered_models", ())]
    for name in names[:100]:
        yield Read(f"{MLFLOW_2}/registered-models/get", {"name": name})
        quoted = name.replace("'", "''")
        yield Read(f"{MLFLOW_2}/model-versions/search", {"filter": f"name='{quoted}'", "max_results": str(PAGE)})


def _pages(ask: Ask, first: Read) -> Iterator[Any]:
    """The answers of all pages. A token is of the server that gave it, so only first pages are compared."""
    read = first
    while True:
        answer = ask(read)
        yield answer
        token = answer.get("next_page_token", "")
        if not token:
            return
        read = (
            replace(first, query={**first.query, "page_token": token})
            if first.body is None
            else replace(first, body={**first.body, "page_token": token})
        )


def recorded_reads(lines: Iterable[str]) -> Iterator[Read]:
    """Reads as they were recorded, an object of JSON each line: `path`, and `query` or `body`. Raises ValueError."""
    for line in lines:
        if line.strip():
            one = json.loads(line)
            if not isinstance(one, dict) or not isinstance(one.get("path"), str):
                raise ValueError(f"{line.strip()!r:.200} is no object with a path.")
            yield Read(one["path"].strip("/"), one.get("query") or {}, one.get("body"))


# --- answers ----------------------------------------------------------------------------------------------------------


def normal(answer: Any) -> Any:
    """An answer without what is not compared: lists of named things in one order, nothing for empty values."""
    if isinstance(answer, dict):
        if latest := answer.get("latest_versions"):  # in no order that MLflow promises
            answer = {**answer, "latest_versions": sorted(latest, key=lambda one: str(one.get("version")))}
        if any(isinstance(tag, dict) and tag.get("key") == _MERGED for tag in answer.get("tags", ())):
            tags = [tag for tag in answer["tags"] if tag.get("key") != _MERGED]
            kept = {name: value for name, value in answer.items() if name not in _KEPT_BY_THE_FIRST}
            return normal({**kept, "tags": tags})
        if answer.get("experiment_id") == "0" and "lifecycle_stage" in answer and "artifact_location" in answer:
            answer = {name: value for name, value in answer.items() if name not in _KEPT_BY_THE_FIRST}
        shown = {name: normal(value) for name, value in answer.items() if name not in _OPAQUE and name not in _OWN}
        return {name: value for name, value in shown.items() if value not in ("", None, [], {})}
    if isinstance(answer, list):
        shown_list = [normal(one) for one in answer]
        named = all(isinstance(one, dict) and ("key" in one or "alias" in one) for one in shown_list)
        return sorted(shown_list, key=lambda one: json.dumps(one, sort_keys=True)) if named else shown_list
    return answer


_KEPT_BY_THE_FIRST: Final = frozenset({"creation_time", "last_update_time", "artifact_location"})


def differences(ours: Any, theirs: Any, at: str = "") -> Iterator[str]:
    """Where two answers differ, and how."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted({*ours, *theirs}):
            yield from differences(ours.get(key), theirs.get(key), f"{at}.{key}" if at else key)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(one, other, f"{at}[{index}]")
    elif ours != theirs:
        yield f"{at or 'the answer'} is {_shown(ours)} here and {_shown(theirs)} there"


def _shown(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else text[:200] + "…"
