"""The language the services share: events, envelope, codec, read-model tables, requests and errors."""

PUBLIC_MODULES = (
    "artifact_uris",
    "claims",
    "codec",
    "damaged_event",
    "documents",
    "durable_rename",
    "envelope",
    "errors",
    "event_json",
    "events",
    "levels",
    "messages",
    "metric_values",
    "migrations",
    "mlflow",
    "moments",
    "postgresql",
    "postgresql_errors",
    "principal",
    "refusals",
    "rest",
    "sight",
    "sqlite_errors",
    "webhook_events",
)
"""The modules, and folders of them, that other packages may import: tests/unit/test_public_modules.py."""
