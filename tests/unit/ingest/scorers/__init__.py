"""Commands about scorers."""
