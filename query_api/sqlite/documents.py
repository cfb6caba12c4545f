"""Runs, experiments and logged models as JSON, in SQLite's SQL: expressions over a row, as MLflow answers them.

Doubles are spliced in as the JSON they are kept as, because SQLite would print 15 digits. Each list is one index range
read; an empty one must be absent, so its '[]' or NULL becomes nothing.
"""

from typing import Final

LIFECYCLE_STAGE: Final = (
    "CASE WHEN coalesce(r.experiment_revision < e.lifecycle_revision, r.lifecycle_us <= e.lifecycle_us)"
    " THEN e.lifecycle_stage ELSE r.lifecycle_stage END"
)
"""Of `runs r LEFT JOIN experiments e`, the run's effective stage: its own, unless its experiment's changed after it."""


def _listed(field: str, members: str, rows: str) -> str:
    """`,"field":[{…}]` with an object of the members for each of the rows, nothing when there are none."""
    found = f"(SELECT json_group_array(json_object({members})) FROM {rows})"
    return f"""coalesce(',"{field}":' || nullif({found}, '[]'), '')"""


def _key_values(table: str, owner: str, field: str) -> str:
    return _listed(field, "'key', key, 'value', value", f"{table} WHERE {owner}")


_OF_RUN = "run_number = r.run_number"

_RUN_INFO = f"""'{{"run_uuid":' || json_quote(r.run_id)
 || ',"experiment_id":"' || r.experiment_id
 || '","run_name":' || json_quote(r.name)
 || ',"user_id":' || json_quote(r.user_id)
 || ',"status":"' || r.status
 || '","start_time":' || r.start_time_ms
 || coalesce(',"end_time":' || r.end_time_ms, '')
 || ',"artifact_uri":' || json_quote(r.artifact_uri)
 || ',"lifecycle_stage":"' || {LIFECYCLE_STAGE}
 || '","run_id":' || json_quote(r.run_id) || '}}'"""

_RUN_METRICS = _listed(
    "metrics",
    "'key', key, 'value', json(value_json), 'timestamp', timestamp_ms, 'step', step",
    f"latest_metrics WHERE {_OF_RUN}",
)

_RUN_DATA = (
    f"'{{' || substr({_RUN_METRICS}\n || {_key_values('params', _OF_RUN, 'params')}\n"
    f" || {_key_values('tags', _OF_RUN, 'tags')}, 2) || '}}'"
)

_DATASET_INPUTS = """coalesce(',"dataset_inputs":[{' || (SELECT group_concat(
 CASE WHEN i.tags = '[]' THEN '' ELSE '"tags":' || i.tags || ',' END
 || '"dataset":{"name":' || json_quote(d.name)
 || ',"digest":' || json_quote(d.digest)
 || ',"source_type":' || json_quote(d.source_type)
 || ',"source":' || json_quote(d.source)
 || iif(d.schema <> '', ',"schema":' || json_quote(d.schema), '')
 || iif(d.profile <> '', ',"profile":' || json_quote(d.profile), ''), '}},{')
 FROM dataset_inputs i CROSS JOIN datasets d
 ON d.experiment_id = i.experiment_id AND d.name = i.name AND d.digest = i.digest
 WHERE i.run_number = r.run_number) || '}}]', '')"""

_MODEL_INPUTS = _listed("model_inputs", "'model_id', model_id", f"model_inputs WHERE {_OF_RUN}")

_MODEL_OUTPUTS = _listed("model_outputs", "'model_id', model_id, 'step', step", f"model_outputs WHERE {_OF_RUN}")


def _run(inputs: str) -> str:
    return (
        f"""'{{"info":' || {_RUN_INFO}\n || ',"data":' || {_RUN_DATA}\n || ',"inputs":{{' || substr({inputs}, 2)\n"""
        f""" || '}},"outputs":{{' || substr({_MODEL_OUTPUTS}, 2) || '}}}}'"""
    )


