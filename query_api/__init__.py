"""Answers reads from the read model, once the read model has passed the end of the log."""
