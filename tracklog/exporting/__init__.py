"""What was tracked, written out of the log for others to read."""
