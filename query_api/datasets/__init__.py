"""Datasets: their search."""
