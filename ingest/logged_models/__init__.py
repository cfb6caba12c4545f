"""What a client may do with logged models."""
