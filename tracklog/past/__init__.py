"""A server of a moment that is past."""
