"""Undoing what happened: a plan of it from the history, and events that carry the plan out."""
