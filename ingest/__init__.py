"""Turns write requests into events: validates, decides on what is known, appends, and answers."""
