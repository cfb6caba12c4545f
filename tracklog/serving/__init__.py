"""Making a process of a role: what it opens, how it starts, runs and stops."""
