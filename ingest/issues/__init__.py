"""Issues: what clients change of them."""
