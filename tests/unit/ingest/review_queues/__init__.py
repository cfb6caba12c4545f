"""Commands about review queues."""
