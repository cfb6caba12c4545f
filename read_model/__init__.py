"""What the projector, queries and ingest share of the read model: tables, progress, connections."""

PUBLIC_MODULES = (
    "belonging",
    "child_progress",
    "connections",
    "fixed_progress",
    "history",
    "linger",
    "metric_points",
    "migrations",
    "postgresql_connections",
    "postgresql_flush",
    "postgresql_progress",
    "progress",
    "progress_message",
    "set_aside",
    "spans",
    "sqlite_link",
    "sqlite_statements",
    "tables",
)
"""The modules, and folders of them, that other packages may import: tests/repository/test_public_modules.py."""
