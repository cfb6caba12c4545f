"""Folds the log into the read model."""

PUBLIC_MODULES = (
    "batch",
    "history_worker",
    "last_folded",
    "port",
    "postgresql_projector",
    "postgresql_rebuild",
    "rebuild",
    "sqlite_damage",
    "sqlite_generations",
    "sqlite_memory",
    "sqlite_origin",
    "sqlite_past",
    "sqlite_rebuild",
    "sqlite_writer",
    "worker",
)
"""The modules, and folders of them, that other packages may import: tests/repository/test_public_modules.py."""
