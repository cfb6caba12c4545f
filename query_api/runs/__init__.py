"""Runs: their search."""
