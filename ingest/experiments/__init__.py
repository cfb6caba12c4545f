"""What a client may do with experiments: commands, and the pure decisions they come to."""
