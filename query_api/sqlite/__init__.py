"""The read model in SQLite, as queries see it."""
