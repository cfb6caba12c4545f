"""Label schemas: what clients change of them."""
