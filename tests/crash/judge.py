"""Comparing what a server shows with what its clients were told."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.crash.evaluations import ADDED, V3, holder_of
from tests.crash.http_client import Behind, Connection
from tests.crash.story import ATTEMPT_TAG, NO, NOT_DONE, UNKNOWN, YES, Claim, ClientStory, Point, RunStory, Write

PAGE = 1000
UNAVAILABLE = 503


@dataclass
class RunState:
    """A run as the server shows it, and the trace beside it: names of its spans, and of what is said about it."""

    status: str
    params: dict[str, str]
    tags: dict[str, str]
    latest: dict[str, Point]
    points: dict[str, list[Point]]
    spans: Counter[str]
    feedback: Counter[str]


def state_of(connection: Connection, run_id: str, trace_id: str = "") -> RunState:
    """Read a run with the whole history of its metrics, and a trace where one is named.

    Raises NoAnswerError, Behind; AssertionError when the run is not there.
    """
    status, answer = connection.get("runs/get", run_id=run_id)
    if status == UNAVAILABLE:
        raise Behind
    assert status == 200, f"run {run_id}, which a client was told of, answers {status}: {answer}"
    data = answer["run"]["data"]
    latest = {one["key"]: (one["step"], one["value"], one["timestamp"]) for one in data.get("metrics", [])}
    points: dict[str, list[Point]] = {}
    for key in latest:
        status, history = connection.get("metrics/get-history", run_id=run_id, metric_key=key)
        if status == UNAVAILABLE:
            raise Behind
        assert status == 200, f"history of {key} of run {run_id} answers {status}: {history}"
        points[key] = [(one["step"], one["value"], one["timestamp"]) for one in history["metrics"]]
    return RunState(
        status=answer["run"]["info"]["status"],
        params={one["key"]: one["value"] for one in data.get("params", [])},
        tags={one["key"]: one["value"] for one in data.get("tags", [])},
        latest=latest,
        points=points,
        **_trace(connection, trace_id),
    )


def _trace(connection: Connection, trace_id: str) -> dict[str, Counter[str]]:
    """What of its state is of a trace, which may not be there."""
    trace: dict[str, Any] = {}
    if trace_id:
        status, answer = connection.get(f"{V3}traces/get", trace_id=trace_id)
        if status == UNAVAILABLE:
            raise Behind
        assert status in (200, 404), f"trace {trace_id} answers {status}: {answer}"
        trace = answer.get("trace", {})
    said = trace.get("trace_info", {}).get("assessments", ())
    return {
        "spans": Counter(span["name"] for span in trace.get("spans", ())),
        "feedback": Counter(one["assessment_name"] for one in said),
    }


def faults_of_run(story: RunStory, state: RunState) -> Iterator[str]:
    """Every lie about one run: what was lost, torn, doubled or invented. No write of it may be under way."""
    where = f"run {story.run_id}"
    if state.tags.get(ATTEMPT_TAG) != story.attempt:
        yield f"{where}: made by attempt {story.attempt}, shows {state.tags.get(ATTEMPT_TAG)}"
    shown = {key: Counter(points) for key, points in state.points.items()}
    for write in story.writes:
        pieces = list(pieces_shown(write, state, shown))
        if write.told == YES and not all(pieces):
            yield f"{where}: lost {pieces.count(False)} of {len(pieces)} pieces of acknowledged {write}"
        elif write.told == NOT_DONE and any(pieces):
            yield f"{where}: shows {pieces.count(True)} of {len(pieces)} pieces of {write}"
        elif any(pieces) and not all(pieces):
            yield f"{where}: torn: {pieces.count(True)} of {len(pieces)} pieces of {write}"
    yield from (f"{where}: {fault}" for fault in faults_of_points(story, state, shown))
    known = {key for write in story.writes for key in write.params()}
    yield from (f"{where}: invented param {key}" for key in state.params.keys() - known)
    yield from (f"{where}: {fault}" for fault in faults_of_last_words(story, state))
    yield from (f"trace {story.trace_id}: {fault}" for fault in faults_of_trace(story, state))


def pieces_shown(write: Write, state: RunState, shown: dict[str, Counter[Point]]) -> Iterator[bool]:
    """For every piece of a write, whether it is there."""
    yield from (state.params.get(key) == value for key, value in write.params().items())
    yield from (state.tags.get(key) == value for key, value in write.tags().items())
    yield from (point in shown.get(key, ()) for key, points in write.points().items() for point in points)
    yield from (name in state.spans for name in write.spans())
    yield from (name in state.feedback for name in write.feedback())


def faults_of_trace(story: RunStory, state: RunState) -> Iterator[str]:
    sent = {name for write in story.writes for name in (*write.spans(), *write.feedback())}
    for shown in (state.spans, state.feedback):
        yield from (f"{name} is there {times} times" for name, times in shown.items() if times > 1)
        yield from (f"invented {name}" for name in shown.keys() - sent)


def faults_of_points(story: RunStory, state: RunState, shown: dict[str, Counter[Point]]) -> Iterator[str]:
    sent: dict[str, set[Point]] = defaultdict(set)
    for write in story.writes:
        for key, points in write.points().items():
            sent[key].update(points)
    for key, times in shown.items():
        yield from (f"doubled point {point} of {key}" for point in times if times[point] > 1)
        yield from (f"invented point {point} of {key}" for point in times.keys() - sent[key])
        if state.latest[key] != max(times):
            yield f"latest {key} is {state.latest[key]}, not {max(times)}"


def faults_of_last_words(story: RunStory, state: RunState) -> Iterator[str]:
    """A tag that is set again and again, and the status: at least as new as the last that was acknowledged."""
    said = [write for write in story.writes if write.kind == "last"]
    acknowledged = [place for place, write in enumerate(said) if write.told == YES]
    possible = [write for write in (said[acknowledged[-1] :] if acknowledged else said) if write.told != NOT_DONE]
    shown = state.tags.get("last")
    if shown not in {str(write.number) for write in possible} and (acknowledged or shown is not None):
        yield f"tag 'last' is {shown}, not one of {[write.number for write in possible]}"
    ends = [write.told for write in story.writes if write.kind == "end"]
    allowed = {"FINISHED"} if YES in ends else {"FINISHED", "RUNNING"} if UNKNOWN in ends else {"RUNNING"}
    if state.status not in allowed:
        yield f"status is {state.status}, not {allowed}"


def faults_of_creations(
    connection: Connection, experiment_id: str, stories: Iterable[RunStory], besides: str
) -> Iterator[str]:
    """Every run that was told of is there once, and no attempt made two. The attempt `besides` has no story."""
    made: dict[str, list[str]] = defaultdict(list)
    token = ""
    while True:
        body = {"experiment_ids": [experiment_id], "max_results": PAGE, "page_token": token, "run_view_type": "ALL"}
        status, answer = connection.post("runs/search", body)
        assert status == 200, answer
        for run in answer.get("runs", []):
            tags = {tag["key"]: tag["value"] for tag in run["data"]["tags"]}
            made[tags.get(ATTEMPT_TAG, "none")].append(run["info"]["run_id"])
        token = answer.get("next_page_token", "")
        if not token:
            break
    attempts = {story.attempt: story for story in stories}
    yield from (
        f"runs {runs} come from no attempt" for attempt, runs in made.items() if attempt not in {besides, *attempts}
    )
    for attempt, story in attempts.items():
        runs = made[attempt]
        if len(runs) > (story.told != NOT_DONE) or (story.run_id and runs != [story.run_id]):
            yield f"attempt {attempt}, told {story.run_id or 'nothing'}, made {runs}"


def faults_of_claims(
    connection: Connection, experiment_id: str, shared_run_id: str, claims: Iterable[Claim]
) -> Iterator[str]:
    """Of those who wanted one thing, one has it, and all were told so."""
    params = state_of(connection, shared_run_id).params
    by_wanted: dict[tuple[str, str], list[Claim]] = defaultdict(list)
    for claim in claims:
        if claim.kind not in ("version", "stage", *ADDED):
            by_wanted[claim.kind, claim.wanted].append(claim)
    for (kind, wanted), rivals in by_wanted.items():
        if kind in ("queue", "schema"):
            holder = holder_of(connection, kind, experiment_id, wanted)
        else:
            holder = params.get(wanted, "") if kind == "param" else holder_of_name(connection, kind, wanted)
        for claim in rivals:
            if claim.told == YES and claim.value != holder:
                yield f"{kind} {wanted}: {claim} was told yes, {holder or 'nobody'} has it"
            if claim.told == NOT_DONE and claim.value == holder:
                yield f"{kind} {wanted}: {claim} was told that nothing was done, and has it"
            if claim.told == NO and (claim.value == holder or not holder):
                yield f"{kind} {wanted}: {claim} was told no, {holder or 'nobody'} has it"


def holder_of_name(connection: Connection, kind: str, name: str) -> str:
    """The attempt that made the experiment or registered model of this name; empty without one."""
    if kind == "model":
        status, answer = connection.get("registered-models/get", name=name)
    else:
        status, answer = connection.get("experiments/get-by-name", experiment_name=name)
    if status == 404:
        return ""
    assert status == 200, answer
    [made] = answer.values()
    return next(str(tag["value"]) for tag in made["tags"] if tag["key"] == ATTEMPT_TAG)


def faults_of_versions(connection: Connection, name: str, claims: Iterable[Claim]) -> Iterator[str]:
    """Each version that was told of is there once under its number, numbers have no gap, and one is in production."""
    body = {"filter": f"name = '{name}'", "order_by": "version_number ASC"}
    status, answer = connection.get("model-versions/search", **body)
    assert status == 200, answer
    versions = answer.get("model_versions", [])
    numbers = [version["version"] for version in versions]
    if numbers != [str(number) for number in range(1, len(numbers) + 1)]:
        yield f"versions of {name} are {numbers}"
    made: dict[str, list[str]] = defaultdict(list)
    for version in versions:
        tags = {tag["key"]: tag["value"] for tag in version["tags"]}
        made[tags[ATTEMPT_TAG]].append(version["version"])
    mine = [claim for claim in claims if claim.wanted == name]
    for claim in (claim for claim in mine if claim.kind == "version"):
        shown = made.pop(claim.value, [])
        if (claim.told == YES and shown != [claim.number]) or len(shown) > (claim.told != NOT_DONE):
            yield f"{claim} made versions {shown}"
    yield from (f"versions {shown} of {name} come from no attempt" for shown in made.values())
    moves = [claim for claim in mine if claim.kind == "stage"]
    stages = Counter(version["current_stage"] for version in versions)
    if stages["Production"] > 1 or (stages["Production"] == 0 and any(claim.told == YES for claim in moves)):
        yield f"{stages['Production']} versions of {name} are in production"
    for claim in moves:
        stage = versions[int(claim.number) - 1]["current_stage"] if int(claim.number) <= len(versions) else "none"
        allowed = {YES: ("Production", "Archived"), NOT_DONE: ("None",)}.get(
            claim.told, ("None", "Production", "Archived")
        )
        if stage not in allowed:
            yield f"{claim}: the version is in stage {stage}"


def faults_of_log(requests_in_log: Counter[str], stories: Iterable[ClientStory]) -> Iterator[str]:
    """Every acknowledged request left its event once; no request left two.

    Except for the creation of an experiment, which is tried again when another took its number, not its name.
    """
    for story in stories:
        told = [(one.request_id, one.told, str(one)) for one in story.claims if one.kind != "name"]
        for run in story.runs:
            told.append((run.request_id, YES if run.run_id else UNKNOWN, f"creation of {run.run_id}"))
            told += [(write.request_id, write.told, f"{write} of {run.run_id}") for write in run.writes]
        for request_id, answer, what in told:
            times = requests_in_log[request_id]
            if times > 1 or (answer == YES and times == 0):
                yield f"the log has {times} events of request {request_id}, told {answer}: {what}"
