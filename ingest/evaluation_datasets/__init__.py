"""Evaluation datasets: what clients change of them and of their records."""
