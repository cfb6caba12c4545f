"""What a client may do with registered models, their tags and aliases."""
