"""Users and their access tokens: what is changed of them."""
