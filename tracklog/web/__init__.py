"""The HTTP front: one application made of the routes of all services, and what holds for every request."""
