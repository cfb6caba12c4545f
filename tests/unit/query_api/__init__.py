"""Rules of the reading side."""
