"""Bringing events to a server that takes them by their ids: what every command that does so has in common."""
