"""Proving what a log holds, as pure values: leaves, the tree over them, signed notes, and what differs."""
