"""Corrections of what was logged to a run."""
