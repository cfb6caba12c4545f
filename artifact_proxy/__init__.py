"""Artifact bytes in and out, past the log, to a blob store."""
