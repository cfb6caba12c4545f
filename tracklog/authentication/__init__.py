"""Who asks: passwords and access tokens, checked before any body is read."""
