"""The history of events, read from the log itself and not from the read model."""
