"""Evaluation datasets: what is read of them and of their records."""
