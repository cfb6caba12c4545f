"""Rules of the HTTP front."""
