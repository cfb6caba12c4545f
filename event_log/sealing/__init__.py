"""Payloads sealed under keys of their streams, in a log in which nothing can be changed: forgetting destroys keys."""
