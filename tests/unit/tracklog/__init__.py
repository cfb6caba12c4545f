"""Rules of the wiring."""
