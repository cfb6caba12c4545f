"""Scorers: what clients change of them."""
