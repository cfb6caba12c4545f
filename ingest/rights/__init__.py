"""Roles, grants and assignments: what is changed of them."""
