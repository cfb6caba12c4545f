"""Experiments: their search."""
