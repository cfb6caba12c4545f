"""A client process: `python -m tests.crash.client PORT EXPERIMENT SHARED_RUN DATASET FILE SEED`, until it gets SIGTERM.

Several threads write as fast as they are answered. When the server is gone, a thread waits until it is back, reads the
run it was at, and goes on.
"""

import random
import signal
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from tests.crash.evaluations import ADDED, V3, addition, name_taking
from tests.crash.http_client import Behind, Connection, NoAnswerError
from tests.crash.judge import faults_of_run, state_of
from tests.crash.story import ATTEMPT_TAG, NO, NOT_DONE, UNKNOWN, YES, Claim, ClientStory, RunStory, Write, shared_model

THREADS = 4
WRITES_PER_RUN = 40
NOTHING_WAS_DONE = 429
RETRYABLE = {503, 504}
KINDS = ["metric"] * 8 + ["param"] * 3 + ["tag"] * 2 + ["last"] * 2 + ["batch"] * 4 + ["spans"] * 3 + ["feedback"] * 2
SIZES = {"batch": (1, 10, 300), "spans": (1, 10, 100)}
CLAIMED = ("param", "name", "model", "version", "queue", "schema", *ADDED)
EXPERIMENT_HEADER = "x-mlflow-experiment-id"
CLAIMS_PER_S = 2.0
RETURN_PAUSE_S = 0.02


class Unexpected(Exception):
    """An answer that no crash explains."""


class Worker(threading.Thread):
    """One thread with one connection and one run at a time."""

    def __init__(
        self,
        port: int,
        experiment_id: str,
        shared_run_id: str,
        dataset_id: str,
        story: ClientStory,
        seed: int,
        stop: threading.Event,
    ) -> None:
        super().__init__()
        self._server = Connection(port)
        self._server.headers[EXPERIMENT_HEADER] = experiment_id
        self._dataset_id = dataset_id
        self._experiment_id = experiment_id
        self._shared_run_id = shared_run_id
        self._story = story
        self._random = random.Random(seed)
        self._stop_asked = stop
        self._me = uuid.uuid4().hex[:12]
        self._requests = 0

    def run(self) -> None:
        try:
            while not self._stop_asked.is_set():
                self._live_through_a_run()
        except (Unexpected, AssertionError) as fault:
            self._story.faults.append(str(fault))
            self._stop_asked.set()
        finally:
            self._server.close()

    def _live_through_a_run(self) -> None:
        story = RunStory(attempt=uuid.uuid4().hex, request_id=self._request_id())
        self._story.runs.append(story)
        tags = [{"key": ATTEMPT_TAG, "value": story.attempt}]
        body: Any = {"experiment_id": self._experiment_id, "start_time": 1, "tags": tags}
        story.told, answer = self._write("runs/create", body, story.request_id)
        if story.told != YES:
            return
        story.run_id = answer["run"]["info"]["run_id"]
        for number in range(1, WRITES_PER_RUN + 1):
            if self._stop_asked.is_set():
                return
            if self._random.random() < 0.1:
                self._claim()
            kind = "end" if number == WRITES_PER_RUN else self._random.choice(KINDS)
            if kind == "feedback" and not story.has_trace:
                kind = "spans"
            size = self._random.choice(SIZES.get(kind, (0,)))
            write = Write(kind, number, size, self._request_id())
            story.writes.append(write)
            write.told, _ = self._write(*request_of(story, write), write.request_id)
            if write.told in (UNKNOWN, NOT_DONE) or number % 13 == 0 or kind == "end":
                self._check(story)

    def _claim(self) -> None:
        """Ask for what others ask for in the same moment."""
        moment = int(time.time() * CLAIMS_PER_S)
        wanted = f"race-{self._experiment_id}-{moment}"
        match self._random.choice(CLAIMED):
            case "param":
                claim = Claim("param", f"c{moment}", self._me, self._request_id())
                body: Any = {"run_id": self._shared_run_id, "key": claim.wanted, "value": claim.value}
                path = "runs/log-parameter"
                if any(before.kind == "param" and before.wanted == claim.wanted for before in self._mine()):
                    return  # the same value again would be no event
            case "version":
                self._add_version()
                return
            case "queue" | "schema" as kind:
                claim = Claim(kind, wanted, uuid.uuid4().hex, self._request_id())
                path, body = name_taking(claim, self._experiment_id)
            case kind if kind in ADDED:
                claim = Claim(kind, "", uuid.uuid4().hex, self._request_id())
                path, body = addition(claim, self._experiment_id, self._dataset_id)
            case kind:
                claim = Claim(kind, wanted, uuid.uuid4().hex, self._request_id())
                body = {"name": wanted, "tags": [{"key": ATTEMPT_TAG, "value": claim.value}]}
                path = "experiments/create" if kind == "name" else "registered-models/create"
        self._story.claims.append(claim)
        claim.told, _ = self._write(path, body, claim.request_id, may_lose=True)

    def _add_version(self) -> None:
        """Add one to the registered model that all share, and say that it alone is in production."""
        name = shared_model(self._experiment_id)
        version = Claim("version", name, uuid.uuid4().hex, self._request_id())
        self._story.claims.append(version)
        tags = [{"key": ATTEMPT_TAG, "value": version.value}]
        body: Any = {"name": name, "source": "s3://bucket/model", "tags": tags}
        version.told, answer = self._write("model-versions/create", body, version.request_id)
        if version.told != YES:
            return
        version.number = answer["model_version"]["version"]
        stage = Claim("stage", name, version.value, self._request_id(), number=version.number)
        self._story.claims.append(stage)
        body = {
            "name": name,
            "version": version.number,
            "stage": "Production",
            "archive_existing_versions": True,
        }
        stage.told, _ = self._write("model-versions/transition-stage", body, stage.request_id)

    def _mine(self) -> list[Claim]:
        return [claim for claim in self._story.claims if claim.value == self._me]

    def _write(self, path: str, body: Any, request_id: str, may_lose: bool = False) -> tuple[str, dict[str, Any]]:
        try:
            status, answer = self._server.post(path, body, request_id)
        except NoAnswerError:
            self._wait_for_server()
            return UNKNOWN, {}
        if status == 200:
            return YES, answer
        if status == NOTHING_WAS_DONE:
            return NOT_DONE, {}
        if status in RETRYABLE:
            return UNKNOWN, {}
        if status == 400 and may_lose:
            return NO, {}
        raise Unexpected(f"{path} answers {status}: {answer}")

    def _check(self, story: RunStory) -> None:
        """Read the run; all that was told of it must be there."""
        try:
            state = state_of(self._server, story.run_id, story.trace_id)
        except NoAnswerError:
            self._wait_for_server()
            return
        except Behind:
            return
        self._story.reads += 1
        self._story.faults.extend(faults_of_run(story, state))

    def _wait_for_server(self) -> None:
        time.sleep(RETURN_PAUSE_S)  # behind a proxy one part may be gone while the others answer
        while not self._stop_asked.is_set() and not self._server.is_healthy():
            time.sleep(RETURN_PAUSE_S)

    def _request_id(self) -> str:
        self._requests += 1
        return f"{self._me}-{self._requests}"


