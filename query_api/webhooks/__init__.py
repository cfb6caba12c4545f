"""Webhooks: what is read of them, and of their deliveries."""