RUN: Final = _run(f"{_DATASET_INPUTS}\n || {_MODEL_INPUTS}")
"""Of `runs r LEFT JOIN experiments e`: everything of a run."""

RUN_IN_SEARCH: Final = _run(_DATASET_INPUTS)
"""Of `runs r LEFT JOIN experiments e`: as MLflow's run search answers it, without the model inputs."""

EXPERIMENT: Final = f"""'{{"experiment_id":"' || e.experiment_id
 || '","name":' || json_quote(e.name)
 || ',"artifact_location":' || json_quote(e.artifact_location)
 || ',"lifecycle_stage":"' || e.lifecycle_stage
 || '","last_update_time":' || e.last_update_time_ms
 || ',"creation_time":' || e.creation_time_ms
 || {_key_values("experiment_tags", "experiment_id = e.experiment_id", "tags")} || ',"workspace":"default"}}'"""
"""Of `experiments e`."""

_OF_MODEL = "model_id = m.model_id"

_MODEL_METRICS = f"""coalesce(',"metrics":[{{"key":' || (SELECT group_concat(json_quote(key)
 || ',"value":' || value_json || ',"timestamp":' || timestamp_ms || ',"step":' || step
 || iif(dataset_name <> '', ',"dataset_name":' || json_quote(dataset_name), '')
 || iif(dataset_digest <> '', ',"dataset_digest":' || json_quote(dataset_digest), '')
 || ',"model_id":' || json_quote(model_id) || ',"run_id":' || json_quote(run_id), '}},{{"key":')
 FROM logged_model_metrics WHERE {_OF_MODEL}) || '}}]', '')"""

LOGGED_MODEL: Final = f"""'{{"info":{{"model_id":' || json_quote(m.model_id)
 || ',"experiment_id":"' || m.experiment_id
 || '","name":' || json_quote(m.name)
 || ',"creation_timestamp_ms":' || m.creation_timestamp_ms
 || ',"last_updated_timestamp_ms":' || m.last_updated_timestamp_ms
 || ',"artifact_uri":' || json_quote(m.artifact_location)
 || ',"status":"' || CASE m.status WHEN 1 THEN 'LOGGED_MODEL_PENDING' WHEN 2 THEN 'LOGGED_MODEL_READY'
 WHEN 3 THEN 'LOGGED_MODEL_UPLOAD_FAILED' ELSE 'LOGGED_MODEL_STATUS_UNSPECIFIED' END
 || '","model_type":' || json_quote(m.model_type)
 || ',"source_run_id":' || json_quote(m.source_run_id)
 || {_key_values("logged_model_tags", _OF_MODEL, "tags")}
 || '}},"data":{{' || substr({_key_values("logged_model_params", _OF_MODEL, "params")}
 || {_MODEL_METRICS}, 2) || '}}}}'"""
"""Of `logged_models m`."""

RUN_STATEMENT: Final = f"""SELECT CAST('{{"run":' || {RUN} || '}}' AS BLOB)
FROM runs r LEFT JOIN experiments e ON e.experiment_id = r.experiment_id WHERE r.run_id = ?"""

EXPERIMENT_STATEMENT: Final = f"""SELECT CAST('{{"experiment":' || {EXPERIMENT} || '}}' AS BLOB)
FROM experiments e WHERE e.experiment_id = ?"""

EXPERIMENT_BY_NAME_STATEMENT: Final = f"""SELECT CAST('{{"experiment":' || {EXPERIMENT} || '}}' AS BLOB)
FROM experiments e WHERE e.name = ?"""

LOGGED_MODEL_STATEMENT: Final = f"""SELECT CAST('{{"model":' || {LOGGED_MODEL} || '}}' AS BLOB)
FROM logged_models m WHERE m.model_id = ? AND m.lifecycle_stage = 'active'"""

LOGGED_MODEL_OR_DELETED_STATEMENT: Final = f"""SELECT CAST('{{"model":' || {LOGGED_MODEL} || '}}' AS BLOB)
FROM logged_models m WHERE m.model_id = ?"""
