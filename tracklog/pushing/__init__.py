"""What `tracklog push` does: the events and artifacts of one log, brought to another over HTTP."""
