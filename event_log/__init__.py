"""The event log: one port, and an adapter a folder."""

PUBLIC_MODULES = (
    "copying",
    "erased_reads",
    "fixed_assignment",
    "forgetting",
    "gathered",
    "kafka.assignment",
    "kafka.event_log",
    "kafka.settings",
    "log_until",
    "passed_on",
    "port",
    "postgresql.assignment",
    "postgresql.connection",
    "postgresql.control_schema",
    "postgresql.copy",
    "postgresql.event_log",
    "postgresql.forgetting",
    "proof",
    "sqlite.copy",
    "sqlite.event_log",
    "sqlite.log_file",
    "streams",
)
"""The modules, and folders of them, that other packages may import: tests/unit/test_public_modules.py."""
