"""Users and their access tokens: what is read of them."""
