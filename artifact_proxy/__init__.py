"""Artifact bytes in and out, past the log, to a blob store."""

PUBLIC_MODULES = (
    "artifact_path",
    "artifact_roots",
    "changes",
    "http.listing",
    "http.routes",
    "service",
    "stores.blob_store",
    "stores.by_uri",
    "stores.staging",
    "stores.streams",
    "stores.uri",
)
"""The modules, and folders of them, that other packages may import: tests/repository/test_public_modules.py."""
