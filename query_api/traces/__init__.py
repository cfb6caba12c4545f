"""Traces: what they are, their spans, what was said of them, their search and their metrics."""
