"""One of several client processes that each write and at once read back, on runs of their own and on a shared one.

Arguments: experiment id, shared run id, number of this process, iterations. Prints what it failed to see.
"""

import json
import sys

from mlflow import MlflowClient
from mlflow.entities import Metric

experiment_id, shared_run_id, process, iterations = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
client = MlflowClient()
unseen: list[str] = []


def expect(seen: object, wanted: object, what: str) -> None:
    """Note a read that did not show the write before it."""
    if seen != wanted:
        unseen.append(f"process {process}: {what}: {seen!r} is not {wanted!r}")


run_id = client.create_run(experiment_id, run_name=f"process {process}").info.run_id
for i in range(iterations):
    client.log_metric(run_id, "m", float(i), timestamp=i, step=i)
    expect(client.get_run(run_id).data.metrics["m"], float(i), f"latest metric {i}")
    client.set_tag(run_id, "i", str(i))
    found = client.search_runs([experiment_id], filter_string=f"tags.i = '{i}' AND run_id = '{run_id}'")
    expect([run.info.run_id for run in found], [run_id], f"search for tag {i}")
    client.log_param(run_id, f"p{i}", i)
    expect(client.get_run(run_id).data.params.get(f"p{i}"), str(i), f"param {i}")
    client.log_batch(
        shared_run_id, metrics=[Metric(f"process {process}", float(10 * i + j), i, 10 * i + j) for j in range(10)]
    )
    history = client.get_metric_history(shared_run_id, f"process {process}")
    expect(len(history), 10 * (i + 1), f"points of the shared run after batch {i}")
json.dump(unseen, sys.stdout)
