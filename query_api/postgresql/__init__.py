"""The read model in PostgreSQL, as queries see it."""
