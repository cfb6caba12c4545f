"""Answers reads from the read model, once the read model has passed the end of the log."""

PUBLIC_MODULES = (
    "artifact_roots",
    "frames",
    "freshness",
    "history.parquet",
    "history.request",
    "history.scan",
    "history.search",
    "history.wanted",
    "logged_models.artifact_root",
    "model_versions.artifact_root",
    "past.port",
    "port",
    "postgresql.read_model",
    "proof",
    "routes",
    "runs.artifact_root",
    "server_routes",
    "sqlite.in_memory",
    "sqlite.read_model",
    "sqlite.text_match",
    "traces.artifact_root",
    "traces.span_json",
    "webhooks.port",
)
"""The modules, and folders of them, that other packages may import: tests/repository/test_public_modules.py."""
