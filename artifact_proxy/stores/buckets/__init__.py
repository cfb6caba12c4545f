"""Artifacts in stores of objects: what they share, Google Cloud Storage, Azure."""
