"""Erasing for good what is deleted: what that would be, its events, and carrying it out."""
