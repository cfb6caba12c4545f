"""Issues: what is read of them."""
