"""Label schemas: what is read of them."""
