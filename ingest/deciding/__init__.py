"""Deciding: from what the door sees and a command to the events it makes, or the error it is refused with. Pure."""
