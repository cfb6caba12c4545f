"""Folds the log into the read model."""
