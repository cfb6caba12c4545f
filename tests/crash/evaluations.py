"""What clients add to what they share for evaluating: versions of a scorer, records of a dataset, issues.

Each is added once by a request of its own, and each is known by the value of its claim.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.crash.http_client import Connection
from tests.crash.story import NOT_DONE, YES, Claim

V3 = "/api/3.0/mlflow/"
ADDED = ("scorer", "record", "issue")
PAGE = 1000

Request = tuple[str, dict[str, Any]]


def addition(claim: Claim, experiment_id: str, dataset_id: str) -> Request:
    """Path and body of the request that adds what a claim is about."""
    of_experiment = {"experiment_id": experiment_id}
    match claim.kind:
        case "scorer":
            return f"{V3}scorers/register", {**of_experiment, "name": "shared", "serialized_scorer": claim.value}
        case "issue":
            return f"{V3}issues", {**of_experiment, "name": claim.value, "description": "d"}
        case _:
            return f"{V3}datasets/{dataset_id}/records", {"records": json.dumps([{"inputs": {"q": claim.value}}])}


def name_taking(claim: Claim, experiment_id: str) -> Request:
    """Path and body of the request for a name that one review queue, or one label schema, can have."""
    named = {"experiment_id": experiment_id, "name": claim.wanted}
    if claim.kind == "queue":
        return f"{V3}review-queues/create", {**named, "queue_type": "CUSTOM", "users": [claim.value]}
    question = {"type": "FEEDBACK", "input": {"text": {}}, "instruction": claim.value}
    return f"{V3}label-schemas/create", {**named, **question}


def holder_of(connection: Connection, kind: str, experiment_id: str, name: str) -> str:
    """Whose the review queue or label schema of this name is; empty without one."""
    path = {"queue": "review-queues", "schema": "label-schemas"}[kind]
    status, answer = connection.get(f"{V3}{path}/get-by-name", experiment_id=experiment_id, name=name)
    if status == 404:
        return ""
    assert status == 200, answer
    [made] = answer.values()
    return str(made["instruction"] if kind == "schema" else made["users"][0])


def faults_of_additions(
    connection: Connection, experiment_id: str, dataset_id: str, claims: Iterable[Claim]
) -> Iterator[str]:
    """Each thing that was told of is there once, numbers of versions have no gap, and nothing comes from nobody."""
    versions = _scorers(connection, experiment_id)
    if sorted(versions) != list(range(1, len(versions) + 1)):
        yield f"versions of the scorer are {sorted(versions)}"
    shown = {
        "scorer": Counter(versions.values()),
        "record": Counter(_records(connection, dataset_id)),
        "issue": Counter(_issues(connection, experiment_id)),
    }
    for claim in claims:
        if claim.kind in ADDED:
            times = shown[claim.kind].pop(claim.value, 0)
            if times > (claim.told != NOT_DONE) or (claim.told == YES and times == 0):
                yield f"{claim} is there {times} times"
    yield from (f"{kind} {value} comes from no claim" for kind, values in shown.items() for value in values)


def _scorers(connection: Connection, experiment_id: str) -> dict[int, str]:
    """By the number of a version the value that it was registered with."""
    status, answer = connection.get(f"{V3}scorers/versions", experiment_id=experiment_id, name="shared")
    if status == 404:
        return {}
    assert status == 200, answer
    return {int(one["scorer_version"]): one["serialized_scorer"] for one in answer["scorers"]}


def _records(connection: Connection, dataset_id: str) -> Iterator[str]:
    path = f"{V3}datasets/{dataset_id}/records"
    for answer in _pages(lambda token: connection.get(path, max_results=str(PAGE), page_token=token)):
        yield from (one["inputs"]["q"] for one in json.loads(answer["records"]))


def _issues(connection: Connection, experiment_id: str) -> Iterator[str]:
    body = {"experiment_id": experiment_id, "max_results": PAGE}
    for answer in _pages(lambda token: connection.post(f"{V3}issues/search", {**body, "page_token": token})):
        yield from (one["name"] for one in answer.get("issues", ()))


def _pages(ask: Callable[[str], tuple[int, dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    token = ""
    while True:
        status, answer = ask(token)
        assert status == 200, answer
        yield answer
        token = answer.get("next_page_token", "")
        if not token:
            return
