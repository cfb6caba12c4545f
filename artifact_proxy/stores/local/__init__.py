"""Artifacts in a local folder."""
