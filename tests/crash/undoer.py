"""Somebody who makes slips in runs and undoes them while projectors are killed; what they planned and were told."""

import random
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from tests.crash.http_client import Behind, Connection, NoAnswerError
from tests.crash.judge import RunState, state_of
from tests.crash.story import NO, UNKNOWN, YES

OURS: Final = "/api/tracklog/v1"
PAUSE_S: Final = 0.05
NOT_NOW: Final = (429, 503, 504)
CONFLICT: Final = 409
CONTENDED: Final = "contended"
"""The tag that a rival may set while the slip is being undone."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shown:
    """A run as the server shows it, the contended tag apart."""

    state: RunState
    lifecycle_stage: str
    contended: str | None


@dataclass
class Attempt:
    """One undo: of which events its plan was, and what was told of it. `is_whole`: nothing was refused."""

    request_id: str
    planned: set[str]
    told: str = UNKNOWN
    is_whole: bool = False
    undone: list[str] = field(default_factory=list)


@dataclass
class Slip:
    """A run as it was before a slip, and the undos of it. `rival`: what another was told who set the tag meanwhile."""

    run_id: str
    before: Shown
    attempts: list[Attempt] = field(default_factory=list)
    rival: str = UNKNOWN


class Undoer(threading.Thread):
    """One slip after the other, each undone, until asked to stop. `error` is what no kill of a projector explains."""

    def __init__(self, port: int, experiment_id: str, seed: int, stop: threading.Event) -> None:
        super().__init__()
        self.slips: list[Slip] = []
        self.error: Exception | None = None
        self._port = port
        self._server = Connection(port)
        self._experiment_id = experiment_id
        self._dice = random.Random(seed)
        self._stop_asked = stop

    def run(self) -> None:
        try:
            while not self._stop_asked.is_set():
                self._slip_and_undo()
        except Exception as error:  # shown by the test
            self.error = error
        finally:
            self._server.close()

    def _slip_and_undo(self) -> None:
        created = self._write("runs/create", {"experiment_id": self._experiment_id, "run_name": "n"})
        if created is None:
            return
        run_id = created["run"]["info"]["run_id"]
        if self._write("runs/log-batch", _batch(run_id, "before", {CONTENDED: "before", "kept": "a"}, 0)) is None:
            return
        slip = Slip(run_id, patiently(lambda: shown(self._server, run_id)))
        request_id = f"slip-{uuid.uuid4().hex}"
        for path, body in self._wrong(run_id):
            if self._write(path, body, request_id) is None:
                return  # it may still happen, after a plan
        self.slips.append(slip)
        while self._undo(slip, request_id):
            pass

    def _wrong(self, run_id: str) -> list[tuple[str, Any]]:
        """The requests of one id that make the slip."""
        steps: list[tuple[str, Any]] = [
            ("runs/log-batch", _batch(run_id, "wrong", {CONTENDED: "wrong", "kept": "b", "new": "x"}, 10)),
            ("runs/update", {"run_id": run_id, "status": "FAILED", "end_time": 5, "run_name": "other"}),
            ("runs/delete-tag", {"run_id": run_id, "key": "kept"}),
        ]
        return [*steps, ("runs/delete", {"run_id": run_id})] if self._dice.random() < 0.3 else steps

    def _undo(self, slip: Slip, request_id: str) -> bool:
        """Plan and undo once; whether something is left to undo."""
        selected = {"request_id": request_id}
        plan = self._until_answered(f"{OURS}/undo/plan", selected)
        if not plan["changes"]:
            return False
        attempt = Attempt(f"undo-{uuid.uuid4().hex}", {one for change in plan["changes"] for one in change["undoes"]})
        slip.attempts.append(attempt)
        rival = threading.Thread(target=self._rival, args=(slip,))
        is_rivalled = slip.rival == UNKNOWN and self._dice.random() < 0.3
        if is_rivalled:
            rival.start()
        try:
            body = {**selected, "digest": plan["digest"]}
            status, answer = self._server.ask("POST", f"{OURS}/undo", body, attempt.request_id)
        except NoAnswerError:
            status, answer = 503, {}
        finally:
            if is_rivalled:
                rival.join()
        if status == 200:
            attempt.told = YES
            attempt.is_whole = not answer["refused"]
            attempt.undone = [one["id"] for one in answer["undone"]]
        elif status not in (*NOT_NOW, CONFLICT):
            raise AssertionError(f"undo answers {status}: {answer}")
        return True

    def _rival(self, slip: Slip) -> None:
        connection = Connection(self._port)
        try:
            body = {"run_id": slip.run_id, "key": CONTENDED, "value": "rival"}
            slip.rival = YES if connection.post("runs/set-tag", body)[0] == 200 else NO
        except NoAnswerError:
            slip.rival = NO
        finally:
            connection.close()

    def _write(self, path: str, body: Any, request_id: str = "") -> Any:
        """The answer, None where nobody knows what became of it."""
        try:
            status, answer = self._server.post(path, body, request_id)
        except NoAnswerError:
            return None
        if status in NOT_NOW:
            return None
        assert status == 200, f"{path} answers {status}: {answer}"
        return answer

    def _until_answered(self, path: str, body: Any) -> Any:
        def ask() -> Any:
            status, answer = self._server.ask("POST", path, body)
            if status in NOT_NOW:
                raise Behind
            assert status == 200, f"{path} answers {status}: {answer}"
            return answer

        return patiently(ask)


def patiently(ask: Callable[[], T]) -> T:
    """What is answered once the server answers; the test's own end is the bound."""
    while True:
        try:
            return ask()
        except (Behind, NoAnswerError):
            time.sleep(PAUSE_S)


def shown(connection: Connection, run_id: str) -> Shown:
    """The run now. Raises NoAnswerError, Behind."""
    state = state_of(connection, run_id)
    status, answer = connection.get("runs/get", run_id=run_id)
    if status != 200:
        raise Behind
    contended = state.tags.pop(CONTENDED, None)
    return Shown(state, answer["run"]["info"]["lifecycle_stage"], contended)


def _batch(run_id: str, word: str, tags: dict[str, str], first_step: int) -> Any:
    steps = range(first_step, first_step + 5)
    return {
        "run_id": run_id,
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
        "params": [{"key": f"of {word}", "value": word}],
        "metrics": [{"key": "m", "value": step / 2, "step": step, "timestamp": step} for step in steps],
    }
