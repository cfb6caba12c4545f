"""The history index: where in the log the events are that somebody looks for."""
