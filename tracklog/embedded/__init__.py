"""All roles in one process tree: the front that answers, and the projector as a child."""
