"""What a client tried and what it was told: enough to say, of any state of the server, whether that was the truth."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

YES = "yes"
"""The server said that it is done."""
NO = "no"
"""The server refused, because another was first."""
NOT_DONE = "not done"
"""429: the server asks to try again, and did nothing."""
UNKNOWN = "unknown"
"""No answer came, or one that asks to try again: it may have happened or not, but not by half."""

ATTEMPT_TAG = "crash.attempt"
FIRST_MS = 1_700_000_000_000

Point = tuple[int, float, int]
"""Step, value, timestamp in ms."""


@dataclass
class Write:
    """One request to change a run; `number` is its own in the run, and all it writes follows from it."""

    kind: str
    number: int
    size: int = 0
    request_id: str = ""
    told: str = UNKNOWN

    def params(self) -> dict[str, str]:
        match self.kind:
            case "param":
                return {f"p{self.number}": f"value {self.number}"}
            case "batch":
                return {f"b{self.number}.{one}": f"{one}" for one in range(5)}
            case _:
                return {}

    def tags(self) -> dict[str, str]:
        match self.kind:
            case "tag":
                return {f"t{self.number}": f"value {self.number}"}
            case "batch":
                return {f"b{self.number}.{one}": f"{one}" for one in range(3)}
            case _:
                return {}

    def points(self) -> dict[str, list[Point]]:
        match self.kind:
            case "metric":
                return {"m": [(self.number, self.number / 2, FIRST_MS + self.number)]}
            case "batch":
                first = self.number * 1000
                return {"b": [(first + one, float(one), FIRST_MS + one) for one in range(self.size)]}
            case _:
                return {}

    def spans(self) -> list[str]:
        """Names of spans of the run's trace."""
        return [f"s{self.number}.{one}" for one in range(self.size)] if self.kind == "spans" else []

    def feedback(self) -> list[str]:
        """Names of what is said about the run's trace."""
        return [f"f{self.number}"] if self.kind == "feedback" else []


@dataclass
class RunStory:
    """A run as one client saw it, and a trace; `run_id` is empty until the server has told it."""

    attempt: str
    request_id: str
    run_id: str = ""
    told: str = UNKNOWN
    writes: list[Write] = field(default_factory=list)

    @property
    def trace_id(self) -> str:
        """Of the trace that is written beside the run, which the first spans make."""
        return f"tr-{self.attempt}"

    @property
    def has_trace(self) -> bool:
        """Whether it is certain that the trace is there."""
        return any(write.kind == "spans" and write.told == YES for write in self.writes)


@dataclass
class Claim:
    """A request for what only one can have, by its `kind`.

    name, model, queue, schema: the name of an experiment, a registered model, a review queue or a label schema.
    param: its value in the shared run. version, stage: the next number of a version of the shared model, and to be the
    only one in production; `number` is what was told.
    scorer, record, issue: one more of what all share.
    """

    kind: str
    wanted: str
    value: str
    request_id: str
    told: str = UNKNOWN
    number: str = ""


def shared_model(experiment_id: str) -> str:
    """The name of the registered model to which all clients of a round add versions."""
    return f"shared-{experiment_id}"


@dataclass
class ClientStory:
    """Everything one client process did. `faults` are lies it noticed itself, reading between its writes."""

    runs: list[RunStory] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    reads: int = 0

    def save(self, file: Path) -> None:
        """Write the whole to `file`."""
        file.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, file: Path) -> "ClientStory":
        """Read what `save` wrote."""
        document: dict[str, Any] = json.loads(file.read_text())
        runs = [RunStory(**{**run, "writes": [Write(**write) for write in run["writes"]]}) for run in document["runs"]]
        claims = [Claim(**claim) for claim in document["claims"]]
        return cls(runs=runs, claims=claims, faults=document["faults"], reads=document["reads"])
