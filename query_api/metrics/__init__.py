"""Metric histories: read, put in order, sampled and written as JSON."""
