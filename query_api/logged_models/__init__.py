"""Logged models: their search."""
