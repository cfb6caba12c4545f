"""Rules of the searches."""
