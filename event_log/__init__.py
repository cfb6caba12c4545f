"""The event log: one port, and an adapter a folder."""
