"""Artifacts in S3, or what speaks its language."""
