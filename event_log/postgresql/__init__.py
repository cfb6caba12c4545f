"""The event log in tables of PostgreSQL, and which process follows it."""
