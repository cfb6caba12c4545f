"""What a client may do with the versions of registered models."""
