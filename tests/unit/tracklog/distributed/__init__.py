"""Rules of the wiring of roles that share a log."""
