"""Registered models: their document and their search."""
