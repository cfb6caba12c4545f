"""Fills a server with traces through the stock client, as `python -m tests.ui.seed_traces URL`, and prints ids."""

import json
import logging
import sys
import uuid
from dataclasses import asdict, dataclass
from typing import Any

import mlflow
from mlflow.genai.scorers import scorer

SESSION = "rainy talk"


@dataclass(frozen=True, slots=True)
class SeededTraces:
    """Ids of what the tests look for."""

    experiment_id: str
    answered_id: str  # in the session, with a span of a tool and feedback


@mlflow.trace(span_type="TOOL")
def look_up(city: str) -> str:
    return f"rain in {city}"


@mlflow.trace(span_type="AGENT")
def ask(question: str) -> str:
    return look_up("Paris")


@mlflow.trace(span_type="AGENT")
def ask_in_session(question: str) -> str:
    mlflow.update_current_trace(metadata={"mlflow.trace.session": SESSION})
    return look_up("Paris")


@scorer
def is_short(outputs: Any) -> bool:
    return len(str(outputs)) < 100


def seed(url: str) -> SeededTraces:
    """Talk twice in a session, say something of a trace, and evaluate."""
    mlflow.set_tracking_uri(url)
    experiment_id = mlflow.set_experiment(f"talks-{uuid.uuid4().hex[:8]}").experiment_id
    ask_in_session("Will it rain today?")
    answered_id = mlflow.get_last_active_trace_id()
    ask_in_session("And tomorrow?")
    mlflow.flush_trace_async_logging()
    assert answered_id is not None
    mlflow.log_feedback(trace_id=answered_id, name="helpful", value=True, rationale="it did rain")
    mlflow.genai.evaluate(data=[{"inputs": {"question": "Why?"}}], predict_fn=ask, scorers=[is_short])
    mlflow.flush_trace_async_logging()
    return SeededTraces(experiment_id=experiment_id, answered_id=answered_id)


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    seeded = seed(sys.argv[1])
    sys.stdout.write("\n" + json.dumps(asdict(seeded)))  # MLflow prints where the results are