def request_of(story: RunStory, write: Write) -> tuple[str, dict[str, Any]]:
    """The path and body of a write."""
    run_id = story.run_id
    body: dict[str, Any]
    match write.kind:
        case "spans":
            spans = [
                {"traceId": story.attempt, "spanId": f"{write.number:08x}{one + 1:08x}", "name": name}
                for one, name in enumerate(write.spans())
            ]
            return "/v1/traces", {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
        case "feedback":
            [name] = write.feedback()
            source = {"source_type": "CODE", "source_id": "crash"}
            body = {"assessment_name": name, "source": source, "feedback": {"value": write.number}}
            return f"{V3}traces/{story.trace_id}/assessments", {"assessment": body}
        case "metric":
            [(step, value, timestamp_ms)] = write.points()["m"]
            body = {"run_id": run_id, "key": "m", "value": value, "step": step, "timestamp": timestamp_ms}
            return "runs/log-metric", body
        case "param":
            [(key, text)] = write.params().items()
            return "runs/log-parameter", {"run_id": run_id, "key": key, "value": text}
        case "tag":
            [(key, text)] = write.tags().items()
            return "runs/set-tag", {"run_id": run_id, "key": key, "value": text}
        case "last":
            return "runs/set-tag", {"run_id": run_id, "key": "last", "value": str(write.number)}
        case "end":
            return "runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": 2}
        case _:
            return "runs/log-batch", {
                "run_id": run_id,
                "metrics": [
                    {"key": key, "value": value, "step": step, "timestamp": timestamp_ms}
                    for key, points in write.points().items()
                    for step, value, timestamp_ms in points
                ],
                "params": [{"key": key, "value": value} for key, value in write.params().items()],
                "tags": [{"key": key, "value": value} for key, value in write.tags().items()],
            }


def main(port: int, experiment_id: str, shared_run_id: str, dataset_id: str, file: Path, seed: int) -> None:
    """Write until SIGTERM, then save the story."""
    story = ClientStory()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    workers = [
        Worker(port, experiment_id, shared_run_id, dataset_id, story, seed + one, stop) for one in range(THREADS)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    story.save(file)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4], Path(sys.argv[5]), int(sys.argv[6]))
