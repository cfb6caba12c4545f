"""Review queues: what is read of them and of their items."""
