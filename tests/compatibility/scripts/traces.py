"""Traces, and what is said about them, by the stock client; prints what it read back."""

import json
import sys
from typing import Any

import mlflow
from mlflow import MlflowClient

experiment_id = sys.argv[1]
mlflow.set_experiment(experiment_id=experiment_id)
client = MlflowClient()


@mlflow.trace(span_type="TOOL")
def look_up(city: str) -> dict[str, Any]:
    return {"population": 2_000_000}


def ask() -> str:
    with mlflow.start_span("question") as span:
        span.set_inputs({"messages": [{"role": "user", "content": "How many?"}]})
        mlflow.update_current_trace(tags={"team": "x"}, metadata={"mlflow.trace.session": "s"})
        span.set_outputs({"answer": look_up("Paris")})
    mlflow.flush_trace_async_logging()
    trace_id: str = span.trace_id
    return trace_id


def found(filter_string: str) -> list[str]:
    traces = mlflow.search_traces(locations=[experiment_id], filter_string=filter_string, return_type="list")
    return [one.info.trace_id for one in traces if len(one.data.spans) == 2]


trace_id = ask()
trace = mlflow.get_trace(trace_id)
root, tool = trace.data.spans
read = {
    "spans": [[span.name, span.span_type] for span in trace.data.spans],
    "is_below": tool.parent_id == root.span_id,
    "tool": [tool.inputs, tool.outputs],
    "state": trace.info.state.value,
    "preview": trace.info.request_preview,
    "name": trace.info.tags["mlflow.traceName"],
    "found": found("span.type = 'TOOL' AND tags.team = 'x'") == [trace_id],
    "frame": mlflow.search_traces(locations=[experiment_id])["trace_id"].tolist() == [trace_id],
}

run = client.create_run(experiment_id)
first = mlflow.log_feedback(
    trace_id=trace_id,
    name="good",
    value=True,
    rationale="as asked",
    metadata={"mlflow.assessment.sourceRunId": run.info.run_id},
)
assert first.assessment_id is not None
mlflow.log_expectation(trace_id=trace_id, name="answer", value={"population": 2})
second = mlflow.override_feedback(trace_id=trace_id, assessment_id=first.assessment_id, value=False)
assert second.assessment_id is not None
overridden = [[one.name, one.value, one.valid] for one in mlflow.get_trace(trace_id).info.assessments]
mlflow.delete_assessment(trace_id=trace_id, assessment_id=second.assessment_id)
client.delete_run(run.info.run_id)
again: Any = mlflow.get_assessment(trace_id, first.assessment_id)
said = {
    "overridden": overridden,
    "again": [again.valid, again.value, again.rationale],
    "found": found("feedback.good = 'true'") == [trace_id],
}

client.set_trace_tag(trace_id, "k", "v")
tags = [client.get_trace(trace_id).info.tags.get("k")]
client.delete_trace_tag(trace_id, "k")
tags.append(client.get_trace(trace_id).info.tags.get("k"))
deleted = client.delete_traces(experiment_id=experiment_id, trace_ids=[trace_id])
left = [one.info.trace_id for one in client.search_traces(locations=[experiment_id])]

sys.stdout.write(json.dumps({"read": read, "said": said, "tags": tags, "deleted": deleted, "left": left}))
