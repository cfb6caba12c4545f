"""The history of what was tracked: found by the history index, read from the log."""
