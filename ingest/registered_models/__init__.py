"""What a client may do with registered models: commands, and the pure decisions they come to."""
