"""Turns write requests into events: validates, decides what the door can decide, appends, and answers."""
