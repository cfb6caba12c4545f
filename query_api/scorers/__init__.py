"""Scorers: what is read of them."""
