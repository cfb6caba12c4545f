"""Roles, grants and assignments: what is read of them."""
