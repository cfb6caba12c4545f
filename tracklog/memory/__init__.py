"""What the processes do about their memory, each a setting of a library or of the interpreter."""
