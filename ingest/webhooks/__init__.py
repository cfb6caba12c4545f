"""Webhooks: what clients change of them."""
