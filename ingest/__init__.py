"""Turns write requests into events: validates, decides on what is known, appends, and answers."""

PUBLIC_MODULES = (
    "admission.lookups",
    "admission.postgresql_lookups",
    "admission.sqlite_lookups",
    "erasures.commands",
    "erasures.port",
    "model_versions.source_policy",
    "otlp.routes",
    "routes",
    "service",
    "undo.event_finder",
    "undo.selection",
    "users.commands",
    "users.port",
    "webhooks.port",
)
"""The modules, and folders of them, that other packages may import: tests/repository/test_public_modules.py."""
